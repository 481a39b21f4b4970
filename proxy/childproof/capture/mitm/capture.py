"""HTTP capture as one object: start it, give it connections or ports, stop it."""

import asyncio
import socket
import ssl
import time
import urllib.parse
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

from .lean import Master, Options, Proxyserver, TlsConfig  # isort: skip - before anything imports all of mitmproxy

import certifi
from mitmproxy import exceptions
from mitmproxy.proxy import mode_specs

from childproof.capture.binding import bind, unbound
from childproof.capture.destination import Destination, Ingress, Judge
from childproof.capture.dialer import dial as real_dial
from childproof.capture.tcp import reset_transport
from childproof.errors import InputError, ListenError

from .ca import CA
from .calls import Site
from .front import Front
from .gate import Dial
from .hooks import Core
from .intake import Intake
from .leaf import Leaves
from .naming import name_in_hello
from .onward import Onward, ProtocolFactory
from .safety import SAFE_DEFAULTS, require_safe, unsafe_options
from .shares import Shares

SWEEP_SECONDS = 5.0
MAX_SHARE = 2000  # connections of one sandbox at once
_BACKLOG = 256


@dataclass(frozen=True)
class IngressMode(mode_specs.ProxyMode):
    """A proxy mode per world and sandbox: `flow.client_conn.proxy_mode` names them in every hook."""

    description: ClassVar[str] = "childproof"
    transport_protocol: ClassVar[Literal["tcp", "udp", "both"]] = "tcp"

    def __post_init__(self) -> None:
        if "/" not in self.data:
            raise ValueError("an ingress mode is ingress:WORLD/SANDBOX")

    @classmethod
    def of(cls, ingress: Ingress) -> "IngressMode":
        """The mode for an ingress. Not through `parse`, whose cache never forgets."""
        parts = (ingress.world, ingress.sandbox, ingress.stub, ingress.names)
        data = "/".join(urllib.parse.quote(part, safe="") for part in parts)
        return cls(full_spec=f"ingress:{data}", data=data, custom_listen_host=None, custom_listen_port=None)

    @property
    def ingress(self) -> Ingress:
        """The world, the sandbox, the stub and its names."""
        return Ingress(*map(urllib.parse.unquote, self.data.split("/")))


class Watchdog:
    """An addon that keeps mitmproxy's options safe: a change that isn't is rolled back."""

    def configure(self, updated: set[str]) -> None:  # noqa: ARG002 - all of them are looked at, whatever changed
        """Called by mitmproxy after options changed. Raises OptionsError, which undoes the change."""
        from mitmproxy import ctx  # noqa: PLC0415 - what it holds changes with every Master

        faults = unsafe_options(ctx.options)
        if faults:
            raise exceptions.OptionsError("; ".join(map(str, faults)))


