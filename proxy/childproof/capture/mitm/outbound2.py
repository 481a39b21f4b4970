"""Replies on their way out of an HTTP/2 connection: as fast as the client's windows and its socket take them.

A reply waits here, bounded by the number of streams, until the client opens its windows; one that goes on isn't even
made before there is room for it. So many bytes are handed to the socket before it is asked whether they were read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from h2.connection import H2Connection
from h2.errors import ErrorCodes

from .chunked import trailer_fields
from .pump import Pump
from .wire import RequestRoom

BUDGET = 1 << 20  # bytes to the socket between two questions whether it has room

Fields = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class _Sending:
    """One reply. `out` is what the windows didn't take yet; `more` that its pump may have something to add."""

    out: bytearray
    pump: Pump | None = None
    room: RequestRoom | None = None  # asked for, not there yet
    done: bool = False  # nothing will be added to `out`
    reset: bool = False  # once it is sent: the client needn't go on sending
    trailers: Fields = field(default_factory=list)
    moved: float = 0.0


class Outbound:
    """The replies of one connection. `clock` in seconds."""

    def __init__(self, h2: H2Connection, clock: Callable[[], float]) -> None:
        self._h2 = h2
        self._clock = clock
        self._sending: dict[int, _Sending] = {}
        self._budget = BUDGET
        self._room: RequestRoom | None = None

    def whole(self, stream: int, fields: Fields, body: bytes) -> None:
        """Send a reply that is all there."""
        if not self.is_open(stream):
            return
        self._h2.send_headers(stream, fields, end_stream=not body)
        if body:
            self._sending[stream] = _Sending(bytearray(body), done=True, moved=self._clock())

    def going_on(self, stream: int, fields: Fields, pump: Pump) -> None:
        """Send a reply whose body comes from a pump, which is told of its end in any case."""
        if not self.is_open(stream):
            pump.over("the client cancelled")
            return
        self._h2.send_headers(stream, fields)
        self._sending[stream] = _Sending(bytearray(), pump, moved=self._clock())

    def then_reset(self, stream: int) -> None:
        """Once this stream's reply is sent, tell the client to stop sending."""
        sending = self._sending.get(stream)
        if sending is not None:
            sending.reset = True
        else:
            self.reset(stream, ErrorCodes.NO_ERROR)

    def reset(self, stream: int, code: ErrorCodes) -> None:
        """Break a stream off."""
        self.drop(stream, "")
        if self.is_open(stream):
            self._h2.reset_stream(stream, code)

    def drop(self, stream: int, why: str) -> None:
        """Forget a stream that is no more."""
        sending = self._sending.pop(stream, None)
        if sending is not None and sending.pump is not None:
            sending.pump.over(why)

    @property
    def busy(self) -> bool:
        """Whether a reply still waits to be sent."""
        return bool(self._sending)

    def close(self) -> None:
        """The connection is over."""
        for stream in list(self._sending):
            self.drop(stream, "the client left")

    def woken(self, room: RequestRoom) -> None:
        """What was asked for is there: time has passed, and the socket has room."""
        if room is self._room:
            self._room, self._budget = None, BUDGET
        for sending in self._sending.values():
            if sending.room is room:
                sending.room = None

    def waits(self, stream: int | None) -> bool:
        """Whether a window, of a stream or of the connection (0), is what a reply waits for."""
        if not stream:
            return any(sending.out for sending in self._sending.values())
        sending = self._sending.get(stream)
        return sending is not None and bool(sending.out)

    def stalled_since(self) -> float | None:
        """Since when the client hasn't taken anything of a reply that is ready for it; None if there is none."""
        return min((sending.moved for sending in self._sending.values() if sending.out), default=None)

    def flush(self) -> Iterator[RequestRoom]:
        """Move everything on as far as it goes; what is to be asked for before it goes further."""
        for stream, sending in list(self._sending.items()):
            if self._room is not None:
                return
            self._move(stream, sending)
            if stream in self._sending:
                yield from self._refill(sending)
                self._move(stream, sending)
            if self._budget <= 0:
                if stream in self._sending:  # others first, next time
                    self._sending[stream] = self._sending.pop(stream)
                self._room = RequestRoom(0.0)
                yield self._room

    def _refill(self, sending: _Sending) -> Iterator[RequestRoom]:
        pump = sending.pump
        if pump is None or sending.done or sending.out or sending.room is not None:
            return
        data, wait = pump.pull()
        sending.out += data
        sending.moved = self._clock()
        if wait is None:
            sending.done = True
            sending.trailers = trailer_fields(pump)
        else:
            sending.room = RequestRoom(wait)
            yield sending.room

    def _move(self, stream: int, sending: _Sending) -> None:
        """Send what the windows and the budget take."""
        if not self.is_open(stream):
            self.drop(stream, "the client cancelled")
            return
        while sending.out and self._budget > 0:
            size = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size, len(sending.out))
            if size <= 0:
                return
            last = sending.done and size == len(sending.out) and not sending.trailers and not self._failed(sending)
            self._h2.send_data(stream, bytes(sending.out[:size]), end_stream=last)
            del sending.out[:size]
            self._budget -= size
            sending.moved = self._clock()
            if last:
                self._finish(stream, sending, ended=True)
                return
        if sending.done and not sending.out:
            self._finish(stream, sending, ended=False)

    def _finish(self, stream: int, sending: _Sending, *, ended: bool) -> None:
        if self._failed(sending):
            self.reset(stream, ErrorCodes.INTERNAL_ERROR)
            return
        if not ended:
            if sending.trailers:
                self._h2.send_headers(stream, sending.trailers, end_stream=True)
            else:
                self._h2.end_stream(stream)
        self.drop(stream, "")
        if sending.reset:
            self.reset(stream, ErrorCodes.NO_ERROR)

    @staticmethod
    def _failed(sending: _Sending) -> bool:
        return sending.pump is not None and bool(sending.pump.error)

    def is_open(self, stream: int) -> bool:
        """Whether a stream is one that can still be written to, or reset."""
        found = self._h2.streams.get(stream)
        return found is not None and not found.closed
