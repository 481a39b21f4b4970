"""What our layers and our connection handler say to each other beyond mitmproxy's own commands."""

from collections.abc import Callable

from mitmproxy.proxy import commands

HOLD_SECONDS = 60.0  # a `timeout` fault: most clients give up before
LINGER_SECONDS = 2.0
LINGER_BYTES = 64 << 20  # an upload that is refused may still be under way; the time bounds it first
HEAD_SECONDS = 30.0  # a request that isn't whole after this long is given up


class ResetConnection(commands.Command):
    """Abort the client's connection with a TCP reset: the transport's own refusal."""


class Patience:
    """Since when a client owes us the rest of a request: the clock is read only when something is incomplete."""

    __slots__ = ("_clock", "since")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.since: float | None = None

    def waiting(self, incomplete: bool) -> None:  # noqa: FBT001 - reads as a statement
        """A request is half here, or none is."""
        if not incomplete:
            self.since = None
        elif self.since is None:
            self.since = self._clock()

    def exhausted(self, now: float, limit: float = HEAD_SECONDS) -> bool:
        """Whether the client has kept us waiting for longer than `limit` seconds."""
        return self.since is not None and now - self.since > limit
