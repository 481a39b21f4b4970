"""mitmproxy's HTTP layer, gated, for hosts that a rule may allow and for HTTP/2.

`make_server_connection` is the one place where a request acquires an upstream connection, fresh or kept alive.
Without the call's own permission it ends in an error there, whatever happened in hooks before.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, override

from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http
from mitmproxy.connection import Connection, Server
from mitmproxy.net.http.validate import validate_headers
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import (
    DropStream,
    GetHttpConnection,
    HttpLayer,
    HTTPMode,
    SendHttp,
)
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestHeaders,
    RequestProtocolError,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook

from childproof.capture.destination import Judge
from childproof.model import Call, Reply, Violation, replace

from .calls import Request, Site, build_call, decide
from .gate import Gate, Permission
from .lasting import RELAYED, LastingStream
from .replies import denial, reason_of, reply_of, response_headers
from .secrets import inject
from .servers import GuardedHttp1Server, GuardedHttp2Server
from .upgrade import WEBSOCKET
from .wire import Patience, Stopping

if TYPE_CHECKING:
    from collections.abc import Generator

PREFIX = "childproof.prefix"  # flow metadata: scheme and authority of an absolute URI


@dataclass(eq=False)
class GetPermittedConnection(GetHttpConnection):
    """A request for an upstream connection that carries its permission."""

    permission: Permission | None = None
    gate: Gate | None = None

    def __hash__(self) -> int:
        return id(self)

    def connection_spec_matches(self, connection: Connection) -> bool:
        """A kept-alive connection fits only where it was dialled under the very same limits."""
        return (
            self.gate is not None
            and self.permission is not None
            and isinstance(connection, Server)
            and self.gate.forward_of(connection) == self.permission.forward
            and super().connection_spec_matches(connection)
        )


class GuardedHttpStream(LastingStream):
    """One request and its reply, closed by default."""

    def __init__(self, context: Context, stream_id: int, owner: "GuardedHttpLayer") -> None:
        super().__init__(context, stream_id)
        self._owner = owner
        self.judge, self.gate, self.patience = owner.judge, owner.gate, owner.patience

    def make_server_connection(self) -> layer.CommandGenerator[bool]:
        """The gate."""
        gate = self._owner.gate
        permission = gate.take(self.flow)
        if permission is None:
            decide(self._owner.judge, self.call(Violation("internal", "forwarding without a permission", 502)))
            yield from self.handle_protocol_error(
                ResponseProtocolError(self.stream_id, "childproof: no permission", ErrorCode.CONNECT_FAILED)
            )
            return False
        connection, error = yield GetPermittedConnection(
            (self.flow.request.host, self.flow.request.port),
            self.flow.request.scheme == "https",
            None,
            "tcp",
            permission,
            gate,
        )
        if error:
            yield from self.handle_protocol_error(
                ResponseProtocolError(self.stream_id, error, ErrorCode.CONNECT_FAILED)
            )
            return False
        permission.server = connection
        self.context.server = self.flow.server_conn = connection
        return True

    def handle_connect(self) -> layer.CommandGenerator[None]:
        """CONNECT was our front's to take, as the first request of a connection. Here it would nest."""
        yield from self.refuse(Violation("unsupported", "CONNECT inside a connection", 405))

    @override
    def check_invalid(self, request: bool) -> layer.CommandGenerator[bool]:
        """Header validation; a bad request gets our denial and an entry."""
        if not request:
            return (yield from super().check_invalid(request))
        try:
            validate_headers(self.flow.request)
        except ValueError as error:
            yield from self.refuse(Violation("malformed", f"malformed HTTP: {error}"[:300], 400))
            return True
        if not self.flow.request.is_http2 and self.flow.request.data.authority:
            # mitmproxy is about to turn a proxy request's absolute URI into a path
            self.flow.metadata[PREFIX] = self.flow.request.data.scheme + b"://" + self.flow.request.data.authority
        violation = self.call().violation
        if violation is not None and violation.kind in ("malformed", "bad_host"):
            yield from self.refuse(violation)
            return True
        return False

    @override
    def check_body_size(self, request: bool) -> layer.CommandGenerator[bool]:
        """The request's limit, before and while it is buffered. Replies of allowed calls have none: they stream."""
        if not request:
            return False
        limit = self._owner.judge.max_body
        announced = self.flow.request.headers.get("content-length", "0")
        size = len(self.request_body_buf) or (int(announced) if announced.isdigit() else 0)
        # HTTP/2 has many requests under way at once: together they may hold a few times the limit
        together = sum(len(stream.request_body_buf) for stream in self._owner.streams.values())
        if size <= limit and together <= limit * 4:
            return False
        self.request_body_buf.clear()
        yield from self.refuse(Violation("body_too_large", f"the request's body has more than {limit} bytes", 413))
        return True

    def state_wait_for_response_headers(self, event: ResponseHeaders) -> layer.CommandGenerator[None]:
        """An upstream that switches protocols unasked, or to something else, would turn the connection into a raw pipe."""
        if event.response.status_code == 101 and not self._became_websocket(event.response):
            yield commands.CloseConnection(self.context.server)
            yield from self.handle_protocol_error(
                ResponseProtocolError(
                    self.stream_id, "the server switched protocols unasked", ErrorCode.GENERIC_SERVER_ERROR
                )
            )
            return
        yield from super().state_wait_for_response_headers(event)

    def _became_websocket(self, response: http.Response) -> bool:
        return (
            RELAYED in self.flow.metadata
            and response.headers.get("upgrade", "").lower() == WEBSOCKET
            and "sec-websocket-extensions" not in response.headers
        )

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """Errors that mitmproxy would word as an HTML page get our JSON."""
        event = self._unquoted(event)
        status = event.code.http_status_code() if isinstance(event, ResponseProtocolError) else None
        unanswered = self.client_state != self.state_errored and self.server_state in (
            self.state_wait_for_response_headers,
            self.state_uninitialized,
        )
        if status is None or not unanswered:
            yield from super().handle_protocol_error(event)
            return
        self.flow.error = mitmproxy_flow.Error(event.message)
        yield HttpErrorHook(self.flow)
        yield from self.reply(denial(status, event.message))

    def _unquoted(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> RequestProtocolError | ResponseProtocolError:
        """The words of mitmproxy for a broken reply quote it, and it may bring a credential back, or a part of one."""
        permission = self.gate.permission(self.flow)
        if permission is None or not permission.secrets or isinstance(event, RequestProtocolError):
            return event
        return replace(event, message=event.message.partition(":")[0])

    def refuse(self, violation: Violation) -> layer.CommandGenerator[None]:
        """Record the call with this violation, deny it, and end the stream."""
        outcome = decide(self._owner.judge, self.call(violation))
        yield from self.reply(reply_of(outcome))

    def reply(self, reply: Reply) -> layer.CommandGenerator[None]:
        """A last answer for this stream; over HTTP/1 the connection ends with it."""
        self.client_state = self.server_state = self.state_errored
        self.flow.live = False
        response = make_response(reply, head_request=self.flow.request.method == "HEAD")
        if not self.flow.request.is_http2:
            response.headers["connection"] = "close"
        self.flow.response = response
        content = response.raw_content
        yield SendHttp(ResponseHeaders(self.stream_id, response, not content), self.context.client)
        if content:
            yield SendHttp(ResponseData(self.stream_id, content), self.context.client)
        yield SendHttp(ResponseEndOfMessage(self.stream_id), self.context.client)
        yield DropStream(self.stream_id)

    def call(self, violation: Violation | None = None) -> Call:
        """This stream's request as a call."""
        return build_call(self._owner.site, request_of(self.flow), violation)


class GuardedHttpLayer(HttpLayer):
    """mitmproxy's HTTP layer with our streams, our servers towards the client, and connections only by permission."""

    def __init__(  # noqa: PLR0917 - what one connection is made of
        self, context: Context, mode: HTTPMode, site: Site, judge: Judge, gate: Gate, patience: Patience
    ) -> None:
        super().__init__(context, mode)
        self.site = site
        self.judge = judge
        self.gate = gate
        self.patience = patience

    def _handle_event(self, event: events.Event) -> "Generator[commands.Command, object, None]":
        if isinstance(event, events.Start):
            server = GuardedHttp2Server if self.context.client.alpn == b"h2" else GuardedHttp1Server
            self.connections[self.context.client] = server(self.context.fork(), self.site, self.judge, self.patience)
        if isinstance(event, Stopping):
            event.taken = True
        else:
            yield from super()._handle_event(event)
        if self.patience.ending and not self.streams and self.patience.since is None:
            yield from self._take_leave()

    def _take_leave(self) -> "Generator[commands.Command, object, None]":
        """The process stops, and nothing is under way here."""
        server = self.connections.get(self.context.client)
        if self.context.client.connected:
            if isinstance(server, GuardedHttp2Server):
                server.h2_conn.close_connection()
                yield commands.SendData(self.context.client, server.h2_conn.data_to_send())
            yield commands.CloseConnection(self.context.client)

    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        """One of ours."""
        self.streams[stream_id] = GuardedHttpStream(self.context.fork(), stream_id, self)
        yield from self.event_to_child(self.streams[stream_id], events.Start())

    def event_to_child(self, child: layer.Layer, event: events.Event) -> layer.CommandGenerator[None]:
        """As mitmproxy does; a request that leaves gets its credentials at this last moment."""
        if isinstance(event, RequestHeaders) and not isinstance(child, LastingStream):
            event = self._with_secrets(event)
        yield from super().event_to_child(child, event)

    def _with_secrets(self, event: RequestHeaders) -> RequestHeaders:
        stream = self.streams.get(event.stream_id)
        permission = self.gate.permission(stream.flow) if stream is not None else None
        if permission is None or not permission.forward.secrets or "upgrade" in event.request.headers:
            return event
        request, permission.secrets = inject(event.request, permission.forward.secrets)
        return RequestHeaders(event.stream_id, request, event.end_stream, event.replay_flow)

    def get_connection(self, event: GetHttpConnection, *, reuse: bool = True) -> layer.CommandGenerator[None]:
        """Only with a permission, which is bound to whatever connection this opens."""
        if not isinstance(event, GetPermittedConnection) or event.permission is None:
            raise PermissionError("an upstream connection was asked for without a permission")
        for command in super().get_connection(event, reuse=reuse):
            if isinstance(command, commands.OpenConnection):
                self.gate.bind(command.connection, event.permission)
            yield command


def request_of(flow: http.HTTPFlow) -> Request:
    """A flow's request as it stands now, in the parts that both our HTTP layers judge by."""
    request = flow.request
    over_http2 = request.is_http2
    prefix = flow.metadata.get(PREFIX, b"")
    return Request(
        method=request.data.method,
        target=prefix + request.data.path,
        version=request.http_version.removeprefix("HTTP/"),
        headers=request.headers.fields,
        body=request.raw_content or b"",
        authority=request.data.authority if over_http2 and request.data.authority else None,
        scheme=request.scheme if over_http2 else None,
    )


def make_response(reply: Reply, *, head_request: bool) -> http.Response:
    """Mitmproxy's response for a reply. A header that can't be sent makes it a denial."""
    try:
        fields = response_headers(reply, head_request=head_request)
    except (ValueError, UnicodeError) as error:
        reply = denial(500, f"internal error: {error}")
        fields = response_headers(reply, head_request=head_request)
    body = b"" if head_request else reply.body
    return http.Response(b"HTTP/1.1", reply.status, reason_of(reply.status), http.Headers(fields), body, None, 0.0, 0.0)
