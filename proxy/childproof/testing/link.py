"""The client of a server of our own: where that is gone, its last words are the answer."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from childproof.client import Client, ControlError
from childproof.client.errors import UNREACHABLE
from childproof.errors import ChildproofError, WorldGoneError

from .hiding import raised_on_purpose

if TYPE_CHECKING:
    import subprocess

    from childproof.client.wire import Received

__tracebackhide__ = raised_on_purpose
_TIMEOUT = 120.0  # seconds: a stub's first use on a machine that does much else
_LAST = 20  # lines of what it said


class ServerFailedError(ChildproofError):
    """The child process didn't start, or is gone. The message holds what it said."""


class UnfitError(ChildproofError):
    """What was asked of a world doesn't fit: its rules, its file, its clock, a stub of one's own."""


class Link(Client):
    """`Client`, to a child process."""

    def __init__(self, url: str, *, token: str, process: "subprocess.Popen[bytes]", said: Callable[[], str]) -> None:
        super().__init__(url, token=token, timeout=_TIMEOUT)
        self.closed: set[str] = set()  # names of worlds that were thrown away
        self._process = process
        self._said = said

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> "Received":
        try:
            return super()._request(method, path, body, headers)
        except ControlError as error:
            name = path.removeprefix("/v1/worlds/").partition("/")[0]
            if error.status == 404 and name in self.closed:
                raise WorldGoneError(f"the world {name} is gone: its test is over, or its sandbox was closed") from None
            code = self._process.poll() if error.kind == UNREACHABLE else None
            if code is None:
                raise
        said = f"childproof's server is gone, {ended(code)}, and its worlds with it; the next fixture starts another"
        raise ServerFailedError(f"{said}\n{last(self._said())}".strip())


def ended(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by signal {-code}" if code < 0 else f"with exit code {code}"


def last(said: str) -> str:
    """The last lines of what a process said."""
    return "\n".join(f"  {line}" for line in said.splitlines()[-_LAST:])
