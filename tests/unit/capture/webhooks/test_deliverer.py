"""Webhooks from the call that queues them to the listener and the record: real sockets, a world whose time stands still."""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest

from childproof.capture.webhooks import deliverer as delivering_side
from childproof.engine.deliveries import Deliveries, send_again
from childproof.model import Upstream
from childproof.model.places import Listener as Inside
from childproof.model.places import Places
from childproof.run.webhooks import own_loopback
from childproof.world import ClockSettings, deliveries

from .conftest import START, Bench, listening, settled

ALLOWED = """  - name: out
    match: {host: localhost, method: POST}
    allow: {addresses: [127.0.0.0/8, "::1"]}
"""


def test_what_a_call_queues_is_delivered_signed_in_its_order_and_recorded(bench: Bench) -> None:
    """Each attempt has an entry of its own with the trace and cause of its call; nothing leaves the machine."""

    async def run() -> None:
        async with listening(200) as listener, bench.delivering():
            bench.subscribe(f"http://localhost:{listener.port}/hook?shop=1")
            made = bench.contact()
            for name in ("J", "Je", "Jen"):
                bench.call("PATCH", f"/v2/contacts/{made['id']}", {"name": name})
            await bench.until(settled)
            assert listener.types == ["contact.created", *["contact.updated"] * 3]
            assert [body["data"]["object"]["name"] for _, body, _ in listener.heard] == [None, "J", "Je", "Jen"]
            line, body, headers = listener.heard[0]
            assert line == "POST /hook?shop=1 HTTP/1.1"
            assert headers["host"] == f"localhost:{listener.port}"
            assert headers["webhook-id"] == body["id"]

    asyncio.run(run())
    entries = bench.attempts()
    calls = {entry.id: entry for entry in bench.parts.ledger.entries(world="main")}
    assert [entry.status for entry in entries] == [200] * 4
    for entry in entries:
        assert (entry.verdict, entry.protocol, entry.stub, entry.made) == ("stub", "http", "acme-crm", False)
        assert entry.upstream == Upstream()
        assert entry.trace == calls[entry.cause].trace
        assert entry.reply is not None
        assert entry.reply.body == "hello"
    assert [one.state for one in bench.queued()] == ["delivered"] * 4


def test_the_signature_is_of_the_attempts_own_time(bench: Bench) -> None:
    """A listener compares it with its own clock, so it is the real one."""

    async def run() -> tuple[str, dict, dict[str, str]]:
        async with listening() as listener, bench.delivering():
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(settled)
            return listener.heard[0]

    _, _, headers = asyncio.run(run())
    raw = bench.queued()[0].body
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{raw}".encode()
    digest = base64.b64encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"
    assert int(headers["webhook-timestamp"]) > 1_767_603_600 + 86_400


def test_what_fails_is_tried_again_on_the_services_schedule_by_the_worlds_clock(bench: Bench) -> None:
    """1 minute, then 5, says its stub.yaml; then it has failed. Time that doesn't pass brings nothing."""

    async def run() -> None:
        async with listening(500) as listener, bench.delivering():
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            [one] = await bench.until(lambda queued: bool(queued) and queued[0].attempts == 1)
            assert (one.state, one.due) == ("waiting", one.at + 60_000)
            bench.advance(59_999)
            await asyncio.sleep(0.1)
            assert len(listener.heard) == 1
            bench.advance(1)
            [one] = await bench.until(lambda queued: queued[0].attempts == 2)
            assert one.due == one.at + 60_000 + 300_000
            bench.advance(300_000)
            [one] = await bench.until(settled)
            assert (one.state, one.attempts, one.last["status"]) == ("failed", 3, 500)
            assert len({headers["webhook-id"] for _, _, headers in listener.heard}) == 1

    asyncio.run(run())
    assert [entry.effects[0].data["attempt"] for entry in bench.attempts()] == [1, 2, 3]


