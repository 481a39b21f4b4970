"""A reply that goes on over HTTP/1: chunked (RFC 9112, section 7.1), or until the connection ends for HTTP/1.0."""

from childproof.capture.destination import Judge
from childproof.model import Outcome, Reply

from .pump import Pump
from .replies import FIELD_NAME, FIELD_VALUE, render
from .wire import RequestRoom


class Chunked:
    """One such reply. `room` is what to ask for before the next `advance`; None once it is over."""

    def __init__(self, judge: Judge, outcome: Outcome, reply: Reply, *, version: str, last: bool) -> None:
        self._chunked = version == "1.1"
        self.last = last or not self._chunked
        self.head = render(reply, head_request=False, last=self.last, chunked=self._chunked)
        self.pump = Pump(judge, outcome, reply)
        self.room: RequestRoom | None = None

    def advance(self) -> bytes:
        """The bytes to send now; sets `room`. The reply's end is told to the judge by itself."""
        data, wait = self.pump.pull()
        # a chunk without data would be the end
        framed = b"%x\r\n%s\r\n" % (len(data), data) if data and self._chunked else data
        if wait is not None:
            self.room = RequestRoom(wait)
            return framed
        self.room = None
        self.pump.over()
        if self._chunked and not self.pump.error:
            framed += b"0\r\n" + b"".join(b"%s: %s\r\n" % field for field in trailer_fields(self.pump)) + b"\r\n"
        return framed


def trailer_fields(pump: Pump) -> list[tuple[bytes, bytes]]:
    """The trailers as bytes, without those that would break the message apart."""
    fields = [
        (name.lower().encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in pump.trailers
    ]
    return [field for field in fields if FIELD_NAME.fullmatch(field[0]) and FIELD_VALUE.fullmatch(field[1])]
