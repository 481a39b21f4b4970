"""`Client`: each operation of the control API as a method. docs/api.md says what they do; names here follow it."""

from typing import Self

from childproof.control import messages as told

from .record import Record
from .rules import Rules
from .sandboxes import Sandboxes
from .worlds import Worlds

__tracebackhide__ = True
TIMEOUT = 30.0  # seconds


class Client(Worlds, Record, Rules, Sandboxes):
    """A server's control API: `unix:PATH`, `http://HOST:PORT`. `with` closes its connections.

    Every method raises a ControlError: InvalidError, NotFoundError, ConflictError and so on where the server refuses, and then
    nothing was changed; UnreachableError where it doesn't answer within `timeout` seconds, each wait by itself. Nothing is sent a second time, but what
    changes nothing or may be done twice (GET, PUT, DELETE) goes out again on a new connection where the server had closed the one that was kept.

    Threads may share a client, and so may processes after a fork: each opens connections of its own as it needs them. In a
    coroutine, say `await asyncio.to_thread(client.fork, …)`.

    Worlds are named as everywhere (`try/3`). Values without a type of their own are JSON as docs/api.md has it.
    """

    def __init__(self, url: str, *, token: str | None = None, timeout: float = TIMEOUT) -> None:
        from .wire import Wire  # noqa: PLC0415 (http.client: 25 ms, for those who ask something)

        self.url = url
        self.token = token
        self._wire = Wire(url, token, timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close connections. The client can still be used: it opens others."""
        self._wire.close()

    def health(self) -> told.Health:
        """Whether it lives."""
        return self._ask("GET", "/v1/health", told.Health)

    def ready(self) -> told.Ready:
        """Whether it serves. Raises ServerError (503) with the reasons where it doesn't yet, or not any more."""
        return self._ask("GET", "/v1/ready", told.Ready)
