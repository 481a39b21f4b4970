"""What mitmproxy asks about one client connection, and our answers: the policy side of its hooks.

Each method is named after the hook it answers. They are synchronous; one that must wait returns an awaitable. They
may raise: `handler` turns every exception into a denial.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec
from mitmproxy import connection, http, tls
from mitmproxy.proxy import context, layer
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from OpenSSL import SSL

from childproof.capture.destination import Judge
from childproof.capture.frontdoor import HTTP_PORTS
from childproof.capture.peek import First, classify
from childproof.model import Call, HostError, Outcome, Protocol, Reply, Upstream, Violation, normalize_host, replace

from .answer import AnswerLayer
from .answer2 import Answer2Layer
from .calls import Site, build_call, decide, internal, other_call
from .explicit import ProxyLayer
from .gate import Dial, Gate, Permission
from .lasting import RELAYED, going_on
from .leaf import ALPN, Leaves
from .lean import TlsConfig
from .replies import denial, reply_of
from .replying import Replying
from .secrets import Mask
from .stream import GuardedHttpLayer, make_response, request_of
from .upgrade import ask_upgrade, with_upgrade
from .wire import HOLD_SECONDS, Patience

FAILED = "childproof.failed"  # flow metadata: a hook raised, the call is denied whatever follows
_HOP_BY_HOP = (
    "upgrade", "http2-settings", "keep-alive", "proxy-connection", "proxy-authorization", "te", "trailer",
)  # fmt: skip


class Core(msgspec.Struct, frozen=True):
    """What all connections of one capture share."""

    judge: Judge
    dial: Dial
    tls: TlsConfig
    leaves: Leaves | None  # None: stock mitmproxy mints the certificates
    clock: Callable[[], float]
    answer_layer: bool = True  # off under stock mitmproxy, whose views want flows


@dataclass(slots=True)
class _Witness:
    judge: Judge
    asked: bool = False

    @property
    def max_body(self) -> int:
        return self.judge.max_body

    def handle(self, call: Call) -> Outcome:
        self.asked = True
        return self.judge.handle(call)

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        self.judge.settle(outcome, upstream, reply, error)

    def may_allow(self, world: str, host: str, port: int) -> bool:
        return self.judge.may_allow(world, host, port)


class Hooks:
    """One connection's answers."""

    def __init__(self, core: Core, site: Site, abort: Callable[[], None]) -> None:
        # A judge that remembers having been asked: a connection that ends without that was an attempt all the same.
        self._witness = _Witness(core.judge)
        self.core = replace(core, judge=self._witness)
        self.site = site
        self.gate = Gate(self._witness)
        self.patience = Patience(core.clock)
        self.patience.waiting(site.tls)  # a handshake that is begun and never finished is given up too
        self._abort = abort
        self._refused = False  # recorded and aborted: what follows from that isn't news
        self._replies: dict[str, Replying] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # which layer reads what

    def top(self, ctx: context.Context) -> layer.Layer:
        """The HTTP layer for a connection without TLS."""
        if self.site.destination is None:
            return self._explicit(ctx)
        if self.site.http2:
            return Answer2Layer(ctx, self.site, self.core.judge, self.patience)
        return self._http(ctx)

    def _explicit(self, ctx: context.Context) -> layer.Layer:
        """Plain proxy requests."""

        def forwarding() -> layer.Layer:
            return self._mitmproxy(ctx, HTTPMode.regular)

        if not self.core.answer_layer:
            return forwarding()
        return ProxyLayer(ctx, self.site, self.core.judge, self.patience, forwarding)

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Inside TLS: HTTP, or nothing."""
        ctx = nextlayer.context
        if ctx.client.alpn == b"h2":
            nextlayer.layer = self._http(ctx, Answer2Layer)
            return
        data = nextlayer.data_client()
        assert self.site.destination is not None
        found = classify(data)
        if found is First.MORE:
            return
        usual = self.site.destination.port in HTTP_PORTS
        if data.startswith(b"\x16") or (found is First.OTHER and not usual):
            self.record(Protocol.TCP, Violation("unsupported", "what came inside TLS is not HTTP"))
            self._abort()
            return
        nextlayer.layer = self._http(ctx)

    def _http(self, ctx: context.Context, answers: type[AnswerLayer] | type[Answer2Layer] = AnswerLayer) -> layer.Layer:
        destination = self.site.destination
        assert destination is not None
        ingress = self.site.ingress
        may_allow = not ingress.stub and self.core.judge.may_allow(ingress.world, destination.host, destination.port)
        if may_allow is False and self.core.answer_layer:
            return answers(ctx, self.site, self.core.judge, self.patience)
        return self._mitmproxy(ctx, HTTPMode.transparent)

    def _mitmproxy(self, ctx: context.Context, mode: HTTPMode) -> GuardedHttpLayer:
        return GuardedHttpLayer(ctx, mode, self.site, self.core.judge, self.gate, self.patience)

    # HTTP

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Streaming a request would dial before the request is judged."""
        flow.request.stream = False

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """The whole request is there: judge it, then answer it or give it its permission."""
        call = with_upgrade(build_call(self.site, request_of(flow), flow.metadata.get(FAILED)))
        outcome = decide(self.core.judge, call)
        forward = outcome.forward
        if forward is None or outcome.fault:
            reply = reply_of(outcome)
            if reply.stream is not None:
                reply = going_on(flow, self.core.judge, outcome, reply, call)
            flow.response = make_response(reply, head_request=call.method == "HEAD")
        elif call.violation is not None or (forward.host, forward.port) != (call.host, call.port):
            flow.response = make_response(denial(500, "internal error: allowed against the call"), head_request=False)
        else:
            flow.response = None
            flow.request.data.host, flow.request.data.port = forward.host, forward.port
            _drop_hop_by_hop(flow.request)
            flow.request.trailers = None  # nothing has judged them (RFC 9110, section 6.5.1: they may be dropped)
            if call.upgrade:
                flow.metadata[RELAYED] = True
                ask_upgrade(flow.request.headers)
            permission = self.gate.grant(flow, outcome)
            if forward.within is not None:
                reason = f"the reply took longer than {forward.within:g} s"
                loop = asyncio.get_running_loop()
                self._timers[flow.id] = loop.call_later(forward.within, self._cut, permission, flow, reason)
        if outcome.fault == "reset":
            self._abort()
        elif outcome.fault == "timeout":
            return self._hold(flow, outcome.delay + HOLD_SECONDS)
        return asyncio.sleep(outcome.delay) if outcome.delay > 0 else None

    async def _hold(self, flow: http.HTTPFlow, seconds: float) -> None:
        await asyncio.sleep(seconds)
        flow.kill()

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Of an allowed call's reply: large or open-ended bodies stream, so that they need no memory."""
        self._say_if_last(flow)
        permission = self.gate.permission(flow)
        if permission is None or flow.response is None:
            return
        flow.response.headers.pop("alt-svc", None)  # an invitation to HTTP/3, which is refused
        if flow.response.status_code == 101:
            if (timer := self._timers.pop(flow.id, None)) is not None:
                timer.cancel()  # from now on it is the WebSocket's own time
            return
        mask = Mask(permission.secrets) if permission.secrets else None
        replying = self._replies[flow.id] = Replying(
            permission.forward.reply, mask, lambda reason: self._cut(permission, flow, reason)
        )
        bodiless = flow.request.method == "HEAD" or flow.response.status_code in (204, 304)
        replying.head(flow.response, has_body=not bodiless, version=flow.request.http_version)

    def _cut(self, permission: Permission, flow: http.HTTPFlow, reason: str) -> None:
        """End a call whose reply may not go on: nothing tells the client so but the end of its connection."""
        if not permission.settled:
            self._settle(permission, flow, reason)
            self._abort()

    def _say_if_last(self, flow: http.HTTPFlow) -> None:
        """The process stops: there is no request after this one (RFC 9112, section 9.6)."""
        lasting = flow.request.is_http2 or flow.response is None or flow.response.status_code == 101
        if self.patience.ending and flow.response is not None and not lasting:
            flow.response.headers["connection"] = "close"

    def response(self, flow: http.HTTPFlow) -> None:
        """The reply is whole."""
        self._say_if_last(flow)
        permission = self.gate.permission(flow)
        if permission is not None and flow.response is not None:
            if flow.response.status_code == 101 and RELAYED in flow.metadata:
                return  # it has only begun
            if permission.secrets:
                flow.response.trailers = None
            self._settle(permission, flow, "")

    def error(self, flow: http.HTTPFlow) -> None:
        """There is no whole reply."""
        permission = self.gate.permission(flow)
        if permission is not None:
            self._settle(permission, flow, flow.error.msg if flow.error is not None else "unknown error")

    def _settle(self, permission: Permission, flow: http.HTTPFlow, error: str) -> None:
        replying = self._replies.pop(flow.id, None)
        if (timer := self._timers.pop(flow.id, None)) is not None:
            timer.cancel()
        reply = None
        if flow.response is not None:
            streamed = replying is not None and bool(flow.response.stream)
            body = bytes(replying.kept) if streamed and replying is not None else flow.response.raw_content or b""
            headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in flow.response.headers.fields)
            whole = replying.size if streamed and replying is not None else None
            reply = Reply(flow.response.status_code, headers, body, size=whole)
        if permission.secrets and error:
            error = Mask(permission.secrets).text(error)
        self.gate.settle(permission, reply, error)

    # TLS

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Remember the name that the client claims, as it stood there; refuse what is not HTTP."""
        data.ignore_connection = False
        data.establish_server_tls_first = False
        self.site = replace(self.site, sni=raw_sni(data.client_hello))
        offers = data.client_hello.alpn_protocols
        if offers and not any(offer in ALPN for offer in offers):
            names = ", ".join(offer.decode("latin-1") for offer in offers[:5])
            self.record(Protocol.TCP, Violation("unsupported", f"the client only speaks {names!r} inside TLS"))
            self._refused = True
            self.patience.waiting(False)
            self._abort()

    def tls_start_client(self, data: tls.TlsData) -> None:
        """A certificate for the name that the client expects to see; whether the names agree is judged later."""
        if self._refused:
            data.ssl_conn = None
            return
        if self.core.leaves is None:
            return
        assert self.site.destination is not None
        host = self.site.destination.host
        if self.site.sni:
            with contextlib.suppress(HostError):  # a request that follows an invalid one is denied for it
                host = normalize_host(self.site.sni)
        connection_ = SSL.Connection(self.core.leaves.openssl(host))
        connection_.set_accept_state()
        data.ssl_conn = connection_

    def tls_start_server(self, data: tls.TlsData) -> None:
        """Verify the upstream server, by the name that was judged."""
        server = data.conn
        assert isinstance(server, connection.Server)
        forward = self.gate.forward_of(server)
        if forward is None:
            raise PermissionError("upstream TLS without a permission")
        server.sni = forward.host
        server.alpn_offers = (b"h2", b"http/1.1") if data.context.client.alpn == b"h2" else (b"http/1.1",)
        data.ssl_conn = None
        self.core.tls.tls_start_server(data)

    def tls_established_client(self, data: tls.TlsData) -> None:  # noqa: ARG002 - mitmproxy's signature
        """The handshake is done; the next request is in no hurry."""
        self.patience.waiting(False)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """A client that doesn't trust us, or that sends garbage: recorded, never passed through."""
        self.patience.waiting(False)
        reason = data.conn.error or "unknown"
        if reason != "connection closed early" and not self._refused:
            self.record(Protocol.TCP, Violation("tls_refused", f"the TLS handshake failed: {reason}"[:300]))

    # connections

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """The second gate: a socket only where a permission was bound to the connection."""
        if self.gate.forward_of(data.server) is None:
            data.server.error = "childproof: no permission"

    # failures

    def record(self, protocol: Protocol, violation: Violation) -> None:
        """Leave an entry for something that never became an HTTP request."""
        decide(self.core.judge, other_call(self.site, protocol, violation))

    def over(self) -> None:
        """The connection has ended: settle what is open, and record what never became a call."""
        self.gate.close()
        for timer in self._timers.values():
            timer.cancel()
        if not self._witness.asked or self.patience.since is not None:
            self.record(Protocol.TCP, Violation("incomplete", "the connection ended before a whole request had come"))

    def fail(self, data: object, error: BaseException) -> None:
        """A hook raised: deny what it was about."""
        violation = internal(error)
        if isinstance(data, http.HTTPFlow):
            permission = self.gate.permission(data)
            self.gate.revoke(data)
            if data.metadata.get(FAILED) is None and permission is None:
                decide(self.core.judge, build_call(self.site, request_of(data), violation))
            elif permission is not None:
                self.gate.settle(permission, None, violation.reason)
            data.metadata[FAILED] = violation
            data.request.stream = False
            if data.response is not None and permission is not None:
                self._abort()
            data.response = make_response(denial(500, "internal error"), head_request=False)
            return
        self.record(Protocol.TCP, violation)
        if isinstance(data, ServerConnectionHookData):
            data.server.error = "childproof: internal error"
        self._abort()


def _drop_hop_by_hop(request: http.Request) -> None:
    """Headers that are about the client's connection to us (RFC 9110, section 7.6.1)."""
    named = [token.strip().lower() for token in request.headers.get("connection", "").split(",")]
    trailers = request.is_http2 and request.headers.get("te", "").strip().lower() == "trailers"
    for name in (*_HOP_BY_HOP, *(token for token in named if token not in ("", "close", "keep-alive", "host"))):
        request.headers.pop(name, None)
    request.headers.pop("connection", None)
    if trailers:
        request.headers["te"] = "trailers"  # gRPC servers ask for it (RFC 9113, section 8.2.2, allows it)
    if "close" in named:
        request.headers["connection"] = "close"


def raw_sni(hello: tls.ClientHello) -> str | None:
    """The name in the SNI extension, valid or not. mitmproxy takes an invalid one for none at all."""
    if hello.sni is not None:
        return hello.sni
    for kind, body in hello.extensions:
        if kind == 0:
            raw = body if isinstance(body, bytes) else b""
            # RFC 6066, section 3: list length, name type, name length, name
            return raw[5:].decode("latin-1") or "?"
    return None
