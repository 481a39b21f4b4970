"""The HTTP/2 layer for hosts that may only be answered here: as `answer`, it has no way to reach upstream.

Framing, header compression and stream states are h2's. What h2 leaves open is bounded here: bodies, requests that are
never finished, replies that are never read, and frames that only cost us work. With gRPC's requests it is read to the
end before it is answered; replies may go on and end in trailers.
"""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Judge
from childproof.model import NO_UPSTREAM, Call, Outcome, Reply, Violation, replace

from .calls import MAX_HEAD, Request, Site, build_call, decide, internal
from .outbound2 import Outbound
from .pump import Pump
from .replies import denial, has_body, reply_of, response_headers
from .wire import (
    HOLD_SECONDS,
    ODD_FRAMES,
    ODD_FRAMES_PER_SECOND,
    Bucket,
    Patience,
    RequestRoom,
    ResetConnection,
    Stopping,
)

MAX_STREAMS = 100  # at once (RFC 9113, section 6.5.2)
WINDOW = 1 << 20  # of a stream; what comes is taken at once, its size is bounded by the judge
BODIES = 4  # requests under way together hold at most so many times the limit of one

_PIECE = 8 << 10
_FRAME_HEAD = 9  # RFC 9113, section 4.1
_PSEUDO = (b":method", b":path", b":scheme", b":authority")
# what h2 raises, and what it lets through of the bytes' own making
_BROKEN = (H2Error, ValueError, IndexError, KeyError)


@dataclass(slots=True)
class _Asked:
    """A request that isn't whole yet."""

    headers: list[tuple[bytes, bytes]]
    body: bytearray
    began: float


