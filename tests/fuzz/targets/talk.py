"""A WebSocket that is answered here (`capture/mitm/talk.py`), fed with frames of all kinds, whole and broken.

Nothing escapes; every command is for the client; the conversation ends once; what is heard is bounded; and the same
bytes in one piece and in many are the same messages.

The first byte says how the bytes are cut, and whether the frames are masked as they must be.
"""

from typing import Any

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context

from childproof.capture.mitm.talk import TalkLayer
from childproof.capture.mitm.wire import Patience, ResetConnection
from childproof.model import Action, Frame, Outcome, Reply, Talk, Verdict
from tests.fuzz.fakes import MAX_BODY, Judge, pieces

_OPTIONS = Options()
_ADDRESS = ("127.0.0.1", 40000)


class _Settling(Judge):
    def __init__(self) -> None:
        super().__init__()
        self.settled: list[str] = []

    def settle(self, outcome: Outcome, upstream: Any, reply: Reply | None, error: str = "") -> None:
        self.settled.append(error)


class _Visit:
    def __init__(self) -> None:
        self.judge = _Settling()
        self.heard: list[tuple[str, bytes]] = []
        self.over = False
        client = Client(peername=_ADDRESS, sockname=_ADDRESS, state=ConnectionState.OPEN)
        self.context = Context(client, _OPTIONS)
        reply = Reply(101, (), stream=Talk((Frame("text", b"hello"),), self._hear))
        outcome = Outcome("call_1", Verdict(Action.STUB, "stub", "a rule says so"), reply)
        self.layer = TalkLayer(self.context, self.judge, outcome, reply, Patience(lambda: 0.0))
        self._later: list[commands.RequestWakeup] = []
        self.feed(events.Start())

    def _hear(self, frame: Frame) -> tuple[Frame, ...]:
        if frame.kind != "close":
            assert len(frame.data) <= MAX_BODY
            self.heard.append((frame.kind, frame.data))
        return (Frame(frame.kind, frame.data),) if frame.kind in ("text", "bytes") else ()

    def feed(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.RequestWakeup):
                self._later.append(command)
            elif isinstance(command, commands.SendData):
                assert command.connection is self.context.client
            elif isinstance(command, ResetConnection | commands.CloseConnection):
                self.over = self.over or not getattr(command, "half_close", False)
            else:
                raise AssertionError(f"a command that is not for the client: {command}")  # noqa: TRY004


def _frames(script: bytes, *, masked: bool) -> bytes:
    """Frames from bytes: flags with opcode, a length, and the payload."""
    out, place = bytearray(), 0
    while place + 1 < len(script):
        flags, size = script[place], script[place + 1]
        payload = script[place + 2 : place + 2 + size % 128]
        place += 2 + len(payload)
        if size >= 200:
            payload *= 2
        length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2)
        mask = bytes([0x80 | length[0]]) + length[1:] + b"\0\0\0\0" if masked else length
        out += bytes([flags]) + mask + payload
    return bytes(out)


def _visit(data: bytes, seed: int) -> _Visit:
    visit = _Visit()
    for piece in pieces(data, seed):
        if visit.over:
            break
        visit.feed(events.DataReceived(visit.context.client, piece))
    if not visit.over:
        visit.feed(events.ConnectionClosed(visit.context.client))
    assert len(visit.judge.settled) <= 1, visit.judge.settled
    for error in visit.judge.settled:
        assert "conversation failed" not in error, error
    return visit


def check(data: bytes) -> None:
    """Whole and cut."""
    if not data:
        return
    frames = data[1:] if data[0] & 2 else _frames(data[1:], masked=not data[0] & 4)
    whole, cut = _visit(frames, 0), _visit(frames, data[0] >> 3 or 1)
    both = min(len(whole.heard), len(cut.heard))
    assert whole.heard[:both] == cut.heard[:both], (whole.heard, cut.heard)
    if len(whole.heard) != len(cut.heard):
        # wsproto throws away what came in one piece with a frame that breaks the rules
        assert any(whole.judge.settled), whole.judge.settled
