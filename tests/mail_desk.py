"""A stub of a mail API with the mailbox beside it, in process: what official clients send goes through the engine."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from childproof.catalog import load_catalog
from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.model import Call, Effect, Protocol, Reply
from childproof.policy import Source, load_ruleset
from childproof.world import ClockSettings, Store

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
_CATALOG = load_catalog()


class Desk:
    """Calls of one stub by rules; mail that no rule mentions lies in the mailbox."""

    def __init__(self, stub: str, rules: str = "") -> None:
        self.stub = _CATALOG.get(stub)
        self.now = START
        self.store = Store.open(":memory:", wall=lambda: self.now)
        self.world = self.store.create("main", seed=1, clock=ClockSettings(START, "frozen"))
        self.ledger = Ledger(self.store.connection, lock=self.store.lock)
        hosts = ", ".join(f'"{host}"' for host in self.stub.hosts)
        text = f"version: 1\nrules:\n  - {{name: api, match: {{host: [{hosts}]}}, stub: {stub}}}\n{rules}"
        self.engine = Engine(
            store=self.store, ledger=self.ledger, rules=load_ruleset([Source("rules.yaml", text)]), catalog=_CATALOG,
            wall=lambda: self.now,
        )  # fmt: skip

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """One call; its reply is held to the stub's document."""
        parts = urlsplit(url)
        call = Call(
            Protocol.HTTP, parts.hostname or "", 443, method=method.upper(), scheme="https", path=parts.path, query=parts.query,
            headers=tuple(headers.items()), body=body, tls=True, http_version="HTTP/1.1",
        )  # fmt: skip
        reply = self.engine.handle(call).reply
        assert reply is not None
        entry = [entry for entry in self.ledger.entries(world="main") if entry.protocol == "http"][-1]
        assert not entry.error, entry.error
        if entry.operation is not None and self.stub.service.conformance is not None:
            path = entry.operation.partition(" ")[2]
            faults = self.stub.service.conformance.misfits(call.method, path, reply.status, reply.headers, reply.body)
            assert not faults, f"{entry.operation}:\n" + "\n".join(map(str, faults))
        return reply

    def mails(self) -> list[dict[str, Any]]:
        """What lies in the mailbox, oldest first."""
        with self.world.view() as view:
            return list(view.list("email", "message", newest_first=False))

    def effects(self) -> list[Effect]:
        """All that was told so far."""
        return [effect for entry in self.ledger.entries(world="main") for effect in entry.effects]

    def advance(self, seconds: int) -> None:
        """Let the world's time pass."""
        self.engine.passing().advance(self.world, seconds * 1000)