class HttpCapture:
    """All HTTP capture of this process: one mitmproxy Master, any number of worlds, listeners and connections."""

    _running: ClassVar["HttpCapture | None"] = None

    def __init__(
        self,
        judge: Judge,
        ca: CA,
        *,
        dial: Dial = real_dial,
        smtp: ProtocolFactory | None = None,
        tcp: ProtocolFactory | None = None,
        upstream_ca: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        connections: int = MAX_SHARE,
    ) -> None:
        self.leaves = Leaves(ca)
        self._judge = judge
        self._dial = dial
        self._smtp, self._tcp = smtp, tcp
        self._upstream_ca = upstream_ca
        self._clock = clock
        self._shares = Shares(connections)
        self._servers: dict[asyncio.Server, Ingress] = {}
        self._modes: dict[Ingress, IngressMode] = {}
        self._fronts: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._master: Master | None = None

    @property
    def master(self) -> Master:
        """Mitmproxy's master, while running."""
        if self._master is None:
            raise RuntimeError("HttpCapture is not started")
        return self._master

    async def start(self, **options: Any) -> None:
        """Bring mitmproxy up in the running loop. `options` are mitmproxy's. Raises InputError for unsafe ones."""
        if HttpCapture._running is not None:
            raise RuntimeError("mitmproxy's context is global: one HttpCapture at a time")
        settings = Options()
        master = Master(settings, event_loop=asyncio.get_running_loop())
        tls_config = TlsConfig()
        master.addons.add(Proxyserver(), _quiet(tls_config))
        wanted = {**SAFE_DEFAULTS, "mode": [], "ssl_verify_upstream_trusted_ca": self._roots(), **options}
        known = {name: value for name, value in wanted.items() if name in settings}
        if unknown := set(options) - set(known):
            await master.done()
            raise InputError.single("mitmproxy option", f"{sorted(unknown)}", "options that mitmproxy has")
        try:
            settings.update(**known)
            require_safe(settings)
        except Exception:
            await master.done()
            raise
        master.addons.add(Watchdog())
        self._known_addons = tuple(master.addons.chain)
        core = Core(self._judge, self._dial, tls_config, self.leaves, self._clock)
        self._intake = Intake(master, core, self._foreign)
        self._onward = Onward(self._judge, self._take, self._dial, self._smtp, self._tcp, self._shares)
        self._master = master
        HttpCapture._running = self
        self._sweeper = asyncio.create_task(self._sweep_forever())

    async def listen(
        self, host: str, port: int, ingress: Ingress, destination: Destination | None = None
    ) -> tuple[str, int]:
        """Open an explicit proxy port that speaks HTTP CONNECT, plain HTTP proxying and SOCKS5. Returns its address.

        As `listen_on`. Raises ListenError where the port can't be bound.
        """
        try:
            sockets = bind(host, port, "tcp")
        except OSError as error:
            raise ListenError([unbound("listen", f"{host}:{port}", error)]) from None
        await self.listen_on(sockets, ingress, destination)
        address = sockets[0].getsockname()
        return address[0], address[1]

    async def listen_on(
        self, sockets: Sequence[socket.socket], ingress: Ingress, destination: Destination | None = None
    ) -> None:
        """Open bound sockets as explicit proxy ports.

        With a destination they are no proxy ports: every connection is one to there. Raises OSError where somebody else was
        quicker to listen.
        """
        for sock in sockets:
            server = await asyncio.get_running_loop().create_server(
                lambda: Front(self._onward, ingress, destination), sock=sock, backlog=_BACKLOG
            )
            self._servers[server] = ingress

    def adopt(self, sock: socket.socket, destination: Destination, ingress: Ingress, initial: bytes = b"") -> None:
        """Take over an accepted connection whose destination is known. `initial` was read from it already."""
        sock.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._adopt(sock, destination, ingress, initial))
        self._fronts.add(task)
        task.add_done_callback(self._fronts.discard)

    async def close_world(self, ingress: Ingress) -> None:
        """Close the explicit ports of one ingress, and its connections."""
        for server, owner in list(self._servers.items()):
            if owner == ingress:
                server.close()
                del self._servers[server]
        left = self._shares.forget(ingress)
        self._onward.end(ingress)
        mode = self._modes.pop(ingress, None)
        if mode is not None:
            await self._intake.end(mode)
        for transport in left:  # mail, raw TCP, and what HTTP has not let go of
            if not transport.is_closing():
                reset_transport(cast("asyncio.Transport", transport))

    def wind_up(self) -> None:
        """Take no new connections, end those on which nothing is under way, and the others with what is."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._onward.wind_up()
        self._intake.wind_up()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._intake) + len(self._fronts) + self._onward.open

    async def stop(self) -> None:
        """Close every listener and every connection, then mitmproxy."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in list(self._fronts):
            task.cancel()
        if self._master is not None:
            self._onward.end()
            await self._intake.end()
            await self._master.done()
            self._master = None
            HttpCapture._running = None

    def replace_ca(self, ca: CA) -> None:
        """Sign with another authority from now on; connections that are open go on."""
        self.leaves.replace(ca)

    def shares(self) -> dict[Ingress, int]:
        """How many connections each listener's sandbox has."""
        return self._shares.open()

    def context_for(self, host: str) -> ssl.SSLContext:
        """TLS for `host` in the terms of `ssl`: for STARTTLS and implicit TLS of other protocols."""
        return self.leaves.context_for(host)

    @staticmethod
    def name_in(data: bytes) -> str | None:
        """The name in a ClientHello: see `naming`."""
        return name_in_hello(data)

    # inside

    async def _adopt(self, sock: socket.socket, destination: Destination, ingress: Ingress, initial: bytes) -> None:
        try:
            _, front = await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Front(self._onward, ingress, destination), sock
            )
            if initial:
                front.data_received(initial)
        except OSError:
            sock.close()

    def _take(self, transport: asyncio.Transport, data: bytes, site: Site) -> None:
        self._intake.take(self._mode(site.ingress), transport, data, site)

    def _mode(self, ingress: Ingress) -> IngressMode:
        mode = self._modes.get(ingress)
        if mode is None:
            mode = self._modes[ingress] = IngressMode.of(ingress)
        return mode

    def _foreign(self) -> tuple[object, ...]:
        return tuple(addon for addon in self.master.addons.chain if addon not in self._known_addons)

    async def _sweep_forever(self) -> None:
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(SWEEP_SECONDS)
                self._intake.sweep(self._clock())

    def _roots(self) -> str:
        if self._upstream_ca is not None:
            return str(self._upstream_ca)
        system = ssl.get_default_verify_paths().cafile
        return system if system and _has_certificates(system) else certifi.where()


def _has_certificates(file: str) -> bool:
    """Whether SSL_CERT_FILE, or what OpenSSL was built with, names a bundle. Where it doesn't, the usual roots count."""
    try:
        return b"CERTIFICATE-----" in Path(file).read_bytes()
    except OSError:
        return False


def _quiet(config: TlsConfig) -> TlsConfig:
    """Mitmproxy's TLS settings for upstream, without its own authority: certificates for clients are ours."""
    config.configure = lambda updated: None  # type: ignore[method-assign]  # noqa: ARG005
    config.running = lambda: None  # type: ignore[method-assign]
    return config
