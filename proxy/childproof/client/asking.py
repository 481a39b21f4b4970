"""How each operation of the client is asked: a request, its reply as a value, a refusal as an exception."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import msgspec

from childproof.control.messages import Json, Problem

from .errors import FOREIGN, ControlError, control_error

if TYPE_CHECKING:
    from .wire import Received, Wire

__tracebackhide__ = True  # pytest's: what the server says is what a failed test shows, not who asked it
PAGE = 500  # rows that a page is asked to have
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # what is no JSON of ours can raise
_encode = msgspec.json.Encoder().encode


class Asking:
    """A server that can be asked. What the operations have in common, and no operation of its own."""

    url: str
    token: str | None
    _wire: "Wire"

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> "Received":
        received = self._wire.request(method, path, None if body is None else _encode(body), headers)
        if received.status >= 300:
            raise refusal(received.status, received.content, self.url, token=self.token)
        return received

    def _json(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Json:
        return self._ask(method, path, Json, body, headers)

    def _ask[T](
        self, method: str, path: str, kind: type[T], body: Any = None, headers: Mapping[str, str] | None = None
    ) -> T:
        received = self._request(method, path, body, headers)
        try:
            return msgspec.json.decode(received.content, type=kind)
        except UNREADABLE:
            raise foreign(received.status, f"{self.url} doesn't answer as childproof does") from None

    def _raw(self, path: str, media: str) -> bytes:
        """What is no JSON, as it came. Raises ControlError for another kind of thing."""
        received = self._request("GET", path)
        if received.headers.get("content-type", "").partition(";")[0].strip().lower() != media:
            raise foreign(received.status, f"{self.url} doesn't answer as childproof does")
        return received.content


def world_path(name: str) -> str:
    """A world's path: `/` of its name is written `:`."""
    return f"/v1/worlds/{quote(name.replace('/', ':'), safe=':')}"


def below(path: str, *parts: str) -> str:
    """A path with parts below it, whatever they hold."""
    return "/".join((path, *(quote(part, safe="@") for part in parts)))


def given(**values: Any) -> Json:
    """A body without what was left out. A name ends in `_` where Python needs it."""
    return {name.removesuffix("_"): value for name, value in values.items() if value is not None}


def asked(path: str, /, **query: Any) -> str:
    """A path with its query, without what was left out or is false."""
    found = {
        name.removesuffix("_"): _word(value)
        for name, value in query.items()
        if value is not None and value is not False
    }
    return f"{path}?{urlencode(found)}" if found else path


def _word(value: Any) -> str:
    return "true" if value is True else ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def foreign(status: int, found: str) -> ControlError:
    """Something else is at the address."""
    return control_error(status, FOREIGN, f"{found}; is it the address of --control?")


def refusal(status: int, content: bytes, url: str, *, token: str | None = None) -> ControlError:
    """What a reply says that is none of success."""
    try:
        problem = msgspec.json.decode(content, type=Problem)
    except UNREADABLE:
        return foreign(status, f"{url} answered {status}, and not as childproof does")
    if status == 401:
        found = "doesn't take the token that was sent" if token else "takes a token, and none was sent"
        write = "give the server's with --token-file or CHILDPROOF_CONTROL_TOKEN, in Python with token="
        return control_error(status, "token", f"{url} {found}; {write}")
    return control_error(status, problem.type.rpartition("#")[2], problem.detail, problem.errors)
