"""boto3 as the judge: its clients talk to the stub directly, without proxy or socket.

Each reply is also checked against the response schema of the service model. Mail is delivered to the mail stub of the same
world as `childproof` does it, so that a test can ask the mailbox.
"""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError

from childproof.model import Call, Effect, Envelope, Protocol
from childproof.stubkit.access.oauth import TOKENS
from childproof.world import OUTBOX, ClockSettings, Mail, Store, Transaction, deliveries, perform, told
from childproof.world.schedule import QUEUE
from childproof.world.world import World
from tests.stubs.inprocess import shipped_catalog

START = 1_767_603_600_000  # 2026-01-05T09:00:00Z
KEY, SECRET = "AKIATEST", "secret"
CATALOG = shipped_catalog()


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Api:
    """The stub with a world, and what it told."""

    world: World
    effects: list[Any] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def client(self, name: str, region: str = "us-east-1", secret: str = SECRET, key: str = KEY) -> Any:
        """A client of boto3 that asks the stub instead of the network."""
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        made = boto3.client(
            name, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret, config=config
        )
        made.meta.events.register("before-send", self._send)
        return made

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = tuple(
            (name, value.decode() if isinstance(value, bytes) else str(value))
            for name, value in request.headers.items()
        )
        body = request.body or b""
        reply = self.call(
            Call(
                Protocol.HTTP,
                url.hostname or "",
                443,
                scheme="https",
                method=request.method,
                path=url.path or "/",
                query=url.query,
                headers=headers,
                body=body.encode() if isinstance(body, str) else bytes(body),
                tls=True,
            )
        )
        return AWSResponse(request.url, reply.status, dict(reply.headers), _Raw(reply.body))

    def call(self, call: Call) -> Any:
        stub = CATALOG.get("ses")
        with self.world.transaction() as tx:
            answer = stub.answer(call, tx)
        assert not answer.error, answer.error
        self.effects += answer.effects
        self.calls.append(answer.operation or "")
        conformance = stub.service.conformance
        if answer.operation is not None:
            path = answer.operation.partition(" ")[2]
            faults = conformance.misfits(
                call.method, path, answer.reply.status, answer.reply.headers, answer.reply.body
            )
            assert not faults, f"{answer.operation}: " + "; ".join(map(str, faults))
        self.passes(0)
        return answer.reply

    def passes(self, seconds: float) -> None:
        """Let the world's time pass and what falls due in it be done; mail goes to the mail stub."""
        until = None
        while True:
            with self.world.transaction() as tx:
                until = tx.now() + int(seconds * 1000) if until is None else until
                due = tx.earliest(until)
                tx.travel(max(tx.now(), until if due is None else due.at))
                if due is None:
                    return
                self.effects += perform(tx, due, self._performer)

    def _performer(self, service: str) -> Any:
        return _Post() if service == OUTBOX else CATALOG.get(service)

    def mails(self) -> list[dict[str, Any]]:
        """What is in all mailboxes, oldest first."""
        with self.world.transaction() as tx:
            return list(tx.list("email", "message", newest_first=False))

    def knows(self, key: str, secret: str) -> None:
        """Have the stub know a key's secret, as a seed.yaml tells it."""
        with self.world.transaction() as tx:
            tx.put(TOKENS, "ses", key, {"token": key, "secret": secret})

    def subscribe(self, topic: str, endpoint: str) -> None:
        """Have somebody listen to a topic, as a world file tells it."""
        with self.world.transaction() as tx:
            tx.put(
                "ses",
                "topic_subscription",
                "sub1",
                {"id": "sub1", "topic": topic, "endpoint": endpoint, "raw": False, "types": []},
            )

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Where and what subscribers of topics are sent, oldest first."""
        with self.world.transaction() as tx:
            rows = [value for _, value in tx.items(QUEUE, deliveries.KIND, newest_first=False)]
        return [(row["url"], json.loads(row["body"])) for row in rows]


class _Post:
    """Delivers mail to the mail stub, and tells whoever asks what it said."""

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        del job
        mail = Mail.from_json(payload)
        refused = any(address.startswith("refused@") for address in mail.recipients)
        effects: tuple[Effect, ...] = ()
        if not refused:
            envelope = Envelope(mail.sender, mail.recipients)
            call = Call(Protocol.SMTP, "mx.example", 25, envelope=envelope, body=mail.message)
            effects = CATALOG.get("email").answer(call, tx).effects
        if mail.then is None:
            return effects
        outcome = told(mail, 550, "no such mailbox") if refused else told(mail, 250, "2.0.0 OK")
        return (
            *effects,
            *CATALOG.get(mail.then.service).perform(mail.then.job, {**mail.then.payload, "mail": outcome}, tx),
        )


@pytest.fixture
def api() -> Iterator[Api]:
    store = Store.open(":memory:", wall=lambda: START)
    yield Api(store.create("test", seed=7, clock=ClockSettings(START, "frozen")))
    store.close()


@pytest.fixture
def ses(api: Api) -> Any:
    return api.client("ses")


@pytest.fixture
def ses2(api: Api) -> Any:
    return api.client("sesv2")


@pytest.fixture
def refused() -> Callable[..., tuple[str, str, int]]:
    """What a call is refused with: code, message, status."""

    def run(action: Callable[..., Any], **options: Any) -> tuple[str, str, int]:
        with pytest.raises(ClientError) as caught:
            action(**options)
        response = caught.value.response
        return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]

    return run
