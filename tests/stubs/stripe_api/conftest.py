"""The official stripe package as the judge: its client talks to the stub directly, without proxy or socket.

Every reply that it gets is also checked against the response schema of Stripe's OpenAPI document.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import stripe

from childproof.catalog import load_catalog
from childproof.model import Call, Fidelity, Protocol
from childproof.stubkit.stub import Stub
from childproof.world import ClockSettings, Store

FOLDER = Path(__file__).parents[3] / "stubs" / "stripe"
START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
KEY = "sk_test_childproof123"

# What Stripe's API sends though its document doesn't list it.
UNLISTED = {"product": {"type"}, "charge": set(), "card": {"wallet"}, "list": set()}


@pytest.fixture(scope="session")
def stub() -> Stub:
    return load_catalog().get("stripe")


@pytest.fixture(scope="session")
def shapes() -> "Shapes":
    return Shapes(json.loads((FOLDER / "openapi.json").read_bytes()))


@pytest.fixture
def api(stub: Stub, shapes: "Shapes") -> Iterator["Api"]:
    store = Store.open(":memory:", wall=lambda: START)
    world = store.create("test", seed=7, clock=ClockSettings(start=START, run="step", step=1000))
    yield Api(stub, world, shapes)
    store.close()


@pytest.fixture
def transport(api: "Api") -> "InProcess":
    return InProcess(api)


@pytest.fixture
def client(transport: "InProcess") -> stripe.StripeClient:
    return stripe.StripeClient(KEY, http_client=transport)


@pytest.fixture
def declined() -> Callable[..., stripe.CardError]:
    def run(action: Callable[..., Any], *args: Any, **options: Any) -> stripe.CardError:
        with pytest.raises(stripe.CardError) as caught:
            action(*args, **options)
        return caught.value

    return run


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes
    effects: tuple[Any, ...]
    operation: str | None
    fidelity: Any

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Api:
    """The stub with a world: raw calls, and what they left behind."""

    stub: Stub
    world: Any
    shapes: "Shapes"
    effects: list[Any] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    def call(self, method: str, path: str, body: str = "", key: str | None = KEY, **headers: str) -> Reply:
        sent = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if key is not None:
            sent.append(("Authorization", f"Bearer {key}"))
        if body:
            sent.append(("Content-Type", "application/x-www-form-urlencoded"))
        return self.send(method, path, tuple(sent), body.encode())

    def send(self, method: str, url: str, headers: tuple[tuple[str, str], ...], body: bytes) -> Reply:
        parts = urlsplit(url)
        call = Call(
            protocol=Protocol.HTTP, host="api.stripe.com", port=443, method=method.upper(), scheme="https",
            path=parts.path, query=parts.query, headers=headers, body=body, tls=True, http_version="HTTP/1.1",
        )  # fmt: skip
        with self.world.transaction() as tx:
            answer = self.stub.answer(call, tx)
        reply = Reply(answer.reply.status, dict(answer.reply.headers), answer.reply.body, answer.effects,
                      answer.operation, answer.fidelity)  # fmt: skip
        self.effects.extend(answer.effects)
        self.replies.append(reply)
        answered = reply.status == 200 and reply.headers["Content-Type"] == "application/json"
        if answered and reply.operation and reply.fidelity == Fidelity.MODELLED:
            self.shapes.check(reply.operation, reply.body)
        return reply

    def events(self) -> list[str]:
        """The types of all events so far, oldest first."""
        with self.world.transaction() as tx:
            return [event["type"] for event in tx.list("stripe", "event", newest_first=False)]


class InProcess(stripe.HTTPClient):
    """A transport of the SDK that asks the stub instead of the network."""

    name = "childproof"

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api

    def request(self, method, url, headers, post_data=None, **_options):
        body = post_data.encode() if isinstance(post_data, str) else post_data or b""
        reply = self.api.send(method, url, tuple((headers or {}).items()), body)
        return reply.raw.decode(), reply.status, {name.lower(): value for name, value in reply.headers.items()}

    def close(self):
        pass


class Shapes:
    """Response schemas as validators; the whole of the components is one schema, compiled once per operation."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.definitions = {name: _modern(schema) for name, schema in document["components"]["schemas"].items()}
        self._checks: dict[str, Any] = {}

    def check(self, operation: str, body: Any) -> None:
        """Fail with every place where a reply isn't what Stripe's document promises."""
        method, _, path = operation.partition(" ")
        if operation not in self._checks:
            response = self.document["paths"][path][method.lower()]["responses"]["200"]
            schema = _modern(response["content"]["application/json"]["schema"])
            self._checks[operation] = jsonschema_rs.Draft202012Validator(
                {**schema, "$defs": self._needed(schema)}, validate_formats=False
            )
        faults = [
            f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}"
            for error in self._checks[operation].iter_errors(body)
        ]
        faults += [f"{place}: not in the schema" for place in self._unlisted(body, "")]
        assert not faults, f"{operation}:\n" + "\n".join(faults)

    def _needed(self, schema: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        waiting = [schema]
        while waiting:
            node = waiting.pop()
            if isinstance(node, dict):
                reference = node.get("$ref")
                if isinstance(reference, str):
                    name = reference.removeprefix("#/$defs/")
                    if name not in found:
                        found[name] = self.definitions[name]
                        waiting.append(found[name])
                waiting.extend(value for key, value in node.items() if key != "$ref")
            elif isinstance(node, list):
                waiting.extend(node)
        return found

    def _unlisted(self, node: Any, place: str) -> Iterator[str]:
        """Fields of known objects that Stripe's document doesn't have, and hidden fields that leaked."""
        if isinstance(node, list):
            for at, item in enumerate(node):
                yield from self._unlisted(item, f"{place}[{at}]")
        if not isinstance(node, dict):
            return
        kind = node.get("object")
        known = (
            self.document["components"]["schemas"].get(kind, {}).get("properties") if isinstance(kind, str) else None
        )
        for key, value in node.items():
            if key.startswith("_"):
                yield f"{place}.{key}"
            if known and not node.get("deleted") and key not in known and key not in UNLISTED.get(kind, set()):
                yield f"{place}.{key}"
            yield from self._unlisted(value, f"{place}.{key}")


def _modern(node: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema 2020-12: `nullable` becomes a type of its own."""
    if isinstance(node, list):
        return [_modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "properties":
            out[key] = {name: _modern(schema) for name, schema in value.items()}
        elif key == "$ref":
            out[key] = value.replace("#/components/schemas/", "#/$defs/")
        elif key in {"nullable", "x-expansionResources", "x-expandableFields", "x-resourceId", "discriminator"}:
            continue
        else:
            out[key] = _modern(value) if key not in {"enum", "required", "const"} else value
    return {"anyOf": [out, {"type": "null"}]} if node.get("nullable") is True else out
