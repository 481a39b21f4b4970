"""A CRM's stub with its engine, whose time stands still, and listeners on this machine's loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from childproof.capture.webhooks import Connect, Deliverer
from childproof.ledger import Entry
from childproof.model import Call, Protocol
from childproof.model.places import Places
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config, Webhooks
from childproof.run.webhooks import own_loopback
from childproof.world import ClockSettings, Delivery, deliveries

START = 1_767_603_600_000
STUBS = Path(__file__).parents[3] / "data" / "stubs"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZg=="
RULES = "version: 1\nrules:\n  - {name: crm, match: {host: api.acme.com}, stub: acme-crm}\n"


@dataclass
class Bench:
    """The parts of a run, and what its stub was asked for and did."""

    parts: Parts
    places: Places = field(default_factory=Places)

    def call(self, method: str, path: str, body: object = None) -> dict:
        raw = b"" if body is None else json.dumps(body).encode()
        headers = (("Authorization", "Bearer acme_test"), ("Content-Type", "application/json"))
        call = Call(Protocol.HTTP, "api.acme.com", 443, scheme="https", method=method, path=path, headers=headers, body=raw, tls=True)  # fmt: skip
        reply = self.parts.engine.handle(call).reply
        assert reply is not None
        assert reply.status < 300, reply.body
        return json.loads(reply.body) if reply.body else {}

    def subscribe(self, url: str, *types: str) -> str:
        wanted = {"url": url, "events": list(types) or ["*"], "secret": SECRET}
        return self.call("POST", "/v2/webhooks", wanted)["id"]

    def contact(self, number: int = 1) -> dict:
        return self.call("POST", "/v2/contacts", {"email": f"{number}@b.example"})

    def queued(self) -> list[Delivery]:
        with self.parts.store.world("main").view() as view:
            return deliveries.listed(view)

    def advance(self, ms: int) -> None:
        self.parts.engine.passing().advance(self.parts.store.world("main"), ms)

    def attempts(self) -> list[Entry]:
        return [
            entry
            for entry in self.parts.ledger.entries(world="main")
            if any(effect.type.startswith("webhook.") and effect.type != "webhook.queued" for effect in entry.effects)
        ]

    @asynccontextmanager
    async def delivering(self, *, inside: bool = True) -> AsyncIterator[Deliverer]:
        connect: Connect | None = own_loopback(self.parts, ()) if inside else None
        handed_out = self.parts.engine.deliveries(self.places)
        async with Deliverer(handed_out, self.parts.engine.settle, ("main",), connect=connect) as deliverer:
            self.parts.store.when_stirred(deliverer.stir)
            yield deliverer

    async def until(self, true: Callable[[list[Delivery]], bool]) -> list[Delivery]:
        """Wait until this holds of what is queued."""
        async with asyncio.timeout(20):
            while not true(self.queued()):  # noqa: ASYNC110 (the store has no event to wait for)
                await asyncio.sleep(0.01)
        return self.queued()


@pytest.fixture
def bench_of(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """A bench with further rules after the CRM's own."""
    opened: list[Parts] = []

    def make(more: str = "", places: Places | None = None) -> Bench:
        rules = tmp_path / "rules.yaml"
        rules.write_text(RULES + more)
        config = Config(tmp_path, rules=(rules,), stubs=(STUBS,), store=":memory:", webhooks=Webhooks(loopback=True))
        parts = compose(config, worlds=("main",), seed=7, clock=ClockSettings(START, "frozen"))
        opened.append(parts)
        return Bench(parts, places or Places())

    yield make
    for parts in opened:
        parts.close()


@pytest.fixture
def bench(bench_of: Callable[..., Bench]) -> Bench:
    return bench_of()


@dataclass
class Listener:
    """Answers each request with the next of some statuses, the last one again and again; remembers what came."""

    statuses: list[int]
    slow: bool = False
    port: int = 0
    heard: list[tuple[str, dict, dict[str, str]]] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [body["type"] for _, body, _ in self.heard]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.heard.append((head[0], body, headers))
        if self.slow:
            await reader.read()  # nothing more comes: until whoever asked has given up
            writer.close()
            return
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        writer.write(b"HTTP/1.1 %d Told\r\nContent-Length: 5\r\n\r\nhello" % status)
        writer.close()


@asynccontextmanager
async def listening(*statuses: int, slow: bool = False) -> AsyncIterator[Listener]:
    listener = Listener([*statuses] or [200], slow)
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, family=socket.AF_INET)
    listener.port = server.sockets[0].getsockname()[1]
    async with server:
        yield listener


def settled(queued: list) -> bool:
    """Whether something was queued, and all of it is done with."""
    return bool(queued) and all(one.due is None for one in queued)
