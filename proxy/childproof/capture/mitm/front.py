"""A connection before its destination is known, or before it is known to be HTTP: CONNECT, SOCKS5, and a first look.

Speaking the proxy protocols here, on a bare asyncio protocol, means that mitmproxy only ever sees connections whose
destination is fixed, and that SMTP can be handed on with its transport as it is.
"""

import asyncio
import enum
import ipaddress
import struct
from collections.abc import Callable
from typing import cast

import h11

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.capture.frontdoor import HTTP_PORTS, NOT_HTTP
from childproof.capture.peek import First, classify
from childproof.capture.smtp import SMTP_PORTS
from childproof.capture.tcp import reset_transport, tcp_protocol_factory
from childproof.model import HostError, Outcome, Protocol, Violation, normalize_host, replace

from .calls import MAX_HEAD, Request, Site, build_call, decide, internal, other_call
from .decided import Decided
from .hosts import disagreement, host_and_port
from .onward import Onward
from .replies import denial, render, reply_of

HANDSHAKE_SECONDS = 30.0  # for a CONNECT or SOCKS request to be whole
SILENCE_SECONDS = 2.0  # in a tunnel: who waits this long waits for the server to speak first
HTTP_SILENCE_SECONDS = 60.0  # on HTTP's own ports, where clients connect ahead of need
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
TLS_RECORD = b"\x16"
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"

SOCKS_VERSION = 5  # RFC 1928
SOCKS_OK, SOCKS_NOT_ALLOWED, SOCKS_BAD_COMMAND, SOCKS_BAD_ADDRESS = 0, 2, 7, 8


class Stage(enum.Enum):
    """Where a connection stands."""

    SNIFF = enum.auto()  # a listener's first byte: SOCKS or HTTP
    HTTP = enum.auto()
    GREETING = enum.auto()
    SOCKS = enum.auto()
    PEEK = enum.auto()  # the destination is known; what is spoken?
    GONE = enum.auto()


