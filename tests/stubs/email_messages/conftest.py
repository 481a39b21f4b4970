"""The email stub on its own: raw messages in, entities out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from childproof.model import Call, Envelope, Protocol
from childproof.stubkit.stub import Answer, Stub
from childproof.world import Store, World
from tests.stubs.inprocess import shipped_catalog


@pytest.fixture(scope="session")
def stub() -> Stub:
    return shipped_catalog().get("email")


@dataclass
class Mailbox:
    stub: Stub
    world: World

    def send(
        self,
        raw: bytes,
        *,
        sender: str = "a@example.com",
        to: tuple[str, ...] = ("b@example.com",),
        method: str = "MESSAGE",
    ) -> Answer:
        envelope = Envelope(sender, to, "me.local", "login@example.com", tls=True)
        call = Call(Protocol.SMTP, "smtp.gmail.com", 587, self.world.name, method=method, body=raw, envelope=envelope)
        with self.world.transaction() as tx:
            return self.stub.answer(call, tx)

    def list(self, kind: str) -> list[dict[str, Any]]:
        with self.world.view() as view:
            return view.list("email", kind, newest_first=False)

    def parsed(self, raw: bytes) -> dict[str, Any]:
        """What one message became."""
        self.send(raw)
        return self.list("message")[-1]


@pytest.fixture
def mailbox(stub: Stub) -> Iterator[Mailbox]:
    with Store.open(":memory:", wall=lambda: 1_767_603_600_000) as store:
        yield Mailbox(stub, store.create("w", seed=7))


@pytest.fixture
def parsed(mailbox: Mailbox) -> Callable[[bytes], dict[str, Any]]:
    return mailbox.parsed
