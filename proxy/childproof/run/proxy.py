"""The running proxy: HTTP capture with the SMTP and TCP sides wired to one engine, listeners opened and closed."""

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Self

import msgspec

from childproof.capture.binding import BACKLOG, shown, unbound
from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import dial
from childproof.capture.mitm.ca import CA
from childproof.capture.mitm.capture import HttpCapture
from childproof.capture.smtp import smtp_protocol_factory
from childproof.capture.tcp import tcp_protocol_factory
from childproof.errors import InputError, ListenError

from .compose import Parts
from .config.config import split_address
from .config.listen import Listen
from .server.descriptors import room_for
from .server.sockets import UDP, Sockets, bind_all

if TYPE_CHECKING:
    from .doors import Doors, DoorSockets

_LOOK = 0.01  # seconds between two looks whether connections have ended


class Listening(msgspec.Struct, frozen=True):
    """An open port: `http`, `socks5`, `stub`, `transparent`, `service` or `dns`, its `host:port`, and its calls' world."""

    kind: str
    address: str
    world: str
    stub: str = ""

    @property
    def port(self) -> int:
        """The port alone."""
        return split_address(self.address)[1]


class Proxy:
    """Capture for all worlds of one process. Use `async with`; leaving it closes listeners and connections."""

    def __init__(self, parts: Parts, ca: CA) -> None:
        self._parts = parts

        self.dial = partial(dial, closed=parts.closed)

        def smtp(ingress: Ingress, destination: Destination) -> asyncio.Protocol:
            return smtp_protocol_factory(ingress, destination, parts.engine, self.http.context_for)

        def tcp(ingress: Ingress, destination: Destination) -> asyncio.Protocol:
            return tcp_protocol_factory(ingress, destination, parts.engine, dial=self.dial)

        self.connections = room_for(parts.config.connections)  # of each listener's sandbox, at once
        self.http = HttpCapture(parts.engine, ca, dial=self.dial, smtp=smtp, tcp=tcp, connections=self.connections)
        self._closing = contextlib.AsyncExitStack()
        self._bound: list[Sockets] = []
        self._doors: list[Doors] = []
        if parts.watching is not None:
            parts.watching.connections = self.open_by_world

    async def __aenter__(self) -> Self:
        await self.http.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._closing.aclose()
            for doors in [*self._doors]:
                await self.close_for((), doors)
        finally:
            await self.http.stop()
            for bound in self._bound:
                bound.close()

    async def listen(self, listeners: tuple[Listen, ...], sockets: Sockets | None = None) -> list[Listening]:
        """Open the listeners; where each of them is. Without `sockets`, they are bound here.

        Sockets that are given stay open until who gave them closes them. Raises ListenError with those that can't be bound, InputError for what may not be opened.
        """
        bound = sockets
        if bound is None:
            bound = bind_all(listeners)
            self._bound.append(bound)
        opened: list[Listening] = []
        for listen, found in zip(listeners, bound.items, strict=True):
            try:
                opened += await self._open(listen, found)
            except OSError as error:  # bound by two, and the other one was quicker to listen
                faults = [unbound(key, address, error) for key, address in listen.addresses().items()]
                raise ListenError(faults) from None
        return opened

    async def open_for(self, sockets: list[socket.socket], ingress: Ingress, stub: str = "") -> None:
        """Open bound sockets of a loopback for one sandbox: as a proxy, or as the address of a stub.

        Raises OSError where somebody else was quicker to listen, LookupError for a stub that isn't there.
        """
        destination = None
        if stub:
            ingress, destination = self.at_stub(stub, ingress.world, ingress.sandbox)
        await self.http.listen_on(sockets, ingress, destination)

    async def open_doors(self, ingress: Ingress, sockets: "DoorSockets") -> "Doors":
        """Serve a sealed sandbox whose listeners came from elsewhere, until `close_for` or the end."""
        from .doors import Doors  # noqa: PLC0415 (which is made of this module's)

        doors = Doors(self._parts, self, ingress, sockets)
        await doors.__aenter__()
        self._doors.append(doors)
        return doors

    async def close_for(self, ingresses: Iterable[Ingress], doors: "Doors | None" = None) -> None:
        """Close what was opened for one sandbox, and its connections."""
        if doors is not None and doors in self._doors:
            self._doors.remove(doors)
            await doors.__aexit__()
        for ingress in ingresses:
            await self.http.close_world(ingress)

    async def drain(self, seconds: float, hurry: asyncio.Event) -> int:
        """Take no new connections, and wait until those that there are have ended; how many haven't in `seconds`.

        What is under way is answered, what is idle ends at once. `hurry` ends the waiting.
        """
        for doors in self._doors:
            await doors.wind_up()
        self.http.wind_up()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                # Connections end in many places, none of which knows of this.
                while self._open_connections() and not hurry.is_set():  # noqa: ASYNC110
                    await asyncio.sleep(_LOOK)
        return self._open_connections()

    def open_by_world(self) -> Counter[str]:
        """How many connections there are, by the world of their listener."""
        found: Counter[str] = Counter()
        for ingress, count in self.http.shares().items():
            found[ingress.world] += count
        for doors in self._doors:
            found[doors.world] += doors.open
        return found

    def _open_connections(self) -> int:
        return self.http.open + sum(doors.open for doors in self._doors)

    async def _open(self, listen: Listen, found: dict[str, list[socket.socket]]) -> list[Listening]:
        opened = []
        if listen.at:
            ingress, destination = self._stub(listen)
            await self.http.listen_on(found["at"], ingress, destination)
            opened.append(Listening("stub", shown(found["at"][0]), listen.world, listen.stub))
        for kind, key in (("http", "http"), ("socks5", "socks")):
            if key in found:
                await self.http.listen_on(found[key], Ingress(listen.world))
                opened += [Listening(kind, shown(sock), listen.world) for sock in found[key]]
        for kind in ("transparent", "service"):
            if kind in found:
                opened += await self._redirected(listen, kind, found)
        return opened

    async def _redirected(self, listen: Listen, kind: str, found: dict[str, list[socket.socket]]) -> list[Listening]:
        """Open what a redirection leads to."""
        from .doors import Doors, DoorSockets  # noqa: PLC0415 (which is made of this module's)

        dns, dns_tcp = found.get("dns" + UDP, []), found.get("dns", [])
        for sock in (*found[kind], *dns_tcp):
            sock.listen(BACKLOG)
        sockets = DoorSockets(found[kind], dns, dns_tcp)
        doors = Doors(
            self._parts, self, Ingress(listen.world), sockets, sources=listen.sources, place="this sandbox",
            # one of several is enough to record what the namespace refused
            redirected=kind == "transparent" and not any(door.redirected for door in self._doors),
            by_name=kind == "service",
        )  # fmt: skip
        self._doors.append(await self._closing.enter_async_context(doors))
        return [
            *(Listening(kind, shown(sock), listen.world) for sock in found[kind]),
            *(Listening("dns", shown(sock), listen.world) for sock in dns),
        ]

    def _stub(self, listen: Listen) -> tuple[Ingress, Destination]:
        """Who calls at the address of a stub, and where."""
        host, port = split_address(listen.at)
        if not listen.anybody and not _is_loopback(host):
            raise InputError.single(
                f"at {listen.at}",
                "an address that others can reach, where anybody may call",
                "one of the loopback, or `--anybody` (`anybody: true` in childproof.yaml)",
                f"127.0.0.1:{port}",
            )
        try:
            return self.at_stub(listen.stub, listen.world, anybody=listen.anybody)
        except LookupError as error:
            raise InputError.single(f"at {listen.at}", str(error), "the name of a stub") from None

    def at_stub(
        self, name: str, world: str, sandbox: str = "", *, anybody: bool = False
    ) -> tuple[Ingress, Destination]:
        """Who calls at the address of a stub, and where. Raises LookupError where there is no such stub."""
        stub = self._parts.catalog.get(name)
        ingress = Ingress(world, sandbox, name, "" if anybody else ",".join(stub.hosts))
        return ingress, Destination(stub.service.host, 443)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
