"""What our layers and our connection handler say to each other beyond mitmproxy's own commands."""

from collections.abc import Callable

from mitmproxy.proxy import commands, events

HOLD_SECONDS = 60.0  # a `timeout` fault: most clients give up before
LINGER_SECONDS = 2.0
LINGER_BYTES = 64 << 20  # an upload that is refused may still be under way; the time bounds it first
STALL_SECONDS = 60.0  # a client that doesn't read on is given up
ODD_FRAMES = 1000  # of HTTP/2, resets, pings, settings and the like that a client may send in a row …
ODD_FRAMES_PER_SECOND = 50  # … and how fast they are forgiven (CVE-2023-44487, CVE-2019-9512, CVE-2019-9515)
HEAD_SECONDS = 30.0  # a request that isn't whole after this long is given up


class RequestRoom(commands.RequestWakeup):
    """Wake up after `delay` seconds, and when the client has read so much of what was sent that more may be."""


class ResetConnection(commands.Command):
    """Abort the client's connection with a TCP reset: the transport's own refusal."""


class Stopping(events.Event):
    """This process stops: a layer that knows of it ends what is idle, and what isn't with the reply under way."""

    def __init__(self) -> None:
        self.taken = False  # by a layer; nobody is asked about more where it stays so


class Patience:
    """Since when a client owes us the rest of a request: the clock is read only when something is incomplete."""

    __slots__ = ("_clock", "ending", "since")

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.since: float | None = None
        self.ending = False  # the process stops: the next reply is the last one

    def waiting(self, incomplete: bool) -> None:  # noqa: FBT001 - reads as a statement
        """A request is half here, or none is."""
        if not incomplete:
            self.since = None
        elif self.since is None:
            self.since = self._clock()

    def now(self) -> float:
        """The clock, in seconds."""
        return self._clock()

    def owed(self, request: float | None, window: float | None) -> None:
        """Since when the oldest request is incomplete, and the oldest reply unread; each None where there is none.

        A reply may wait as long as a socket may: `STALL_SECONDS`.
        """
        unread = None if window is None else window + STALL_SECONDS - HEAD_SECONDS
        self.since = min((moment for moment in (request, unread) if moment is not None), default=None)

    def exhausted(self, now: float, limit: float = HEAD_SECONDS) -> bool:
        """Whether the client has kept us waiting for longer than `limit` seconds."""
        return self.since is not None and now - self.since > limit


class Bucket:
    """So many at once, and so many a second in the long run. `clock` in seconds."""

    __slots__ = ("_at", "_clock", "_left", "_rate", "_size")

    def __init__(self, size: int, rate: float, clock: Callable[[], float]) -> None:
        self._size, self._rate, self._clock = size, rate, clock
        self._left = float(size)
        self._at = clock()

    def take(self) -> bool:
        """Whether there is one left."""
        now = self._clock()
        self._left = min(self._size, self._left + (now - self._at) * self._rate)
        self._at = now
        self._left -= 1
        return self._left >= 0

    def give(self) -> None:
        """One is forgiven."""
        self._left = min(self._size, self._left + 1)
