"""What outlasts a response's head on mitmproxy's HTTP layer: a stub's stream or talk, and an allowed WebSocket.

The request hook leaves it in the flow's metadata. A stream is pulled as on our own layers, only when there is room; a
WebSocket becomes the stream's child layer, to which mitmproxy passes bytes and wake-ups through.
"""

from collections.abc import Generator
from typing import Any

from mitmproxy import http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.layers.http import DropStream, HttpStream, SendHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._hooks import HttpResponseHook
from mitmproxy.proxy.layers.http._http2 import Http2Server

from childproof.capture.destination import Judge
from childproof.model import Call, Outcome, Reply, Talk, replace

from .chunked import trailer_fields
from .gate import Gate
from .pump import Pump
from .replies import has_body
from .upgrade import accept_of
from .wire import Patience, RequestRoom

LASTING = "childproof.lasting"  # flow metadata: a Pump, or what a WebSocket is to become
RELAYED = "childproof.relayed"  # flow metadata: an allowed call that asked for a WebSocket
_POLL_SECONDS = 0.05  # how often a client's HTTP/2 window is looked at while it is shut


def going_on(flow: http.HTTPFlow, judge: Judge, outcome: Outcome, reply: Reply, call: Call) -> Reply:
    """Note what follows the head of a stub's reply; the head, as a reply without a stream, to be sent first."""
    head = replace(reply, stream=None, body=b"")
    if isinstance(reply.stream, Talk):
        flow.metadata[LASTING] = (outcome, reply, accept_of(call))
        return replace(head, status=101)
    pump = Pump(judge, outcome, reply)
    if has_body(reply, head_request=call.method == "HEAD"):
        flow.metadata[LASTING] = pump
    else:
        pump.over()
    return head


class LastingStream(HttpStream):
    """A stream whose response may go on after its head."""

    judge: Judge
    gate: Gate
    patience: Patience
    _handle_event: Any

    def send_response(self, already_streamed: bool = False) -> layer.CommandGenerator[None]:  # noqa: FBT001, FBT002 - mitmproxy's signature
        """The response is there: all of it, or its head."""
        lasting = self.flow.metadata.pop(LASTING, None)
        if lasting is None:
            yield from super().send_response(already_streamed)
            return
        yield HttpResponseHook(self.flow)
        self.server_state = self.state_done
        if isinstance(lasting, Pump):
            yield from self._begin_stream(lasting)
        else:
            yield from self._begin_talk(*lasting)

    def flow_done(self) -> layer.CommandGenerator[None]:
        """An allowed WebSocket goes on as one."""
        response = self.flow.response
        if response is None or response.status_code != 101 or RELAYED not in self.flow.metadata:
            yield from super().flow_done()
            return
        permission = self.gate.permission(self.flow)
        assert permission is not None
        from .relay import RelayLayer  # noqa: PLC0415 (and wsproto with it)

        self.child_layer = RelayLayer(self.context, self.gate, permission, response, self.judge.max_body)
        self._handle_event = self.passthrough
        yield from self.passthrough(events.Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)

    # a stub's stream

    def _begin_stream(self, pump: Pump) -> layer.CommandGenerator[None]:
        response = self.flow.response
        assert response is not None
        response.headers.pop("content-length", None)
        if self.flow.request.http_version == "HTTP/1.1":
            response.headers["transfer-encoding"] = "chunked"
        elif not self.flow.request.is_http2:
            response.headers["connection"] = "close"
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=False), self.context.client)
        self._handle_event = lambda event: self._go_on(pump, event)
        yield from self._pull(pump)

    def _go_on(self, pump: Pump, event: events.Event) -> Generator[commands.Command, Any, None]:
        if isinstance(event, events.Wakeup):
            yield from self._pull(pump)
        elif isinstance(event, RequestProtocolError):
            pump.over("the client left")
            yield from self._drop()

    def _pull(self, pump: Pump) -> layer.CommandGenerator[None]:
        if self._window_is_shut():
            yield RequestRoom(_POLL_SECONDS)
            return
        data, wait = pump.pull()
        if data:
            yield SendHttp(ResponseData(self.stream_id, data), self.context.client)
        if wait is not None:
            yield RequestRoom(wait)
            return
        pump.over()
        if pump.error:
            broken = ResponseProtocolError(self.stream_id, "the stream broke off", ErrorCode.GENERIC_SERVER_ERROR)
            yield SendHttp(broken, self.context.client)
        else:
            if pump.trailers and self.flow.request.is_http2:  # mitmproxy has no place for them in HTTP/1
                trailers = http.Headers(trailer_fields(pump))
                yield SendHttp(ResponseTrailers(self.stream_id, trailers), self.context.client)
            yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield from self._drop()

    def _window_is_shut(self) -> bool:
        """Whether HTTP/2 still holds what was sent last: it would take anything, and keep it."""
        server = self.context.layers[self.context.layers.index(self) - 1].connections.get(self.context.client)  # type: ignore[attr-defined]  # the layer above is the HTTP layer
        return isinstance(server, Http2Server) and bool(server.h2_conn.stream_buffers.get(self.stream_id))

    def _drop(self) -> layer.CommandGenerator[None]:
        self._handle_event = _nothing
        self.flow.live = False
        yield DropStream(self.stream_id)

    # a stub's WebSocket

    def _begin_talk(self, outcome: Outcome, reply: Reply, accept: str) -> layer.CommandGenerator[None]:
        from .talk import TalkLayer, handshake  # noqa: PLC0415 (and wsproto with it)

        response = self.flow.response
        assert response is not None
        lines = handshake(accept, reply).split(b"\r\n")[1:-2]
        response.headers = http.Headers([(line.split(b": ", 1)[0], line.split(b": ", 1)[1]) for line in lines])
        yield SendHttp(ResponseHeaders(self.stream_id, response, end_stream=True), self.context.client)
        self.patience.waiting(False)
        self.child_layer = TalkLayer(self.context, self.judge, outcome, reply, self.patience)
        self._handle_event = self.passthrough
        yield from self.passthrough(events.Start())
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)


def _nothing(_event: events.Event) -> Generator[commands.Command, Any, None]:
    yield from ()
