"""A world's calls as tests read them: what was asked and answered, with bodies as values."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from .globs import fits

_ASIDE = ("dns", "clock")  # a name that was looked up, and what time did: nobody's calls


class Call:
    """One call of the ledger. Attributes are the keys of docs/ledger.md (`status`, `verdict`, `target` and so on).

    `body` and `reply_body` are values where they are JSON or a form, else text; None where nothing was recorded.
    """

    __slots__ = ("_parsed", "line")

    def __init__(self, line: dict[str, Any]) -> None:
        self.line = line
        self._parsed: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.line[name]
        except KeyError:
            raise AttributeError(f"a call has no {name!r}; it has: {', '.join(self.line)}") from None

    def __repr__(self) -> str:
        return f"<call {self.seq} {self.target} {self.status} {self.verdict}>"

    @property
    def body(self) -> Any:
        """What was sent."""
        return self._read("request")

    @property
    def reply_body(self) -> Any:
        """What was answered."""
        return self._read("reply")

    @property
    def made(self) -> bool:
        """Whether the sandbox made it: all else is time's doing, or follows from what was made."""
        return bool(self.protocol == "websocket" or (self.cause is None and self.protocol not in _ASIDE))

    @property
    def place(self) -> str:
        """Host and path, without the query."""
        return f"{self.host}{str(self.path or '').partition('?')[0]}"

    def _read(self, name: str) -> Any:
        if name not in self._parsed:
            part = self.line.get(name)
            self._parsed[name] = None if part is None else _value(part)
        return self._parsed[name]


def _value(part: dict[str, Any]) -> Any:
    text = part["body"]
    media = next((value for key, value in part["headers"] if key.lower() == "content-type"), "").partition(";")[0]
    if not text:
        return None
    if media.strip().lower() == "application/x-www-form-urlencoded":
        return _form(text)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def _form(text: str) -> dict[str, Any]:
    """A form's fields; `a[b][c]=1` is nested, as Stripe and others write it."""
    values: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        name, *inner = key.replace("]", "").split("[")
        place, steps = values, [name, *inner]
        for step in steps[:-1]:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):  # `a=1&a[b]=2`: as it is, then
                break
        if isinstance(place, dict):
            place[steps[-1]] = value
    return values


def chosen(
    calls: Iterable[Call],
    *,
    service: str | None = None,
    verdict: str | None = None,
    method: str | None = None,
    path: str | None = None,
    status: int | None = None,
    protocol: str | None = None,
    only: Callable[[Call], bool] | None = None,
) -> list[Call]:
    """Those of `calls` that have all of this; `service` is a stub's name or a host, `path` a glob."""
    found = []
    for call in calls:
        if protocol is None and not call.made:
            continue
        if (
            service in (None, call.stub, call.host)
            and verdict in (None, call.verdict)
            and (method is None or method.upper() == call.method)
            and (path is None or fits(str(call.path or "").partition("?")[0], path))
            and status in (None, call.status)
            and protocol in (None, call.protocol)
            and (only is None or only(call))
        ):
            found.append(call)
    return found
