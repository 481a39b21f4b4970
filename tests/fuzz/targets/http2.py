"""The HTTP/2 layer that answers (`capture/mitm/answer2.py`), fed with frames of all kinds, whole and broken.

Nothing escapes; every command is for the client; what goes out is frames, with at most one reply on a stream and no
more replies than calls; and the same bytes in one piece and in many are the same calls, up to what breaks the connection.

The first byte says how the bytes are cut and whether they are a script for `_scripted` or raw, behind the preface.
"""

from collections import Counter
from typing import Any

import hpack
import hyperframe.frame as hf
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Destination, Ingress
from childproof.capture.mitm.answer2 import Answer2Layer
from childproof.capture.mitm.calls import Site
from childproof.capture.mitm.wire import Patience, ResetConnection
from childproof.model import Call
from tests.fuzz.fakes import Judge, pieces

_SITE = Site(Ingress("main", "box"), Destination("api.example", 443, "198.18.0.1"), tls=True, sni="api.example")
_OPTIONS = Options()
_ADDRESS = ("127.0.0.1", 40000)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hf.SettingsFrame(0).serialize()
_REQUEST = ((":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", "/x"))
_HEADS: tuple[tuple[tuple[str, str], ...], ...] = (
    _REQUEST,
    (*_REQUEST[:3], (":path", "/delay")),
    (*_REQUEST[:3], (":path", "/timeout")),
    (*_REQUEST[:3], (":path", "/bad-header")),
    (*_REQUEST[:3], (":path", "/empty")),
    (*_REQUEST[:3], (":path", "/raise")),
    (*_REQUEST[:3], (":path", "/allow")),
    (*_REQUEST[:2], (":authority", "evil.example"), (":path", "/x")),
    (*_REQUEST, ("content-length", "3")),
    (*_REQUEST, ("content-length", "400")),
    (*_REQUEST, ("expect", "100-continue")),
    (*_REQUEST, ("cookie", "a=b"), ("cookie", "c=d")),
    (*_REQUEST, ("host", "api.example"), ("te", "trailers"), ("content-type", "application/grpc")),
    (*_REQUEST, ("connection", "close")),
    (*_REQUEST, ("Upper", "x")),
    (*_REQUEST, ("x", "a\r\nb")),
    (*_REQUEST, (":late", "x")),
    (*_REQUEST, *_REQUEST),
    _REQUEST[:2],
    ((":method", "CONNECT"), (":authority", "api.example:443")),
    ((":method", "HEAD"), *_REQUEST[1:]),
    ((":method", "GET"), (":scheme", "http"), *_REQUEST[2:]),
    (("grpc-status", "0"),),
)  # fmt: skip


