"""The HTTP/1.1 layer for hosts that may only be answered here.

It has no way to reach upstream: it yields bytes for the client, a close, a reset or a wake-up, nothing else. A call
that gets here can't be forwarded, whatever a rule, a reload or a bug says.

Parsing is h11's: strict, maintained, and in one piece 67 µs a request where mitmproxy's request head with the checks
it needs takes 87 µs and leaves the body to do. A fresh parser for each request is 2 µs and makes pipelining plain. What
comes whole and plain is read without it (`plain`).
"""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import h11
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Judge
from childproof.capture.peek import First, classify
from childproof.model import NO_UPSTREAM, Call, Outcome, Reply, Talk, Violation, replace

from .calls import MAX_HEAD, Request, Site, build_call, decide, internal
from .chunked import Chunked
from .plain import plain_request
from .pump import Pump
from .replies import denial, has_body, render, reply_of
from .upgrade import accept_of, with_upgrade
from .wire import HOLD_SECONDS, LINGER_BYTES, LINGER_SECONDS, Patience, ResetConnection, Stopping

if TYPE_CHECKING:
    from .talk import TalkLayer

_TELLING = 128  # bytes that tell whether a request line begins
_NO_REQUEST = Violation("malformed", "malformed HTTP: no request line", 400)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Commands = Generator[commands.Command, Any, None]


