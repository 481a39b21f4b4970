"""The official stripe package as the judge: its client talks to the stub directly, without proxy or socket.

Every reply that it gets is also checked against the response schema of Stripe's OpenAPI document, and the object of every
event against the schema of its resource.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from childproof.catalog import load_catalog
from childproof.model import Call, Effect, Protocol
from childproof.stubkit.stub import Stub
from childproof.world import ClockSettings, Store
from tests.stripe_events import event_misfits

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
KEY = "sk_test_childproof123"


@pytest.fixture(scope="session")
def stub() -> Stub:
    return load_catalog().get("stripe")


@pytest.fixture
def api(stub: Stub) -> Iterator["Api"]:
    store = Store.open(":memory:", wall=lambda: START)
    world = store.create("test", seed=7, clock=ClockSettings(start=START, run="step", step=1000))
    yield Api(stub, world)
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
        assert not answer.error, answer.error
        reply = Reply(answer.reply.status, dict(answer.reply.headers), answer.reply.body, answer.effects,
                      answer.operation, answer.fidelity)  # fmt: skip
        self.tells(answer.effects)
        if tx.passing:
            self.passes(tx.passing // 1000)
        self.replies.append(reply)
        self.conforms(call, answer.reply, reply)
        return reply

    def conforms(self, call: Call, made: Any, reply: Reply) -> None:
        """Fail with every place where a reply isn't what Stripe's document promises, whoever made it."""
        conformance = self.stub.service.conformance
        if reply.operation is None:
            return
        path = reply.operation.partition(" ")[2]
        faults = conformance.misfits(call.method, path, made.status, made.headers, made.body)
        assert not faults, f"{reply.operation}:\n" + "\n".join(map(str, faults))

    def tells(self, effects: Sequence[Effect]) -> None:
        """Take down what was told; fail with every place where an event's object isn't what Stripe's document promises."""
        self.effects.extend(effects)
        faults = event_misfits(self.stub, effects)
        assert not faults, "\n".join(faults)

    def passes(self, seconds: int) -> None:
        """Let the world's time pass and what falls due in it be done, earliest first. A job that fails is raised."""
        until = None
        while True:
            with self.world.transaction() as tx:
                until = tx.now() + seconds * 1000 if until is None else until
                due = tx.earliest(until)
                tx.travel(max(tx.now(), until if due is None else due.at))
                if due is None:
                    return
                tx.done(due.id)
                told = self.stub.perform(due.job, due.payload, tx)
            self.tells(told)

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
