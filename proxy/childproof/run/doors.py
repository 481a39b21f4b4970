"""The listeners of one sandbox whose traffic is redirected here: TCP, DNS, and the record of what the kernel refused."""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Self

import msgspec

from childproof.capture.admission import Network
from childproof.capture.destination import Ingress
from childproof.capture.dns import DnsDatagrams, serve_datagrams
from childproof.capture.frontdoor import DNS_PORT, FrontDoor, Limits
from childproof.capture.names import NameTable
from childproof.capture.original import original_destination
from childproof.capture.service import ServiceDoor
from childproof.model import Call, Protocol, Violation
from childproof.sandbox.fence.refusaltables import INTERVAL, RefusalTables
from childproof.sandbox.netfilter.nflog import RefusalReader

from .compose import Parts
from .proxy import Proxy

log = logging.getLogger(__name__)
_LAST_SHARES = 16  # of refused flows


class DoorSockets(msgspec.Struct, frozen=True):
    """Sockets that are bound, and belong to the doors from now on: TCP ones that listen, and those of DNS over UDP and TCP.

    `refusals` is the NFLOG socket on which the kernel tells what it refused, None where nobody tells.
    """

    tcp: Sequence[socket.socket]
    dns: Sequence[socket.socket] = ()
    dns_tcp: Sequence[socket.socket] = ()
    refusals: socket.socket | None = None


class Doors:
    """Takes what is redirected, in a world of its own, while the block runs. `sources` are who may come, empty for all.

    `place` is what the kernel's refusals say that there is no way out of. `redirected` doors serve this process's own
    network namespace, whose refusals are there to be read. `by_name`: what comes is from others', and its address unknown.
    """

    def __init__(
        self,
        parts: Parts,
        proxy: Proxy,
        ingress: Ingress,
        sockets: DoorSockets,
        *,
        sources: tuple[Network, ...] = (),
        place: str = "a sealed sandbox",
        redirected: bool = False,
        by_name: bool = False,
    ) -> None:
        self.redirected = redirected
        self._ingress = ingress
        self._sockets = sockets
        self._sources = sources
        self._place = place
        self._names = NameTable(time.monotonic)
        self._engine = parts.engine
        self._proxy = proxy
        self._door = self._front_door(by_name=by_name)
        self._dns_door = self._front_door(lambda sock: (str(sock.getsockname()[0]), DNS_PORT))
        self._transports: list[DnsDatagrams] = []
        self._accepting: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        sockets = self._sockets
        for sock in sockets.dns:
            self._transports.append(
                await serve_datagrams(sock, self._ingress, self._names, self._engine, self._sources)
            )
        self._accepting += [asyncio.create_task(self._door.serve(sock)) for sock in sockets.tcp]
        self._accepting += [asyncio.create_task(self._dns_door.serve(sock)) for sock in sockets.dns_tcp]
        if sockets.refusals is not None:
            reader = RefusalReader(sockets.refusals, self._refused, self._lost)
            self._refusals = reader
            asyncio.get_running_loop().add_reader(reader.fileno(), reader.read)
        if self.redirected:
            self._accepting.append(asyncio.create_task(self._look_for_refusals()))
        return self

    async def wind_up(self) -> None:
        """Take no new connections; end those on which nothing is under way. Names are answered until the end."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for sock in (*self._sockets.tcp, *self._sockets.dns_tcp):
            sock.close()
        self._door.wind_up()
        self._dns_door.wind_up()

    @property
    def world(self) -> str:
        """Whose calls come in here."""
        return self._ingress.world

    @property
    def open(self) -> int:
        """How many connections there are that HTTP hasn't taken over."""
        return self._door.open + self._dns_door.open

    async def __aexit__(self, *_: object) -> None:
        if self._sockets.refusals is not None:
            while self._refusals.read():
                pass  # what was refused in the sandbox's last moments; by now nothing inside runs any more
            asyncio.get_running_loop().remove_reader(self._refusals.fileno())
        for transport in self._transports:
            transport.close()
        for task in self._accepting:
            task.cancel()
        for task in self._accepting:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(self._door.close(), self._dns_door.close())

    def _front_door(
        self,
        destination_of: Callable[[socket.socket], tuple[str, int]] = original_destination,
        *,
        by_name: bool = False,
    ) -> FrontDoor:
        make = partial(ServiceDoor, name_of=self._proxy.http.name_in) if by_name else FrontDoor
        return make(
            self._ingress,
            names=self._names,
            judge=self._engine,
            http=self._proxy.http,
            tls_context=self._proxy.http.context_for,
            dial=self._proxy.dial,
            destination_of=destination_of,
            limits=Limits(connections=self._proxy.connections),
            sources=self._sources,
        )

    async def _look_for_refusals(self) -> None:
        tables = RefusalTables(self._refused, self._lost)

        def read() -> bool:
            try:
                return tables.read()
            except Exception:
                log.exception("refused packets could not be recorded")
                return False

        try:
            while True:
                more = read()
                await asyncio.sleep(0 if more else INTERVAL)
        finally:
            # of the last moments, as much as a stop has time for
            if all(read() for _ in range(_LAST_SHARES)):
                self._lost()

    def _refused(self, protocol: str, address: str, port: int) -> None:
        if protocol == "udp":
            self._door.record_denied_udp(address, port)
            return
        reason = f"{protocol} has no way out of {self._place}"
        self._record(protocol, self._names.name_for(address) or address, Violation("unsupported", reason))

    def _lost(self) -> None:
        self._record("lost", "unknown", Violation("incomplete", "the kernel refused more than it could report"))

    def _record(self, method: str, host: str, violation: Violation) -> None:
        call = Call(
            Protocol.IP, host, 0, self._ingress.world, self._ingress.sandbox, method=method, violation=violation
        )
        self._engine.handle(call)
