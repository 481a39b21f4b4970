"""The official stripe package as the judge: its client talks to the stub directly, without proxy or socket.

Every reply that it gets is also checked against the response schema of Stripe's OpenAPI document, and the object of every
event against the schema of its resource.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import pytest
import stripe

from childproof.model import Effect
from childproof.stubkit.stub import Stub
from tests.stripe_events import event_misfits
from tests.stubs.inprocess import fresh_world, hold, https, let_pass, shipped_catalog

KEY = "sk_test_childproof123"


@pytest.fixture(scope="session")
def stub() -> Stub:
    return shipped_catalog().get("stripe")


@pytest.fixture
def api(stub: Stub) -> Iterator["Api"]:
    with fresh_world() as world:
        yield Api(stub, world)


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
        call = https(method, urljoin("https://api.stripe.com", url), dict(headers), body)
        with self.world.transaction() as tx:
            answer = self.stub.answer(call, tx)
        assert not answer.error, answer.error
        reply = Reply(answer.reply.status, dict(answer.reply.headers), answer.reply.body, answer.effects,
                      answer.operation, answer.fidelity)  # fmt: skip
        self.tells(answer.effects)
        if tx.passing:
            self.passes(tx.passing // 1000)
        self.replies.append(reply)
        hold(self.stub, call, answer)
        return reply

    def tells(self, effects: Sequence[Effect]) -> None:
        """Take down what was told; fail with every place where an event's object isn't what Stripe's document promises."""
        self.effects.extend(effects)
        faults = event_misfits(self.stub, effects)
        assert not faults, "\n".join(faults)

    def passes(self, seconds: int) -> None:
        """Let the world's time pass and what falls due in it be done, earliest first. A job that fails is raised."""
        self.tells(let_pass(self.world, seconds, self.stub))

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