def test_a_delivery_can_be_sent_again_whatever_became_of_it(bench: Bench) -> None:
    """One that arrived, too."""

    async def run() -> None:
        async with listening(200, 204) as listener, bench.delivering():
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            [one] = await bench.until(settled)
            send_again(bench.parts.engine._recording, bench.parts.store.world("main"), one.id)
            [one] = await bench.until(lambda queued: settled(queued) and queued[0].attempts == 2)
            assert (one.state, one.last["status"]) == ("delivered", 204)

    asyncio.run(run())


def test_a_slow_listener_holds_up_neither_calls_nor_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its next message goes out although it hasn't answered the one before."""
    monkeypatch.setattr(delivering_side, "PATIENCE", 0.05)

    async def run() -> None:
        async with listening(slow=True) as slow, listening() as quick, bench.delivering():
            bench.subscribe(f"http://localhost:{slow.port}/")
            bench.subscribe(f"http://localhost:{quick.port}/")
            for number in range(3):
                bench.contact(number)
            await bench.until(lambda queued: sum(one.state == "delivered" for one in queued) == 3)
            await bench.until(lambda _: len(slow.heard) == 3)
            assert len(quick.heard) == 3

    asyncio.run(run())
    assert sum(one.state == "waiting" and one.attempts == 0 for one in bench.queued()) == 3


def test_slow_listeners_of_one_world_hold_up_no_other_world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many of them there are."""
    monkeypatch.setattr(delivering_side, "MOST", 4)
    monkeypatch.setattr(delivering_side, "AT_ONCE", 2)
    monkeypatch.setattr(delivering_side, "PATIENCE", 0.01)

    async def run() -> None:
        async with listening(slow=True) as slow, listening() as quick:
            for _ in range(6):
                bench.subscribe(f"http://localhost:{slow.port}/")
            bench.contact()
            with bench.parts.store.create("other", clock=ClockSettings(START, "frozen")).transaction() as tx:
                deliveries.queue(tx, "acme-crm", f"http://localhost:{quick.port}/", "contact.created", "{}")
            handed_out = bench.parts.engine.deliveries(bench.places)
            async with delivering_side.Deliverer(
                handed_out, bench.parts.engine.settle, ("main", "other"), connect=own_loopback(bench.parts, ())
            ):
                async with asyncio.timeout(5):
                    while not quick.heard:  # noqa: ASYNC110 (the store has no event to wait for)
                        await asyncio.sleep(0.01)

    asyncio.run(run())


def test_a_bug_in_one_world_holds_up_no_other_world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, and looked for again."""
    said: list[str] = []
    handed_out = bench.parts.engine.deliveries(bench.places)
    due = Deliveries.due

    def fails(self: Deliveries, world: str, *rest: object) -> list:
        if world == "broken":
            raise TypeError("a row that is none")
        return due(self, world, *rest)

    monkeypatch.setattr(Deliveries, "due", fails)

    async def run() -> None:
        async with listening() as listener:
            bench.subscribe(f"http://localhost:{listener.port}/")
            async with delivering_side.Deliverer(
                handed_out, bench.parts.engine.settle, ("broken", "main"), say=said.append,
                connect=own_loopback(bench.parts, ()),
            ) as deliverer:  # fmt: skip
                for number in range(2):
                    bench.contact(number)
                    deliverer.stir("main")
                    await bench.until(settled)

    asyncio.run(run())
    assert said == ["webhooks of world broken wait: a row that is none"]


def test_nobody_listens(bench: Bench) -> None:
    """The attempt is recorded with the reason, and comes again."""

    async def run() -> None:
        async with listening() as listener:
            port = listener.port
        async with bench.delivering():
            bench.subscribe(f"http://localhost:{port}/")
            bench.contact()
            await bench.until(lambda queued: bool(queued) and queued[0].attempts == 1)

    asyncio.run(run())
    [entry] = bench.attempts()
    assert "nothing listens at 127.0.0.1" in (entry.error or "")
    assert bench.queued()[0].state == "waiting"


