"""The running proxy: HTTP capture with the SMTP and TCP sides wired to one engine, listeners opened and closed."""

import asyncio
import functools
import ipaddress
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from childproof.capture.destination import Destination, Ingress
from childproof.capture.mitm.ca import CA
from childproof.capture.mitm.capture import HttpCapture
from childproof.capture.smtp import smtp_protocol_factory
from childproof.capture.tcp import tcp_protocol_factory
from childproof.errors import InputError

from .compose import Parts, load_policy
from .config import Listen, split_address
from .descriptors import room_for
from .secrets import read_vault

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Listening:
    """An open explicit port: `http`, `socks5` or `stub`, its `host:port`, and the world that its calls belong to."""

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

        def smtp(ingress: Ingress, destination: Destination) -> asyncio.Protocol:
            return smtp_protocol_factory(ingress, destination, parts.engine, self.http.context_for)

        def tcp(ingress: Ingress, destination: Destination) -> asyncio.Protocol:
            return tcp_protocol_factory(ingress, destination, parts.engine)

        self.connections = room_for(parts.config.connections)  # of each listener's sandbox, at once
        self.http = HttpCapture(parts.engine, ca, smtp=smtp, tcp=tcp, connections=self.connections)

    async def __aenter__(self) -> Self:
        await self.http.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.stop()

    async def listen(self, listeners: tuple[Listen, ...]) -> list[Listening]:
        """Open explicit ports; where each of them is. Raises InputError where one can't be bound."""
        opened = []
        for listen in listeners:
            if listen.at:
                opened.append(await self._listen_as(listen))
            for kind, address in (("http", listen.http), ("socks5", listen.socks)):
                if address:
                    host, port = await self.http.listen(*split_address(address), Ingress(listen.world))
                    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                    opened.append(Listening(kind, place, listen.world))
        return opened

    async def _listen_as(self, listen: Listen) -> Listening:
        """Open the address of a stub."""
        host, port = split_address(listen.at)
        if not listen.anybody and not _is_loopback(host):
            raise InputError.single(
                f"at {listen.at}",
                "an address that others can reach, where anybody may call",
                "one of the loopback, or `--anybody` (`anybody: true` in childproof.yaml)",
                f"127.0.0.1:{port}",
            )
        try:
            stub = self._parts.catalog.get(listen.stub)
        except LookupError as error:
            raise InputError.single(f"at {listen.at}", str(error), "the name of a stub") from None
        ingress = Ingress(listen.world, stub=listen.stub, names="" if listen.anybody else ",".join(stub.hosts))
        bound, number = await self.http.listen(host, port, ingress, Destination(stub.service.host, 443))
        place = f"[{bound}]:{number}" if ":" in bound else f"{bound}:{number}"
        return Listening("stub", place, listen.world, listen.stub)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def until_stopped(parts: Parts, say: Callable[[str], None]) -> None:
    """Wait for SIGINT or SIGTERM. SIGHUP reads the rules again: a complete new ruleset, or the old one stays."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, functools.partial(reload_rules, parts, say))
    try:
        await stopped.wait()
    finally:
        for number in (*STOP_SIGNALS, signal.SIGHUP):
            loop.remove_signal_handler(number)


def reload_rules(parts: Parts, say: Callable[[str], None]) -> None:
    """Read rules and stubs' names again; say what came of it, and count a failure. Never raises: the old rules stay."""
    try:
        _, rules = load_policy(parts.config)
        vault = read_vault(rules.rules, parts.config.canaries, os.environ)
        parts.engine.replace_rules(rules, vault)
    except Exception as error:  # noqa: BLE001 (out of memory, or a bug of ours: as little a reason to judge otherwise)
        problem = f"the new ones are broken:\n{error}" if isinstance(error, InputError) else repr(error)
        say(f"the rules stay as they were, {problem}")
        if parts.watching is not None:
            parts.watching.troubles += 1
    else:
        say("the rules were read again")
