"""A reply that goes on, as it is being sent: which part is due, what is kept for the record, and its end, told once.

No I/O and no clock: a layer asks for what can be sent now and is told how long to wait before it asks again. It asks
only when there is room, so that nothing piles up for a client that doesn't read.
"""

from collections.abc import Generator

from childproof.capture.destination import Judge
from childproof.ledger.recording import LIMIT, MARGIN
from childproof.model import NO_UPSTREAM, Outcome, Part, Reply

from .calls import head_of

BURST_BYTES = 64 << 10  # sent in one go before others get their turn
BURST_PARTS = 64
KEPT = LIMIT + MARGIN  # of the body, for the record


class Pump:
    """One stream. `error` is set where its code failed: then the reply must be broken off, not ended."""

    def __init__(self, judge: Judge, outcome: Outcome, reply: Reply) -> None:
        stream = reply.stream
        assert isinstance(stream, Generator)
        self._judge, self._outcome, self._reply = judge, outcome, reply
        self._stream = stream
        self._waiting: Part | None = None
        self._kept = bytearray()
        self._size = 0
        self._told = False
        self.trailers: tuple[tuple[str, str], ...] = ()
        self.error = ""

    def pull(self) -> tuple[bytes, float | None]:
        """What is to be sent now, maybe nothing, and the seconds until the next question: None at the end."""
        data = bytearray()
        for _ in range(BURST_PARTS):
            if len(data) >= BURST_BYTES:
                break
            part = self._waiting or self._following()
            if part is None:
                return self._sent(data), None
            if part.delay > 0 and part is not self._waiting:
                self._waiting = part
                return self._sent(data), part.delay
            self._waiting = None
            data += part.data
        return self._sent(data), 0.0

    def over(self, error: str = "") -> None:
        """The reply has ended, or the client has left, or something broke: close the stream, complete the record."""
        if self._told:
            return
        self._told = True
        try:
            self._stream.close()
        except Exception as failure:  # noqa: BLE001 - an author's `finally` must not keep a connection open
            error = "; ".join(filter(None, (error, f"the stub's stream failed as it was closed: {head_of(failure)}")))
        error = self.error or error
        if error:
            error = f"{error}; {self._size} bytes had been sent"
        sent = Reply(self._reply.status, self._reply.headers, bytes(self._kept), size=self._size)
        self._judge.settle(self._outcome, NO_UPSTREAM, sent, error)

    def _following(self) -> Part | None:
        try:
            part = next(self._stream)
        except StopIteration as end:
            self.trailers = end.value or ()
            return None
        except Exception as failure:  # noqa: BLE001 - closed by default: the reply is broken off, and the record says why
            self.error = f"the stub's stream failed: {head_of(failure)}"
            return None
        assert isinstance(part, Part)
        return part

    def _sent(self, data: bytearray) -> bytes:
        self._size += len(data)
        self._kept += data[: max(0, KEPT - len(self._kept))]
        return bytes(data)
