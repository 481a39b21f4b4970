"""Two processes that are asked the same say the same, byte for byte: uploads, webhooks, time that passes, and forks of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.model import Call, Protocol
from childproof.run.compose import Parts, compose
from childproof.run.config.config import Config
from childproof.world import ClockSettings, deliveries

START = 1_767_603_600_000
DAY = 86_400
RULES = "version: 1\nrules:\n  - {name: stripe, match: {host: [api.stripe.com, files.stripe.com]}, stub: stripe}\n"
FILE = (
    b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\ndispute_evidence\r\n--X\r\nContent-Disposition: form-data;'
    b' name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n%PDF abc\r\n--X--\r\n'
)
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def parts_of(tmp_path: Path) -> Any:
    opened: list[Parts] = []

    def make() -> Parts:
        rules = tmp_path / "rules.yaml"
        rules.write_text(RULES)
        config = Config(tmp_path, rules=(rules,), store=":memory:")
        opened.append(compose(config, worlds=("main",), seed=7, clock=ClockSettings(START, "step", 1000)))
        return opened[-1]

    yield make
    for parts in opened:
        parts.close()


def asked(parts: Parts, world: str, request: str, body: bytes = b"", media: str = FORM) -> bytes:
    """The whole reply as bytes."""
    method, _, target = request.partition(" ")
    path, _, query = target.partition("?")
    host = "files.stripe.com" if "/files" in path else "api.stripe.com"
    headers = (("Authorization", "Bearer sk_test_same"), *([("Content-Type", media)] if body else []))
    outcome = parts.engine.handle(
        Call(Protocol.HTTP, host, 443, world, scheme="https", method=method, path=path, query=query, headers=headers,
             body=body, tls=True)
    )  # fmt: skip
    assert outcome.reply is not None
    assert outcome.reply.status == 200, outcome.reply.body
    return repr((outcome.call_id, outcome.reply.headers)).encode() + b"\n" + outcome.reply.body


def sent(parts: Parts, world: str) -> list[Any]:
    with parts.store.world(world).view() as view:
        return deliveries.listed(view)


def id_of(reply: bytes) -> str:
    return str(json.loads(reply.partition(b"\n")[2])["id"])


def beginning(parts: Parts) -> tuple[list[bytes], str, str]:
    """Somebody who listens, a file, a daily subscription, a test clock that is advanced."""
    said: list[bytes] = []

    def ask(*request: Any) -> str:
        said.append(asked(parts, "main", *request))
        return id_of(said[-1])

    customer = ask("POST /v1/customers", b"email=a@b.example")
    ask("POST /v1/webhook_endpoints", b"url=http://localhost:4242/&enabled_events[]=*")
    file = ask("POST /v1/files", FILE, "multipart/form-data; boundary=X")
    price = ask("POST /v1/prices", b"currency=usd&unit_amount=100&recurring[interval]=day&product_data[name]=Nuts")
    clock = ask("POST /v1/test_helpers/test_clocks", f"frozen_time={START // 1000}".encode())
    form = f"customer={customer}&items[0][price]={price}&collection_method=send_invoice&days_until_due=3"
    ask("POST /v1/subscriptions", form.encode())
    ask(f"POST /v1/test_helpers/test_clocks/{clock}/advance", f"frozen_time={START // 1000 + 5 * DAY}".encode())
    return said, file, clock


def going_on(parts: Parts, world: str, file: str, clock: str) -> list[bytes]:
    until = f"frozen_time={START // 1000 + 9 * DAY}".encode()
    return [
        asked(parts, world, f"GET /v1/files/{file}/contents"),
        asked(parts, world, f"POST /v1/test_helpers/test_clocks/{clock}/advance", until),
        asked(parts, world, "GET /v1/events?limit=100"),
        asked(parts, world, "GET /v1/invoices?limit=100"),
        asked(parts, world, "POST /v1/customers", b"email=c@d.example"),
    ]


def test_the_same_calls_bring_the_same_bytes(parts_of: Callable[[], Parts]) -> None:
    """Replies, and what is queued for listeners."""
    one, other = parts_of(), parts_of()
    said, file, clock = beginning(one)
    assert beginning(other)[0] == said
    assert going_on(one, "main", file, clock) == going_on(other, "main", file, clock)
    queued = sent(one, "main")
    assert len(queued) > 20
    assert queued == sent(other, "main")


def test_a_fork_goes_on_as_its_origin_does(parts_of: Callable[[], Parts]) -> None:
    """With the file, what waits for listeners, the clock and what is put off."""
    parts = parts_of()
    _, file, clock = beginning(parts)
    before = sent(parts, "main")
    parts.store.fork("main", "fork")
    forks = [reply.partition(b"\n")[2] for reply in going_on(parts, "fork", file, clock)]
    assert sent(parts, "main") == before
    assert [reply.partition(b"\n")[2] for reply in going_on(parts, "main", file, clock)] == forks
    assert [one.body for one in sent(parts, "fork")] == [one.body for one in sent(parts, "main")]
