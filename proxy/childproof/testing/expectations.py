"""What a call must be, as a value that says how a call differs from it: the match and the message are one function."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from .calls import Call
from .globs import fits

_SCHEME = re.compile(r"^[a-z]+://")
ABSENT = type("Absent", (), {"__repr__": lambda _: "nothing"})()


class Difference(msgspec.Struct, frozen=True):
    """Where a call isn't as expected. `weight` orders what is near: another host is far, another amount is near."""

    place: str
    found: Any
    wanted: Any
    weight: int

    def __str__(self) -> str:
        return f"{self.place}: {_shown(self.found)}, expected {_shown(self.wanted)}"


class Expected(msgspec.Struct, frozen=True):
    """A kind of call, by what is given of it.

    `target` is a glob over host and path; over the path alone where it begins with `/`, over the host where there is no path.
    `fields` are those of the request's body: a value, a value within (`{"metadata": {"order": "7"}}`), a compiled pattern, or
    `...` for anything. With `done`, calls that were refused (denied, or with an error's status) are no such calls,
    unless `verdict` or `status` ask for them.
    """

    method: str | None = None
    target: str | None = None
    service: str | None = None
    verdict: str | None = None
    status: int | None = None
    done: bool = False
    fields: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def differences(self, call: Call) -> list[Difference]:
        """Where a call differs; nowhere if it is such a call."""
        found = []
        if self.target is not None:
            target = _SCHEME.sub("", self.target)
            host, slash, _ = target.partition("/")
            name = "path" if not host else "target" if slash else "host"
            place = {"path": call.place.removeprefix(call.host), "target": call.place, "host": call.host}[name]
            if not fits(place, target):
                near = not host or fits(call.host, host)
                found.append(Difference(name, place, target, 20 if near else 60))
        if self.service is not None and self.service not in (call.stub, call.host):
            found.append(Difference("service", call.stub or call.host, self.service, 60))
        if self.method is not None and self.method.upper() != call.method:
            found.append(Difference("method", call.method or call.protocol, self.method.upper(), 15))
        if self.verdict is not None and self.verdict != call.verdict:
            found.append(Difference("verdict", call.verdict, self.verdict, 5))
        if self.status is not None and self.status != call.status:
            found.append(Difference("status", call.status, self.status, 4))
        if self.done and self.verdict is None and self.status is None:
            if call.verdict == "deny":
                found.append(Difference("verdict", f"deny ({call.reason})", "one that is not deny", 5))
            elif call.status is not None and call.protocol == "http" and call.status >= 400:
                found.append(Difference("status", call.status, "one below 400", 4))
        return found + _fields(call, self.fields)

    def __str__(self) -> str:
        named = " ".join(part for part in (self.method and self.method.upper(), self.target) if part)
        more = [f"{name}={getattr(self, name)!r}" for name in ("service", "verdict", "status") if getattr(self, name)]
        more += [f"{name}={_shown(value)}" for name, value in self.fields.items()]
        return " with ".join(part for part in (named or "a call", ", ".join(more)) if part)


def nearest(expected: Expected, calls: Sequence[Call]) -> tuple[Call, list[Difference]] | None:
    """The call that is least unlike what was expected, the newest of several; None where none is like it at all."""
    ranked = [(call, expected.differences(call)) for call in reversed(calls)]
    ranked = [(call, found) for call, found in ranked if sum(one.weight for one in found) < 100]
    return min(ranked, key=lambda one: sum(difference.weight for difference in one[1]), default=None)


def _fields(call: Call, wanted: Mapping[str, Any]) -> list[Difference]:
    if not wanted:
        return []
    body, request = call.body, call.line.get("request")
    if not isinstance(body, dict):
        said = (
            "a body that was too long to keep" if request and request["cut"] else "no fields" if body is None else body
        )
        return [Difference("body", said, dict(wanted), 10)]
    found: list[Difference] = []
    _within(body, wanted, "", found)
    return found


def _within(body: Mapping[str, Any], wanted: Mapping[str, Any], above: str, found: list[Difference]) -> None:
    for name, value in wanted.items():
        place, has = f"{above}{name}", body.get(name, ABSENT)
        if isinstance(value, Mapping) and isinstance(has, Mapping):
            _within(has, value, f"{place}.", found)
        elif not _same(has, value):
            found.append(Difference(place, has, value, 3))


def _same(found: Any, wanted: Any) -> bool:
    if found is ABSENT:
        return False
    if wanted is ...:
        return True
    if isinstance(wanted, re.Pattern):
        return wanted.search(str(found)) is not None
    if isinstance(found, str) and not isinstance(wanted, str):  # a form has only texts
        return found == (str(wanted).lower() if isinstance(wanted, bool) else str(wanted))
    return bool(found == wanted)


def _shown(value: Any) -> str:
    if value is ...:
        return "anything"
    if isinstance(value, re.Pattern):
        return f"/{value.pattern}/"
    text = value if isinstance(value, str) and " " in value else repr(value)
    return text if len(text) <= 120 else f"{text[:119]}…"