class AnswerLayer(layer.Layer):
    """Reads requests one after the other, asks the judge, writes the replies. Synchronous but for delays."""

    def __init__(self, context: Context, site: Site, judge: Judge, patience: Patience) -> None:
        super().__init__(context)
        self._site = site
        self._judge = judge
        self._patience = patience
        self._parser = _new_parser()
        self._request: Request | None = None  # its head while the body is still coming
        self._body = bytearray()  # not a list: a body may come in millions of chunks
        self._size = 0
        self._continued = False
        self._later: tuple[commands.RequestWakeup, bytes | None, bool] | None = None
        self._going: Chunked | None = None  # a reply that goes on
        self._waiting_bytes = bytearray()  # what came while a delayed reply was still to be sent, or one went on
        self._talk: TalkLayer | None = None  # a WebSocket has taken over
        self._drained: int | None = None  # counts what is thrown away after a last reply
        self._closed = False

    def handle_event(self, event: events.Event) -> Commands:
        """One event in, commands out. Nothing here blocks, so mitmproxy's pausing around it is left out."""
        try:
            yield from self._stopping(event) if isinstance(event, Stopping) else self._handle_event(event)
        except Exception as error:  # noqa: BLE001 - closed by default: recorded, answered with 500, closed
            decide(self._judge, self._call(internal(error)))
            yield from self._last(denial(500, "internal error"))

    def _handle_event(self, event: events.Event) -> Commands:
        if self._talk is not None and self._later is None:
            yield from self._talk.handle_event(event)
        elif isinstance(event, events.DataReceived):
            if self._closed:
                return
            if self._drained is not None:
                yield from self._drain(len(event.data))
            elif self._later is not None or self._going is not None:
                self._waiting_bytes += event.data
                if len(self._waiting_bytes) > MAX_HEAD + self._judge.max_body:
                    yield from self._close()
            elif (whole := self._plain(event.data)) is not None:
                self._request = whole
                yield from self._answer()
            else:
                self._receive(event.data)
                yield from self._advance()
        elif isinstance(event, events.Wakeup):
            yield from self._woken(event)
        elif isinstance(event, events.ConnectionClosed):
            yield from self._close()

    # reading

    def _plain(self, data: bytes) -> Request | None:
        """A request that begins and ends with these bytes, if it is plain enough."""
        return plain_request(data, self._judge.max_body) if self._between() else None

    def _between(self) -> bool:
        """Whether nothing of the next request has come yet."""
        return self._request is None and not self._parser.trailing_data[0]

    def _receive(self, data: bytes) -> None:
        if self._between():
            # empty lines before a request (RFC 9112, section 2.2) aren't kept: they might never end
            data = data.lstrip(b"\r\n")
        if data:
            self._parser.receive_data(data)

    def _advance(self) -> Commands:
        while True:
            try:
                item = self._parser.next_event()
            except h11.RemoteProtocolError as error:
                yield from self._refuse(_violation_of(error))
                return
            if isinstance(item, h11.Request):
                version = item.http_version.decode("latin-1")
                self._request = Request(item.method, item.target, version, item.headers.raw_items())
                problem = self._problem(item)
                if problem is not None:
                    yield from self._refuse(problem)
                    return
            elif isinstance(item, h11.Data):
                self._size += len(item.data)
                if self._size > self._judge.max_body:
                    yield from self._refuse(_body_too_large(self._judge.max_body))
                    return
                self._body += item.data
            elif isinstance(item, h11.EndOfMessage):
                yield from self._answer()
                if self._busy():
                    return
            else:
                yield from self._unfinished()
                return

    def _unfinished(self) -> Commands:
        begun = self._parser.trailing_data[0]
        if self._request is None and classify(begun[:_TELLING].lstrip(b"\r\n")) is First.OTHER:
            # whoever speaks something else may be waiting for an answer
            yield from self._refuse(_NO_REQUEST)
            return
        self._patience.waiting(self._request is not None or bool(begun))
        if self._parser.they_are_waiting_for_100_continue and not self._continued:
            self._continued = True
            yield commands.SendData(self.context.client, _CONTINUE)

    def _problem(self, request: h11.Request) -> Violation | None:
        """From the head alone, so that nothing of a huge body is kept."""
        if classify(request.method + b" " + request.target[:_TELLING]) is not First.HTTP:
            return _NO_REQUEST  # as if less of it had come
        for name, value in request.headers:
            if name == b"content-length" and int(value) > self._judge.max_body:
                return _body_too_large(self._judge.max_body)
        return None

    # answering

    def _call(self, violation: Violation | None = None) -> Call:
        request = self._request
        if request is None:
            parts = Request(b"", b"/", "", ())
            return build_call(self._site, parts, violation or Violation("malformed", "no HTTP request", 400))
        if self._body:
            request = replace(request, body=bytes(self._body))
        return with_upgrade(build_call(self._site, request, violation))

    def _answer(self, call: Call | None = None) -> Commands:
        call = call or self._call()
        outcome = decide(self._judge, call)
        request = self._request
        assert request is not None
        ending = self._patience.ending or outcome.forward is not None
        last = _wants_close(request) or call.violation is not None or ending
        if outcome.forward is not None:
            # the rules were reloaded since this layer was chosen; the next connection gets the other one
            self._judge.settle(outcome, NO_UPSTREAM, None, "not forwarded: the connection was opened under older rules")
        rest, _ = self._parser.trailing_data
        if self._parser.their_state is not h11.IDLE:  # a plain request has left it as it was
            self._parser = _new_parser()
        self._request = None
        self._body, self._size, self._continued = bytearray(), 0, False
        if rest:
            self._receive(rest)
        self._patience.waiting(bool(rest))
        yield from self._send(outcome, call, request, last=last)

    def _send(self, outcome: Outcome, call: Call, request: Request, *, last: bool) -> Commands:
        message: bytes | None
        if outcome.fault == "reset":
            message, last = None, True
        elif outcome.fault == "timeout":
            message, last = None, False
        else:
            reply = reply_of(outcome)
            if reply.stream is None:
                message = self._message(reply, request.method, last=last)
            elif isinstance(reply.stream, Talk):
                message = self._accept(outcome, reply, call)
            else:
                message = self._going_on(outcome, reply, request, last=last)
        seconds = outcome.delay + (HOLD_SECONDS if outcome.fault == "timeout" else 0)
        if seconds > 0:
            wakeup = commands.RequestWakeup(seconds)
            self._later = wakeup, message, last
            yield wakeup
        else:
            yield from self._deliver(message, last=last)

    def _message(self, reply: Reply, method: bytes, *, last: bool) -> bytes:
        head_request = method == b"HEAD"
        try:
            return render(reply, head_request=head_request, last=last)
        except (ValueError, UnicodeError) as error:
            # a stub's header that would break the message apart
            decide(self._judge, self._call(internal(error)))
            return render(denial(500, f"internal error: {error}"), head_request=head_request, last=last)

    def _deliver(self, message: bytes | None, *, last: bool) -> Commands:
        if message is None:
            yield ResetConnection() if last else commands.CloseConnection(self.context.client)
            self._closed = True
            return
        if self._going is not None:
            yield from self._go_on(message)
            return
        yield commands.SendData(self.context.client, message)
        if self._talk is not None:
            yield from self._talk.begin()
            yield from self._resume()
        elif last or self._patience.ending:
            yield from self._linger()

    def _woken(self, event: events.Wakeup) -> Commands:
        if self._closed:
            return
        if self._drained is not None:
            yield from self._close()
        elif self._later is not None and self._later[0] is event.command:
            _, message, last = self._later
            self._later = None
            yield from self._deliver(message, last=last)
            yield from self._resume()
        elif self._going is not None and self._going.room is event.command:
            yield from self._go_on()
            yield from self._resume()

    def _resume(self) -> Commands:
        """Go on with what the client sent in the meantime."""
        if self._talk is not None:
            data = self._parser.trailing_data[0] + bytes(self._waiting_bytes)
            self._waiting_bytes.clear()
            if data:
                yield from self._talk.handle_event(events.DataReceived(self.context.client, data))
            return
        if self._busy():
            return
        if self._waiting_bytes:
            self._receive(bytes(self._waiting_bytes))
            self._waiting_bytes.clear()
        yield from self._advance()

    def _busy(self) -> bool:
        """Whether the next request must wait, or there is none any more."""
        return (
            self._later is not None or self._going is not None or self._closed or self._drained is not None
            or self._talk is not None
        )  # fmt: skip

    # replies that go on

    def _accept(self, outcome: Outcome, reply: Reply, call: Call) -> bytes:
        """Let a WebSocket take over. A header that can't be sent makes it a denial."""
        from .talk import TalkLayer, handshake  # noqa: PLC0415 (and wsproto with it)

        self._patience.waiting(False)
        try:
            head = handshake(accept_of(call), reply)
        except (ValueError, UnicodeError):
            self._judge.settle(outcome, NO_UPSTREAM, None, "its head can't be sent")
            return self._message(reply, b"GET", last=False)
        self._talk = TalkLayer(self.context, self._judge, outcome, reply, self._patience)
        return head

    def _going_on(self, outcome: Outcome, reply: Reply, request: Request, *, last: bool) -> bytes:
        """Set up what comes after the head, and give the head. A header that can't be sent makes it a denial."""
        try:
            going = Chunked(self._judge, outcome, reply, version=request.version, last=last)
        except (ValueError, UnicodeError):
            Pump(self._judge, outcome, reply).over("its head can't be sent")
            return self._message(reply, request.method, last=last)
        if has_body(reply, head_request=request.method == b"HEAD"):
            self._going = going
            self._patience.waiting(False)
        else:
            going.pump.over()
        return going.head

    def _go_on(self, head: bytes = b"") -> Commands:
        going = self._going
        assert going is not None
        data = head + going.advance()
        if data:
            yield commands.SendData(self.context.client, data)
        if going.room is not None:
            yield going.room
            return
        self._going = None
        if going.pump.error:
            yield from self._close()
        elif going.last or self._patience.ending:
            yield from self._linger()

    # ending

    def _stopping(self, event: Stopping) -> Commands:
        """A connection without a request ends now, one with a request after its reply."""
        event.taken = True
        if self._talk is not None:
            yield from self._talk.handle_event(event)
        elif not self._busy() and self._between() and self._patience.since is None:
            yield from self._close()

    def _refuse(self, violation: Violation) -> Commands:
        outcome = decide(self._judge, self._call(violation))
        self._body.clear()
        yield from self._last(outcome.reply or denial(violation.status or 400, violation.reason, call=outcome.call_id))

    def _last(self, reply: Reply) -> Commands:
        method = self._request.method if self._request is not None else b""
        yield commands.SendData(self.context.client, self._message(reply, method, last=True))
        yield from self._linger()

    def _linger(self) -> Commands:
        """Throw away what the client still sends after a last reply.

        Closing at once would reset the connection and take the reply with it (RFC 9112, section 9.6).
        """
        self._patience.waiting(False)
        if self._between():
            yield from self._close()
            return
        self._drained = 0
        yield commands.CloseTcpConnection(self.context.client, half_close=True)
        yield commands.RequestWakeup(LINGER_SECONDS)

    def _drain(self, size: int) -> Commands:
        assert self._drained is not None
        self._drained += size
        if self._drained > LINGER_BYTES:
            yield from self._close()

    def _close(self) -> Commands:
        if not self._closed:
            self._closed = True
            if self._going is not None:
                self._going.pump.over("the client left")
            if self._talk is not None:
                yield from self._talk.handle_event(events.ConnectionClosed(self.context.client))
            yield commands.CloseConnection(self.context.client)


def _new_parser() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)


def _wants_close(request: Request) -> bool:
    tokens = {
        token.strip().lower()
        for name, value in request.headers
        if name.lower() in (b"connection", b"proxy-connection")
        for token in value.split(b",")
    }
    return b"close" in tokens or (request.version != "1.1" and b"keep-alive" not in tokens)


def _body_too_large(limit: int) -> Violation:
    return Violation("body_too_large", f"the request's body has more than {limit} bytes", 413)


def _violation_of(error: h11.RemoteProtocolError) -> Violation:
    status = error.error_status_hint or 400
    return Violation("malformed", f"malformed HTTP: {error}"[:300], status)
