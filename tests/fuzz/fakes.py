"""What the targets put around the code under test: a judge that remembers and misbehaves on request, and a transport."""

import asyncio
from collections.abc import Iterator
from typing import Any

from childproof.model import Action, Call, Forward, Outcome, Protocol, Reply, Upstream, Verdict, replace

MAX_BODY = 300  # bytes: small, so that a fuzzer's inputs get past it
_STUBBED = Verdict(Action.STUB, "stub", "a rule says so")
REPLY = Reply(200, (("content-type", "application/json"),), b'{"ok": true}')
_ODD = {
    "/reset": Outcome("", _STUBBED, None, fault="reset"),
    "/timeout": Outcome("", _STUBBED, None, fault="timeout"),
    "/delay": Outcome("", _STUBBED, REPLY, delay=0.5),
    "/bad-header": Outcome("", _STUBBED, Reply(200, (("x", "a\r\nb"),), b"x")),
    "/empty": Outcome("", _STUBBED, Reply(204)),
}


class Judge:
    """Stubs whatever is well-formed and denies violations. Words in an HTTP call's path ask for something else."""

    max_body = MAX_BODY

    def __init__(self, *, allows: bool = False) -> None:
        self.calls: list[Call] = []
        self._allows = allows

    def handle(self, call: Call) -> Outcome:
        """One call; its number is the call's name."""
        self.calls.append(call)
        name = f"call_{len(self.calls)}"
        if call.violation is not None:
            body = call.violation.kind.encode()
            return Outcome(name, Verdict(reason=call.violation.reason), Reply(call.violation.status or 403, (), body))
        if call.protocol is Protocol.SMTP:
            return Outcome(name, Verdict(Action.STUB, "mail", "a rule says so"), Reply(250))
        if call.protocol is Protocol.DNS:
            return Outcome(name, Verdict(Action.REPLY, "dns", "a rule says so"), Reply(0))
        if call.path == "/raise":
            raise RuntimeError("the judge is broken")
        if call.path == "/allow":
            return Outcome(
                name, Verdict(Action.ALLOW, "allow", "a rule says so"), forward=Forward(call.host, call.port)
            )
        if call.path in _ODD:
            return replace(_ODD[call.path], call_id=name)
        if call.protocol is not Protocol.HTTP:
            return Outcome(name, Verdict(reason="no rule matches"))
        return Outcome(name, _STUBBED, REPLY)

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        """Nothing is ever sent upstream here."""
        assert upstream == Upstream(), upstream

    def may_allow(self, world: str, host: str, port: int) -> bool:
        """Which HTTP layer is chosen."""
        return self._allows


class Transport(asyncio.Transport):
    """A connection that goes nowhere: what was written is kept, and whether it was closed."""

    def __init__(self, extra: dict[str, Any] | None = None) -> None:
        super().__init__(extra)
        self.written = bytearray()
        self.closed = False
        self.protocol: Any = None

    def write(self, data: Any) -> None:
        if not self.closed:  # as asyncio's own do
            self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_protocol(self) -> Any:
        return self.protocol

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        """Half a close, which says nothing here."""

    def pause_reading(self) -> None:
        """Everything is fed by hand."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    """`data` in pieces whose sizes follow from `seed`: 0 is one piece, 1 single bytes."""
    if seed == 0:
        yield data
        return
    place, state = 0, seed
    while place < len(data):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        size = 1 if seed == 1 else 1 + (state >> 8) % (seed % 61 + 1)
        yield data[place : place + size]
        place += size