class Answer2Layer(layer.Layer):
    """Reads requests as they come, asks the judge for each, sends the replies as the client takes them."""

    def __init__(self, context: Context, site: Site, judge: Judge, patience: Patience) -> None:
        super().__init__(context)
        self._site = site
        self._judge = judge
        self._patience = patience
        self._odd = Bucket(ODD_FRAMES, ODD_FRAMES_PER_SECOND, patience.now)
        self._h2 = H2Connection(H2Configuration(
            client_side=False, header_encoding=False, validate_outbound_headers=False, normalize_outbound_headers=False,
        ))  # fmt: skip
        self._h2.local_settings = Settings(client=False, initial_values={
            SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
            SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD,
            SettingCodes.INITIAL_WINDOW_SIZE: WINDOW,
        })  # fmt: skip
        self._out = Outbound(self._h2, patience.now)
        self._asked: dict[int, _Asked] = {}
        self._wakeups: dict[commands.RequestWakeup, tuple[int, Outcome, Request]] = {}
        self._commands: list[commands.Command] = []
        self._partial: float | None = None  # since when a frame or a header block isn't whole
        self._closed = False
        self._last: int | None = None  # goodbye was said: the last stream that is answered

    def handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        """One event in, commands out."""
        if self._closed:
            return
        try:
            self._handle(event)
        except Exception as error:  # noqa: BLE001 - closed by default: recorded, and the connection ended
            decide(self._judge, self._call(Request(b"", b"/", "2.0", (), scheme="https"), internal(error)))
            self._end(ErrorCodes.INTERNAL_ERROR)
        yield from self._said()

    def _handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        yield from self.handle_event(event)

    def _handle(self, event: events.Event) -> None:
        if isinstance(event, events.DataReceived):
            self._received(event.data)
        elif isinstance(event, events.Wakeup):
            waiting = self._wakeups.pop(event.command, None)
            if waiting is not None:
                self._send(*waiting)
            elif isinstance(event.command, RequestRoom):
                self._out.woken(event.command)
        elif isinstance(event, events.Start):
            self._h2.initiate_connection()
            self._h2.increment_flow_control_window(WINDOW * BODIES)
        elif isinstance(event, Stopping):
            event.taken = True
        elif isinstance(event, events.ConnectionClosed):
            self._end(None)

    def _said(self) -> Iterator[commands.Command]:
        """What this event led to, as commands; the replies' bytes in one write."""
        if not self._closed:
            self._commands += self._out.flush()
        if self._patience.ending and not self._closed:
            self._take_leave()
        data = self._h2.data_to_send()
        if data:
            yield commands.SendData(self.context.client, data)
        yield from self._commands
        self._commands.clear()
        begun = [asked.began for asked in self._asked.values()]
        if self._partial is not None:
            begun.append(self._partial)
        self._patience.owed(min(begun, default=None), self._out.stalled_since())

    # reading

    def _received(self, data: bytes) -> None:
        # h2 copies what is left for every frame: in small pieces a flood of tiny ones stays cheap
        for start in range(0, len(data), _PIECE):
            try:
                found: list[Event] = self._h2.receive_data(data[start : start + _PIECE])
            except _BROKEN as error:
                self._broken(f"malformed HTTP/2: {error}", None)
                return
            for event in found:
                self._take(event)
                if self._closed:
                    return
        self._look_at_the_rest()

    def _look_at_the_rest(self) -> None:
        """What h2 keeps of a frame, or of a header block, that isn't whole yet: it bounds neither size nor time."""
        buffer = self._h2.incoming_buffer
        begun = len(buffer._data)  # noqa: SLF001 - h2 has no other way to tell
        if begun > self._h2.max_inbound_frame_size + _FRAME_HEAD:
            self._broken("malformed HTTP/2: an overlong frame", ErrorCodes.FRAME_SIZE_ERROR)
        if not begun and not buffer._headers_buffer:  # noqa: SLF001
            self._partial = None
        elif self._partial is None:
            self._partial = self._patience.now()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begun(event)
            case DataReceived():
                self._more(event)
            case StreamEnded():
                self._whole(event.stream_id)
            case TrailersReceived():
                pass  # dropped: RFC 9110, section 6.5.1
            case ConnectionTerminated():
                self._end(None)
            case WindowUpdated(stream_id=stream) if self._out.waits(stream):
                pass  # asked for
            case StreamReset(stream_id=stream):
                self._asked.pop(stream or 0, None)
                self._out.drop(stream or 0, "the client cancelled")
                self._spend()
            case _:
                self._spend()

    def _spend(self) -> None:
        """A frame that only costs us work."""
        if not self._odd.take():
            self._broken("too many HTTP/2 frames without a request", ErrorCodes.ENHANCE_YOUR_CALM)

    def _begun(self, event: RequestReceived) -> None:
        stream = event.stream_id or 0
        if self._last is not None and stream > self._last:
            self._out.reset(stream, ErrorCodes.REFUSED_STREAM)  # to be asked for elsewhere (RFC 9113, section 8.7)
            return
        headers = [(bytes(name), bytes(value)) for name, value in event.headers]
        self._asked[stream] = _Asked(headers, bytearray(), self._patience.now())
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and int(value) > self._judge.max_body:
                self._too_large(stream)
                return
            if name == b"expect" and value.lower() == b"100-continue" and self._out.is_open(stream):
                self._h2.send_headers(stream, [(b":status", b"100")])

    def _more(self, event: DataReceived) -> None:
        stream, data = event.stream_id or 0, event.data or b""
        size = event.flow_controlled_length or 0
        if size:
            self._h2.acknowledge_received_data(size, stream)
        asked = self._asked.get(stream)
        if not data and event.stream_ended is None:
            self._spend()
        if asked is None:
            return
        asked.body += data
        together = sum(len(other.body) for other in self._asked.values())
        if len(asked.body) > self._judge.max_body or together > self._judge.max_body * BODIES:
            self._too_large(stream)

    def _too_large(self, stream: int) -> None:
        """Refuse at once, and ask the client to stop sending (RFC 9113, section 8.1)."""
        limit = self._judge.max_body
        violation = Violation("body_too_large", f"the request's body has more than {limit} bytes", 413)
        request = self._request(self._asked.pop(stream), body=False)
        self._send(stream, decide(self._judge, self._call(request, violation)), request, unread=True)

    def _whole(self, stream: int | None) -> None:
        asked = self._asked.pop(stream or 0, None)
        if asked is None:
            return
        self._odd.give()
        request = self._request(asked)
        outcome = decide(self._judge, self._call(request))
        if outcome.forward is not None:
            # the rules were reloaded since this layer was chosen; the next connection gets the other one
            self._judge.settle(outcome, NO_UPSTREAM, None, "not forwarded: the connection was opened under older rules")
        seconds = outcome.delay + (HOLD_SECONDS if outcome.fault == "timeout" else 0)
        if seconds > 0:
            wakeup = commands.RequestWakeup(seconds)
            self._wakeups[wakeup] = stream or 0, outcome, request
            self._commands.append(wakeup)
        else:
            self._send(stream or 0, outcome, request)

    def _request(self, asked: _Asked, *, body: bool = True) -> Request:
        pseudo: dict[bytes, bytes] = {}
        fields: list[tuple[bytes, bytes]] = []
        cookies: list[bytes] = []
        for name, value in asked.headers:
            if name in _PSEUDO:
                pseudo[name] = value
            elif name == b"cookie":
                cookies.append(value)  # RFC 9113, section 8.2.3
            else:
                fields.append((name, value))
        if cookies:
            fields.append((b"cookie", b"; ".join(cookies)))
        return Request(
            method=pseudo.get(b":method", b""),
            target=pseudo.get(b":path", b""),
            version="2.0",
            headers=fields,
            body=bytes(asked.body) if body else b"",
            authority=pseudo.get(b":authority"),
            scheme=pseudo.get(b":scheme", b"").decode("latin-1"),
        )

    def _call(self, request: Request, violation: Violation | None = None) -> Call:
        scheme = "https" if self._site.tls else "http"
        if violation is None and request.scheme != scheme and request.method != b"CONNECT":
            said = f"the request's scheme is {(request.scheme or '')[:20]!r}, but the connection is {scheme}"
            violation = Violation("host_mismatch", said)
        return build_call(self._site, replace(request, scheme=scheme), violation)

    # answering

    def _send(self, stream: int, outcome: Outcome, request: Request, *, unread: bool = False) -> None:
        if outcome.fault == "reset":
            self._commands.append(ResetConnection())
            self._end(None)
            return
        if outcome.fault == "timeout":
            self._out.reset(stream, ErrorCodes.CANCEL)
            return
        reply = reply_of(outcome)
        head_request = request.method == b"HEAD"
        try:
            fields = _fields(reply, head_request=head_request)
        except (ValueError, UnicodeError) as error:
            # a stub's header that would break the message apart
            decide(self._judge, self._call(request, internal(error)))
            if reply.stream is not None:
                Pump(self._judge, outcome, reply).over("its head can't be sent")
            reply = denial(500, f"internal error: {error}")
            fields = _fields(reply, head_request=head_request)
        pump = Pump(self._judge, outcome, reply) if isinstance(reply.stream, Generator) else None
        if not has_body(reply, head_request=head_request):
            if pump is not None:
                pump.over()
            self._out.whole(stream, fields, b"")
        elif pump is not None:
            self._out.going_on(stream, fields, pump)
        else:
            self._out.whole(stream, fields, reply.body)
        if unread:
            self._out.then_reset(stream)

    # ending

    def _take_leave(self) -> None:
        """Say goodbye once (RFC 9113, section 6.8), and close when the last stream has its reply."""
        if self._last is None:
            self._last = self._h2.highest_inbound_stream_id
            goodbye = GoAwayFrame(0, last_stream_id=self._last, error_code=ErrorCodes.NO_ERROR)
            self._commands.append(commands.SendData(self.context.client, goodbye.serialize()))
        if not (self._asked or self._wakeups or self._out.busy):
            self._end(None)

    def _broken(self, reason: str, code: ErrorCodes | None) -> None:
        """A connection error (RFC 9113, section 5.4.1). Without `code` h2 has said goodbye itself."""
        violation = Violation("malformed", reason[:300], 400)
        decide(self._judge, self._call(Request(b"", b"/", "2.0", (), scheme="https"), violation))
        self._end(code)

    def _end(self, code: ErrorCodes | None) -> None:
        if self._closed:
            return
        self._closed = True
        self._asked.clear()
        self._out.close()
        for _, outcome, _ in self._wakeups.values():
            if outcome.reply is not None and isinstance(outcome.reply.stream, Generator):
                Pump(self._judge, outcome, outcome.reply).over("the client left")
        if code is not None:
            with contextlib.suppress(H2Error):  # it was over already
                self._h2.close_connection(code)
        self._commands.append(commands.CloseConnection(self.context.client))


def _fields(reply: Reply, *, head_request: bool) -> list[tuple[bytes, bytes]]:
    fields = [(name.lower(), value) for name, value in response_headers(reply, head_request=head_request)]
    return [(b":status", b"%d" % reply.status), *fields]
