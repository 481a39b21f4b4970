"""mitmproxy's HTTP servers towards the client, with bounds and with denials in our words."""

from typing import Any

import h2.events
import h11
from h2.errors import ErrorCodes
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestProtocolError,
    ResponseEndOfMessage,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.layers.http._http2 import Http2Server

from childproof.capture.destination import Judge
from childproof.model import Call, Violation

from .calls import MAX_HEAD, Request, Site, build_call, decide
from .replies import denial, render, reply_of
from .wire import LINGER_BYTES, LINGER_SECONDS, ODD_FRAMES, ODD_FRAMES_PER_SECOND, Bucket, Patience

# of HTTP/2: what a flood is made of (CVE-2023-44487, CVE-2019-9512, CVE-2019-9515)
_ODD = (
    h2.events.StreamReset,
    h2.events.PingReceived,
    h2.events.RemoteSettingsChanged,
    h2.events.PriorityUpdated,
    h2.events.UnknownFrameReceived,
)


class GuardedHttp1Server(Http1Server):
    """HTTP/1 with a bounded head, h11's strictness besides mitmproxy's, and an end for clients that won't stop."""

    def __init__(self, context: Context, site: Site, judge: Judge, patience: Patience) -> None:
        super().__init__(context)
        self._site = site
        self._judge = judge
        self._patience = patience
        self._over = False
        self._discarded = 0

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        """A request's head, once it is whole and both parsers agree that it is one."""
        if not isinstance(event, events.DataReceived):
            yield from super().read_headers(event)
            return
        lines = self.buf.maybe_extract_lines()
        while lines is not None and not lines:  # an empty line before the request
            lines = self.buf.maybe_extract_lines()
        if lines is None:
            self._patience.waiting(bool(self.buf))
            if len(self.buf) > MAX_HEAD:
                yield from self._refuse(Violation("malformed", "malformed HTTP: the request's head is too long", 431))
            return
        head = b"\r\n".join([bytes(line) for line in lines]) + b"\r\n\r\n"
        problem = self._problem(head)
        if problem is not None:
            yield from self._refuse(problem, head)
            return
        # give the head back, so that mitmproxy reads it from its own buffer
        rest = self.buf.maybe_extract_at_most(max(1, len(self.buf))) or b""
        self.buf += head
        self.buf += bytes(rest)
        self._patience.waiting(False)
        yield from super().read_headers(event)
        if self.state == self.done:
            # mitmproxy found fault with it after all, has answered 400 and told no stream
            decide(self._judge, self._call(Violation("malformed", "malformed HTTP request", 400), head))

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """The body, whose trailers are dropped (RFC 9110, section 6.5.1): mitmproxy has no place for them."""
        if self._over:
            return
        reader: Any = self.body_reader
        if not isinstance(reader, _WithoutTrailers):
            reader = _WithoutTrailers(reader)
            self.body_reader = reader
        self._patience.waiting(True)
        yield from super().read_body(event)
        if reader.problem is not None and self.request is not None:
            violation = Violation("malformed", f"malformed HTTP: {reader.problem}"[:300], 400)
            yield from self._refuse(violation, self.request.data.method + b" " + self.request.data.path)
            yield ReceiveHttp(RequestProtocolError(self.stream_id, violation.reason, ErrorCode.GENERIC_CLIENT_ERROR))
        if self.state != self.read_body:
            self._patience.waiting(False)

    def wait(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Pipelined requests wait here, but not without bound."""
        self._patience.waiting(False)
        if isinstance(event, events.DataReceived) and len(self.buf) > MAX_HEAD + self._judge.max_body:
            yield commands.CloseConnection(self.conn)
            self.state = self.done
            return
        yield from super().wait(event)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if not self._over:
            yield from super()._handle_event(event)
        elif not isinstance(event, HttpEvent):
            yield from self._discard(event)

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """Replies; after the last one what the client still sends is thrown away for a moment, so that it can read."""
        if isinstance(event, ResponseEndOfMessage) and not self.request_done and self._is_last():
            yield from self._linger()
            return
        if isinstance(event, ResponseProtocolError) and self.response is None:
            status = event.code.http_status_code()
            if status is not None:
                yield commands.SendData(self.conn, render(denial(status, event.message), head_request=False, last=True))
            yield commands.CloseConnection(self.conn)
            return
        yield from super().send(event)

    def _discard(self, event: events.Event) -> layer.CommandGenerator[None]:
        """After a last reply: so much is thrown away, for so long."""
        if isinstance(event, events.DataReceived):
            self._discarded += len(event.data)
            if self._discarded <= LINGER_BYTES:
                return
        yield commands.CloseConnection(self.conn)

    def _problem(self, head: bytes) -> Violation | None:
        """What is wrong with this head, by the parser and the checks that our own layer reads with."""
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        try:
            parser.receive_data(head)
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            return Violation("malformed", f"malformed HTTP: {error}"[:300], error.error_status_hint)
        if not isinstance(event, h11.Request):
            return Violation("malformed", "malformed HTTP: no request", 400)
        version = event.http_version.decode("latin-1")
        request = Request(event.method, event.target, version, event.headers.raw_items())
        violation = build_call(self._site, request).violation
        # whatever else is wrong waits for the body, so that its entry is whole
        fatal = violation is not None and (violation.kind in ("malformed", "bad_host") or event.method == b"CONNECT")
        return violation if fatal else None

    def _is_last(self) -> bool:
        return self.response is not None and self.response.headers.get("connection", "").lower() == "close"

    def _refuse(self, violation: Violation, head: bytes = b"") -> layer.CommandGenerator[None]:
        outcome = decide(self._judge, self._call(violation, head))
        yield commands.SendData(self.conn, render(reply_of(outcome), head_request=False, last=True))
        yield from self._linger()

    def _linger(self) -> layer.CommandGenerator[None]:
        self._patience.waiting(False)
        self._over = True
        yield commands.CloseTcpConnection(self.conn, half_close=True)
        yield commands.RequestWakeup(LINGER_SECONDS)

    def _call(self, violation: Violation, head: bytes) -> Call:
        method, _, rest = head.partition(b"\r\n")[0].partition(b" ")
        target = rest.partition(b" ")[0]
        return build_call(self._site, Request(method[:64], target[:2048] or b"/", "", ()), violation)


class GuardedHttp2Server(Http2Server):
    """HTTP/2 whose protocol errors leave an entry, and whose clients must finish requests and not just make work."""

    def __init__(self, context: Context, site: Site, judge: Judge, patience: Patience) -> None:
        super().__init__(context)
        self._site = site
        self._judge = judge
        self._patience = patience
        self._odd = Bucket(ODD_FRAMES, ODD_FRAMES_PER_SECOND, patience.now)
        self._begun: dict[int, float] = {}

    def handle_h2_event(self, event: h2.events.Event) -> layer.CommandGenerator[bool]:
        """As mitmproxy does, with the time of requests noted and frames counted that only cost us work."""
        match event:
            case h2.events.RequestReceived(stream_id=int(stream)) if event.stream_ended is None:
                self._begun[stream] = self._patience.now()
            case h2.events.StreamEnded(stream_id=int(stream)) | h2.events.StreamReset(stream_id=int(stream)):
                self._begun.pop(stream, None)
            case _:
                pass
        self._patience.owed(min(self._begun.values(), default=None), None)
        if isinstance(event, _ODD) and not self._odd.take():
            yield from self.protocol_error("too many frames without a request", ErrorCodes.ENHANCE_YOUR_CALM)
            return True
        return (yield from super().handle_h2_event(event))

    def protocol_error(self, message: str, error_code: int = 1) -> layer.CommandGenerator[None]:
        """A connection error (RFC 9113, section 5.4.1)."""
        violation = Violation("malformed", f"malformed HTTP/2: {message}"[:300], 400)
        decide(self._judge, build_call(self._site, Request(b"", b"/", "2.0", ()), violation))
        yield from super().protocol_error(message, error_code)


class _WithoutTrailers:
    """h11's body readers, without trailers, and with a broken body remembered for a reply instead of raised."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.problem: h11.ProtocolError | None = None

    def __call__(self, buffer: Any) -> Any:
        try:
            event = self._reader(buffer)
        except h11.ProtocolError as error:
            self.problem = error
            return None
        return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) else event

    def read_eof(self) -> Any:
        """What the reader makes of an end of the stream."""
        return self._reader.read_eof()
