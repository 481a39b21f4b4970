"""The whole API in this process, asked as an ASGI application: one for all tests of this folder, with a store in memory."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from childproof.catalog import load_catalog
from childproof.control import messages_sandboxes as told
from childproof.control.api import operations
from childproof.control.app import make_app
from childproof.control.auth import Door
from childproof.control.desk import Desk
from childproof.control.operation import Operation
from childproof.engine import Engine
from childproof.ledger import Ledger
from childproof.model import Call, Envelope, Hidden, Protocol
from childproof.policy import Source, load_ruleset
from childproof.world import Store

TOKEN = "0123456789abcdef"
NOW = 1_767_603_600_000  # 2026-01-05T09:00:00Z
RULES = "version: 1\nrules:\n  - {name: mail, match: {protocol: smtp}, stub: email}\n"
Json = dict[str, Any]


class Host:
    """Sandboxes that are only noted."""

    def __init__(self) -> None:
        self.boxes: dict[str, told.Sandbox] = {}

    async def create(self, wanted: told.NewSandbox) -> told.MadeSandbox:
        """See `control.sandboxes.Host`."""
        times = ("2026-01-05T09:00:00Z", "2026-01-05T10:00:00Z")
        made = told.MadeSandbox(f"sbx_{len(self.boxes)}", "main", False, None, None, {}, None, *times, wanted.ttl)
        self.boxes[made.id] = made
        return made

    def all(self) -> list[told.Sandbox]:
        """Likewise."""
        return [*self.boxes.values()]

    def get(self, sandbox: str) -> told.Sandbox:
        """Likewise."""
        return self.boxes[sandbox]

    def renew(self, sandbox: str, ttl: int | None) -> told.Sandbox:
        """Likewise."""
        del ttl
        return self.boxes[sandbox]

    async def delete(self, sandbox: str, *, keep: bool) -> told.DeletedSandbox:
        """Likewise."""
        del self.boxes[sandbox]
        return told.DeletedSandbox(sandbox, None if keep else "main")

    def report(self, sandbox: str, query: told.ReportQuery) -> told.SandboxReport:
        """Likewise."""
        return told.SandboxReport({"sandbox": self.boxes[sandbox].id}, "text"[: query.width], "")


@dataclass(frozen=True)
class Told:
    """A whole answer. `json` is None for what isn't JSON."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    json: Any


@dataclass
class Api:
    """The application, and all that it works with. Its loop runs while something is asked."""

    desk: Desk
    host: Host
    operations: list[Operation]
    runner: asyncio.Runner
    states: dict[str, tuple[int, Json]]
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = make_app(self.operations, Door(Hidden(TOKEN), local=True), trouble=self.trouble.append)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        written: str = "",
        **query: Any,
    ) -> Told:
        """One request, with the token unless `headers` say otherwise; `path` is what follows /v1.

        `written` is a query as it is, `query` its parameters.
        """
        sent = {"host": "127.0.0.1", "authorization": f"Bearer {TOKEN}"}
        if body is not None or content is not None:
            sent["content-type"] = "application/json"
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        whole = content if content is not None else b"" if body is None else json.dumps(body).encode()
        named = {name.removesuffix("_"): value for name, value in query.items()}
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": "http", "path": f"/v1{path}",
            "raw_path": f"/v1{path}".encode("latin-1"), "query_string": (written or urlencode(named)).encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items() if value],
        }  # fmt: skip
        return self.runner.run(self._asked(scope, whole))

    async def _asked(self, scope: Json, content: bytes) -> Told:
        parts: list[Json] = []
        bodies = [{"type": "http.request", "body": content, "more_body": False}]

        async def receive() -> Json:
            return bodies.pop() if bodies else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            parts.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in parts[0].get("headers", ())}
        whole = b"".join(part.get("body", b"") for part in parts[1:])
        is_json = headers.get("content-type", "").endswith("json")
        return Told(parts[0]["status"], headers, whole, json.loads(whole) if is_json and whole else None)

    def get(self, path: str, **query: Any) -> Any:
        """What GET answers, which has to be 200."""
        found = self.ask("GET", path, **query)
        assert found.status == 200, found.content
        return found.json

    def made(self, name: str, **more: Any) -> str:
        """A new world's name."""
        found = self.ask("POST", "/worlds", {"name": name, **more})
        assert found.status == 201, found.content
        return name

    def pass_time(self, world: str, count: int = 1) -> None:
        """So many calls: each an entry of the world's clock."""
        for number in range(count):
            assert (
                self.ask(
                    "PATCH",
                    f"/worlds/{world.replace('/', ':')}/clock",
                    {"run": f"frozen@2026-01-05T{number:02}:00:00Z"},
                ).status
                == 200
            )

    def mailed(self, world: str, to: str, text: bytes) -> None:
        """A message that an agent has sent there."""
        envelope = Envelope("a@shop.example", (to,))
        self.desk.engine.handle(
            Call(protocol=Protocol.SMTP, host="mail.example", port=25, world=world, body=text, envelope=envelope)
        )

    def state(self) -> Any:
        """All that a refusal must not change."""
        branches = [(one.name, one.calls, one.base, dict(one.labels)) for one in self.desk.store.branches()]
        clocks = [self.desk.store.world(name).clock for name, *_ in branches]
        rules = [self.desk.engine.policies.of(name).rules for name, *_ in branches]
        return branches, clocks, rules, self.desk.engine.rules, [*self.host.boxes]


@pytest.fixture(scope="package")
def api() -> Iterator[Api]:
    """With a world `main` in which nothing has happened."""
    catalog = load_catalog(())
    with Store.open(":memory:", wall=lambda: NOW) as store, asyncio.Runner() as runner:
        ledger = Ledger(store.connection, lock=store.lock)
        rules = load_ruleset([Source("rules", RULES)], stubs=catalog)
        engine = Engine(store=store, ledger=ledger, rules=rules, catalog=catalog, wall=lambda: NOW)
        said: list[str] = []
        states: dict[str, tuple[int, Json]] = {"alive": (200, {"status": "alive"}), "ready": (200, {"status": "ready"})}
        desk = Desk(
            store,
            ledger,
            engine,
            lambda: NOW,
            said.append,
            alive=lambda: states["alive"],
            ready=lambda: states["ready"],
        )
        store.create("main")
        host = Host()
        yield Api(desk, host, operations(desk, host), runner, states)
        assert said == []