class _Conversation:
    def __init__(self) -> None:
        self.judge = Judge()
        self.sent = bytearray()
        self.over = False
        client = Client(peername=_ADDRESS, sockname=_ADDRESS, state=ConnectionState.OPEN)
        self.context = Context(client, _OPTIONS)
        self.layer = Answer2Layer(self.context, _SITE, self.judge, Patience(lambda: 0.0))
        self._later: list[commands.RequestWakeup] = []
        self.feed(events.Start())

    def feed(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            if isinstance(command, commands.SendData):
                assert command.connection is self.context.client
                assert not self.over
                self.sent += command.data
            elif isinstance(command, commands.RequestWakeup):
                self._later.append(command)
            elif isinstance(command, ResetConnection):
                self.over = True
            elif isinstance(command, commands.CloseConnection):
                assert command.connection is self.context.client
                self.over = True
            else:
                raise AssertionError(f"a command that is not for the client: {command}")  # noqa: TRY004 - no type is at fault

    def wake(self) -> None:
        for _ in range(300):  # a reply that nobody makes room for asks again and again
            if not self._later or self.over:
                return
            self.feed(events.Wakeup(self._later.pop(0)))

    def replies(self) -> Counter[int]:
        """Final replies on each stream, of bytes that must be frames."""
        rest, found, decoder = bytes(self.sent), Counter[int](), hpack.Decoder()
        decoder.max_allowed_table_size = 1 << 31  # the script may have allowed as much
        while rest:
            frame, length = hf.Frame.parse_frame_header(memoryview(rest[:9]))
            assert len(rest) >= 9 + length, "half a frame"
            frame.parse_body(memoryview(rest[9 : 9 + length]))
            rest = rest[9 + length :]
            if isinstance(frame, hf.HeadersFrame):
                assert "END_HEADERS" in frame.flags
                fields = dict(decoder.decode(frame.data, raw=True))
                if b":status" in fields and not fields[b":status"].startswith(b"1"):
                    found[frame.stream_id] += 1
        return found


def _scripted(script: bytes) -> bytes:
    """Frames from bytes: a kind, a stream, flags, and for some a length."""
    encoder = hpack.Encoder()
    out, place = bytearray(), 0
    while place + 3 < len(script):
        kind, stream, flags, size = script[place : place + 4]
        place += 4
        payload = script[place : place + size % 32]
        number = (stream % 8) * 2 + 1
        match kind % 6:
            case 0:
                head = hf.HeadersFrame(number, encoder.encode(_HEADS[size % len(_HEADS)]))
                head.flags.add("END_HEADERS")
                if flags & 1:
                    head.flags.add("END_STREAM")
                out += head.serialize()
            case 1:
                data = hf.DataFrame(number, payload * (flags >> 4))
                if flags & 1:
                    data.flags.add("END_STREAM")
                out += data.serialize()
                place += len(payload)
            case 2:
                out += hf.RstStreamFrame(number, flags % 14).serialize()
            case 3:
                out += hf.WindowUpdateFrame(number if flags & 1 else 0, 1 + size).serialize()
            case 4:
                out += hf.SettingsFrame(0, {1 + flags % 6: size * (flags >> 2)}).serialize()
            case _:
                # any type, any flags
                out += len(payload).to_bytes(3) + bytes([stream, flags, 0, 0, 0, size % 16]) + payload
                place += len(payload)
    return bytes(out)


def _talk(data: bytes, seed: int) -> _Conversation:
    conversation = _Conversation()
    for piece in pieces(data, seed):
        if conversation.over:
            break
        conversation.feed(events.DataReceived(conversation.context.client, piece))
    conversation.wake()
    if not conversation.over:
        conversation.feed(events.ConnectionClosed(conversation.context.client))
    return conversation


def _gist(call: Call) -> tuple[Any, ...]:
    if call.violation is not None:
        return (call.violation.kind,)
    return call.method, call.host, call.path, call.query, call.headers, call.body


def check(data: bytes) -> None:
    """Whole and cut."""
    if not data:
        return
    frames = PREFACE + (_scripted(data[1:]) if data[0] & 1 else data[1:])
    whole, cut = _talk(frames, 0), _talk(frames, data[0] >> 1 or 1)
    for conversation in (whole, cut):
        calls = conversation.judge.calls
        replies = conversation.replies()
        assert not replies or max(replies.values()) == 1, replies
        assert len(replies) <= len(calls), (replies, calls)
        for call in calls:
            assert len(call.body) <= conversation.judge.max_body
            internal = call.violation is not None and call.violation.kind == "internal"
            assert not internal or "header 'x'" in (call.violation.reason if call.violation else ""), call.violation
    one, other = list(map(_gist, whole.judge.calls)), list(map(_gist, cut.judge.calls))
    if ("malformed",) in (*one[-1:], *other[-1:]):
        # The connection ends with it. What came with it in one piece, h2 keeps to itself; and whether a stream that is
        # spoken to again was over already depends on what was answered by then.
        both = min(len(one), len(other)) - 1
        one, other = one[:both], other[:both]
    assert one == other