class Front(asyncio.Protocol):
    """One inbound connection until it is handed on. `destination` is None on an explicit proxy port."""

    def __init__(self, onward: Onward, ingress: Ingress, destination: Destination | None = None) -> None:
        self._onward = onward
        self._ingress = ingress
        self._destination = destination
        self._stage = Stage.SNIFF if destination is None else Stage.PEEK
        self._data = b""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio: the connection is there."""
        self._transport = cast("asyncio.Transport", transport)
        shares = self._onward.shares
        if shares is not None and not shares.take(self._ingress, transport):
            violation = Violation("unsupported", f"more than {shares.limit} open connections")
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation))
            self.reset()
            return
        self._onward.live.add(self)
        self._arm(HANDSHAKE_SECONDS if self._destination is None else self._silence())
        if self._destination is not None:
            self._guarded(self._route)

    def data_received(self, data: bytes) -> None:
        """Asyncio: bytes came."""
        self._data += data
        self._guarded(self._step)

    def eof_received(self) -> bool:
        """Asyncio: the client will send no more; a connection that is still here has said too little."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Asyncio: the connection is gone."""
        if self._stage is Stage.PEEK:
            violation = Violation("incomplete", "the connection ended before anything could be read from it")
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation))
        self._leave()

    # the machine

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - closed by default
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, internal(error)))
            self.reset()

    def _step(self) -> None:
        stage = None
        while self._stage not in (stage, Stage.GONE) and self._data:
            stage = self._stage
            match stage:
                case Stage.SNIFF:
                    self._stage = Stage.GREETING if self._data[0] == SOCKS_VERSION else Stage.HTTP
                case Stage.HTTP:
                    self._http()
                case Stage.GREETING:
                    self._greeting()
                case Stage.SOCKS:
                    self._socks()
                case _:
                    self._peek()

    def _timeout(self) -> None:
        if self._stage is Stage.PEEK:
            self._guarded(self._tcp)  # the client waits for the server to speak first
        else:
            self.reset()

    # HTTP CONNECT (RFC 9110, section 9.3.6), and plain proxy requests

    def _http(self) -> None:
        data = self._data = self._data.lstrip(b"\r\n")  # not kept: they might never end
        found = classify(data)
        if data.startswith(TLS_RECORD) or found is First.OTHER:
            violation = Violation("malformed", "a proxy port takes HTTP CONNECT, http:// requests and SOCKS5", 400)
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation))
            self.reset()
            return
        if found is First.MORE or len(data) < len(b"CONNECT "):
            return  # whatever it becomes is told from more of it, however it is cut
        if not data[:8].upper().startswith(b"CONNECT "):
            if data.startswith(HTTP2_PREFACE[:8]):
                self._deny_http(Request(b"PRI", b"*", "2.0", ()), Violation("unsupported", "HTTP/2 without TLS", 400))
                return
            self._hand_on(Site(self._ingress, None))
            return
        parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        parser.receive_data(data)
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            status = error.error_status_hint
            line = data.partition(b"\r\n")[0].split(b" ")
            request = Request(line[0][:64], b" ".join(line[1:2])[:300] or b"/", "", ())
            self._deny_http(request, Violation("malformed", f"malformed HTTP: {error}"[:300], status))
            return
        if isinstance(event, h11.Request):
            self._connect(event, data)

    def _connect(self, event: h11.Request, data: bytes) -> None:
        # h11 keeps what follows a CONNECT's head to itself, so the head's end is looked for here
        ends = [data.find(end) + len(end) for end in (b"\r\n\r\n", b"\n\n", b"\n\r\n") if end in data]
        rest = data[min(ends) :]
        request = Request(event.method, event.target, event.http_version.decode("latin-1"), event.headers.raw_items())
        try:
            host, port = host_and_port(event.target.decode("latin-1"))
        except HostError as error:
            self._deny_http(request, Violation("bad_host", f"the CONNECT target: {error}", 400))
            return
        self._destination = _destination(host, port)
        hosts = [value.decode("latin-1") for name, value in event.headers if name == b"host"]
        violation = (
            Violation("malformed", f"{len(hosts)} Host headers", 400)
            if len(hosts) > 1
            else disagreement(host, port, [("the Host header", text) for text in hosts])
        )
        if any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
            for name, value in event.headers
        ):
            violation = Violation("malformed", "a CONNECT request with a body", 400)
        if violation is not None:
            self._deny_http(request, violation)
            return
        self._data = rest
        self._settled(accept=_ESTABLISHED, refuse=_refuse_connect)

    def _deny_http(self, request: Request, violation: Violation) -> None:
        site = self._site()
        if site.destination is None:
            site = replace(site, destination=Destination("", 0))
        call = replace(build_call(site, request, violation), violation=violation)
        outcome = decide(self._onward.judge, call)
        reply = outcome.reply or denial(violation.status or 403, violation.reason, call=outcome.call_id)
        self._finish(render(reply, head_request=False, last=True))

    # SOCKS5 (RFC 1928)

    def _greeting(self) -> None:
        if len(self._data) < 2 or len(self._data) < 2 + self._data[1]:
            return
        methods = self._data[2 : 2 + self._data[1]]
        self._data = self._data[2 + len(methods) :]
        if 0 not in methods:
            violation = Violation("unsupported", "a SOCKS5 client that insists on a login")
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation, "SOCKS5"))
            self._finish(b"\x05\xff")
            return
        self._transport.write(b"\x05\x00")
        self._stage = Stage.SOCKS

    def _socks(self) -> None:
        data = self._data
        if len(data) < 5:
            return
        kind = data[3]
        size = {1: 4, 3: 1 + data[4], 4: 16}.get(kind)
        if (
            data[0] != SOCKS_VERSION
            or data[2] != 0
            or size is None
            or data[4 + (size or 0) : 6 + (size or 0)] == b"\0\0"
        ):
            self._deny_socks(SOCKS_BAD_ADDRESS, Violation("malformed", "malformed SOCKS5 request"))
            return
        if len(data) < 6 + size:
            return
        raw = data[4 : 4 + size]
        (port,) = struct.unpack("!H", data[4 + size : 6 + size])
        text = raw[1:].decode("latin-1") if kind == 3 else str(ipaddress.ip_address(raw))
        if data[1] != 1:
            command = "BIND" if data[1] == 2 else "UDP ASSOCIATE" if data[1] == 3 else f"command {data[1]}"
            self._destination = Destination("", port)
            self._deny_socks(SOCKS_BAD_COMMAND, Violation("unsupported", f"SOCKS5 {command} is not served"))
            return
        try:
            host = normalize_host(text)
        except HostError as error:
            self._deny_socks(SOCKS_BAD_ADDRESS, Violation("bad_host", f"the SOCKS5 target: {error}"))
            return
        self._destination = _destination(host, port)
        self._data = data[6 + size :]
        self._settled(accept=_socks_reply(SOCKS_OK), refuse=lambda _: _socks_reply(SOCKS_NOT_ALLOWED))

    def _deny_socks(self, code: int, violation: Violation) -> None:
        decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation, "SOCKS5"))
        self._finish(_socks_reply(code))

    # the destination is known

    def _settled(self, accept: bytes, refuse: Callable[[Outcome], bytes]) -> None:
        """A proxy request named its target: accept it, or refuse at once what can't be HTTP or mail."""
        assert self._destination is not None
        if self._destination.port in NOT_HTTP:
            outcome = decide(self._onward.judge, other_call(self._site(), Protocol.TCP))
            if outcome.forward is None or outcome.fault:
                self._finish(refuse(outcome))
                return
            self._transport.write(accept)
            self._relay(Decided(self._onward.judge, outcome))
            return
        self._transport.write(accept)
        self._stage = Stage.PEEK
        self._arm(self._silence())
        self._route()

    def _route(self) -> None:
        assert self._destination is not None
        if self._destination.port in SMTP_PORTS and self._onward.smtp is not None:
            self._become(self._onward.smtp(self._ingress, self._destination))
        elif self._destination.port in NOT_HTTP:
            self._tcp()

    def _peek(self) -> None:
        assert self._destination is not None
        found = classify(self._data)
        if self._data.startswith(TLS_RECORD) and found is First.HTTP:
            self._hand_on(replace(self._site(), tls=True))
        elif self._data.startswith(HTTP2_PREFACE):
            judge, place = self._onward.judge, self._destination
            if self._ingress.stub or judge.may_allow(self._ingress.world, place.host, place.port) is False:
                self._hand_on(replace(self._site(), http2=True))
                return
            violation = Violation("unsupported", "HTTP/2 without TLS (prior knowledge)")
            decide(judge, other_call(self._site(), Protocol.HTTP, violation, "PRI"))
            self.reset()
        elif len(self._data) < len(HTTP2_PREFACE) and HTTP2_PREFACE.startswith(self._data):
            return
        elif found is First.HTTP or (found is First.OTHER and self._destination.port in HTTP_PORTS):
            # on HTTP's own ports nonsense is answered too, in HTTP's words
            self._hand_on(self._site())
        elif found is First.OTHER:
            self._tcp()

    def _tcp(self) -> None:
        """Neither HTTP nor mail: judged as raw TCP, then relayed or reset."""
        assert self._destination is not None
        if self._onward.tcp is not None:
            self._become(self._onward.tcp(self._ingress, self._destination))
        else:
            self._relay(self._onward.judge)

    def _relay(self, judge: Judge) -> None:
        assert self._destination is not None
        self._become(tcp_protocol_factory(self._ingress, self._destination, judge, dial=self._onward.dial))

    # leaving

    def _hand_on(self, site: Site) -> None:
        self._leave()
        self._onward.http(self._transport, self._data, site)

    def _become(self, protocol: asyncio.Protocol) -> None:
        self._leave()
        self._onward.passed_on.add(self._transport)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if self._data:
            protocol.data_received(self._data)

    def _finish(self, last_words: bytes) -> None:
        self._leave()
        self._transport.write(last_words)
        self._transport.close()

    @property
    def ingress(self) -> Ingress:
        """Whose listener it came in at."""
        return self._ingress

    def wind_up(self) -> None:
        """The process stops: who has said nothing yet is sent away."""
        if self._data or self._stage is Stage.SOCKS:
            return
        if self._stage is Stage.PEEK:
            violation = Violation("incomplete", "childproof was stopped before anything was sent")
            decide(self._onward.judge, other_call(self._site(), Protocol.TCP, violation))
        self._finish(b"")

    def reset(self) -> None:
        """Refuse the connection: the transport's own refusal."""
        self._leave()
        reset_transport(self._transport)

    def _leave(self) -> None:
        self._stage = Stage.GONE
        self._onward.live.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._timeout)

    def _silence(self) -> float:
        usual = self._destination is not None and self._destination.port in HTTP_PORTS
        return HTTP_SILENCE_SECONDS if usual else SILENCE_SECONDS

    def _site(self) -> Site:
        return Site(self._ingress, self._destination)


def _destination(host: str, port: int) -> Destination:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return Destination(host, port)
    return Destination(host, port, host)


def _socks_reply(code: int) -> bytes:
    return bytes([SOCKS_VERSION, code, 0, 1]) + bytes(6)


def _refuse_connect(outcome: Outcome) -> bytes:
    """In HTTP's words: the outcome's own reply is raw TCP's, which has none."""
    return render(reply_of(replace(outcome, reply=None)), head_request=False, last=True)