@pytest.mark.parametrize(
    "url",
    ["https://shop.example/hook", "http://169.254.169.254/", "http://localhost@evil.example/", "ftp://localhost/"],
)
def test_what_no_rule_allows_is_refused_with_its_reason_and_not_tried_again(bench: Bench, url: str) -> None:
    """Neither resolved nor dialled."""

    async def run() -> None:
        async with bench.delivering():
            bench.subscribe(url)
            bench.contact()
            await bench.until(settled)

    asyncio.run(run())
    [entry] = bench.attempts()
    assert (entry.verdict, entry.status, entry.upstream) == ("deny", None, Upstream())
    [one] = bench.queued()
    assert (one.state, one.last["reason"]) == ("refused", entry.reason)


def test_loopback_is_the_machines_own_where_nothing_says_otherwise(bench: Bench) -> None:
    """A pod says so with `webhooks.loopback`; elsewhere whatever listens here isn't asked."""

    async def run() -> None:
        async with listening() as listener, bench.delivering(inside=False):
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(settled)
            assert listener.heard == []

    asyncio.run(run())
    assert bench.queued()[0].state == "refused"


def test_an_allowed_call_leaves_and_its_bytes_are_counted(bench_of: Callable[..., Bench]) -> None:
    """By the same gate as any: the entry is settled with what went out, another one says what that came to."""
    bench = bench_of(ALLOWED)

    async def run() -> None:
        async with listening(201) as listener, bench.delivering(inside=False):
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(settled)
            assert listener.types == ["contact.created"]

    asyncio.run(run())
    [left] = [entry for entry in bench.parts.ledger.entries(world="main") if entry.verdict == "allow"]
    assert (left.status, left.rule, left.settled) == (201, "out", True)
    assert left.upstream.connections == 1
    assert left.upstream.bytes_out > 500
    [told] = bench.attempts()
    assert (told.cause, told.effects[0].type) == (left.id, "webhook.delivered")
    assert bench.parts.engine._started == {}


def test_an_allowed_call_to_a_private_address_that_no_rule_names_stays(bench_of: Callable[..., Bench]) -> None:
    """The dialler's checks are those of every allowed call."""
    bench = bench_of("  - {name: out, match: {host: localhost}, allow: {}}\n")

    async def run() -> None:
        async with listening() as listener, bench.delivering(inside=False):
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(lambda queued: bool(queued) and queued[0].attempts == 1)
            assert listener.heard == []

    asyncio.run(run())
    assert "not public" in bench.queued()[0].last["reason"]


def test_a_stub_may_be_the_listener(bench_of: Callable[..., Bench]) -> None:
    """A rule that stubs the host has the webhook answered there, in the same world."""
    bench = bench_of("  - {name: canned, match: {host: hooks.example}, reply: {status: 202}}\n")

    async def run() -> None:
        async with bench.delivering():
            bench.subscribe("https://hooks.example/x")
            bench.contact()
            await bench.until(settled)

    asyncio.run(run())
    [entry] = bench.attempts()
    assert (entry.verdict, entry.rule, entry.status) == ("reply", "canned", 202)
    assert bench.queued()[0].state == "delivered"


def test_a_name_that_the_configuration_knows_leads_to_its_listener(bench_of: Callable[..., Bench]) -> None:
    """By plain HTTP, as behind a proxy that ends TLS; the Host header is the URL's."""

    async def run() -> None:
        async with listening() as listener:
            bench = bench_of("", Places({"shop.example": Inside(("127.0.0.1",), listener.port)}))
            async with bench.delivering():
                bench.subscribe("https://shop.example/hook")
                bench.contact()
                await bench.until(settled)
                assert listener.heard[0][2]["host"] == "shop.example"

    asyncio.run(run())
