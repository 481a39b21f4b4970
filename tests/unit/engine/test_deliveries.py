"""Webhooks as the engine sees them: judged like calls, recorded with their cause; bugs send nothing and repeat nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from childproof.engine import Engine
from childproof.engine.deliveries import Attempt, Deliveries
from childproof.errors import StoreError
from childproof.ledger import Entry, Ledger
from childproof.model import Action, Effect, Reply, Upstream, Verdict
from childproof.policy import Rule
from childproof.policy.ruleset import Judgement
from childproof.world import ClockSettings, Delivery, Snapshot, Store, Transaction, deliveries
from childproof.world.deliveries import Posting, Told, keep

START = 1_767_603_600_000


@dataclass
class Shop:
    """A stub that posts what it is given, and keeps what it is told."""

    then: Callable[[], None] = lambda: None
    told_of: list[Told | str] = field(default_factory=list)

    def posting(self, delivery: Delivery, view: Snapshot, at: int) -> Posting | str:
        del view
        return Posting(delivery.url, (("X-At", str(at)),), delivery.body.encode(), 1000)

    def told(self, delivery: Delivery, told: Told | str, tx: Transaction) -> tuple[Effect, ...]:
        self.told_of.append(told)
        self.then()
        keep(
            tx, Delivery(**{**_fields(delivery), "state": "delivered", "due": None, "attempts": delivery.attempts + 1})
        )
        return (Effect("shop", "webhook.told", delivery.id),)


def _fields(delivery: Delivery) -> dict[str, Any]:
    return {name: getattr(delivery, name) for name in delivery.__slots__}


class Rules:
    """Judges every call alike."""

    def __init__(self, judge: Callable[[], Judgement]) -> None:
        self._judge = judge

    def judge(self, call: object) -> Judgement:
        del call
        return self._judge()


@dataclass
class Bench:
    store: Store
    engine: Engine
    shop: Shop
    trouble: list[str]

    @property
    def deliveries(self) -> Deliveries:
        return self.engine.deliveries()

    def queue(self, url: str = "https://hooks.example/a?b=c") -> str:
        with self.store.world("main").transaction() as tx:
            tx.call_id, tx.trace = "call_cause", "ab" * 16
            return deliveries.queue(tx, "shop", url, "thing.done", '{"a": 1}').id

    def found(self) -> Delivery:
        with self.store.world("main").view() as view:
            return deliveries.listed(view)[-1]

    def entries(self) -> list[Entry]:
        return list(Ledger(self.store.connection, lock=self.store.lock).entries(world="main"))


@pytest.fixture
def bench_of() -> Iterator[Callable[..., Bench]]:
    opened: list[Store] = []

    def make(judge: Callable[[], Judgement], shop: Shop | None = None) -> Bench:
        store = Store.open(":memory:", wall=lambda: START)
        opened.append(store)
        store.create("main", clock=ClockSettings(START, "frozen"))
        shop, trouble = shop or Shop(), list[str]()

        class Catalog:
            def get(self, name: str) -> Shop:
                if name != "shop":
                    raise LookupError(f"no stub {name}")
                return shop

        engine = Engine(
            store=store, ledger=Ledger(store.connection, lock=store.lock), rules=Rules(judge),  # type: ignore[arg-type]
            catalog=Catalog(), wall=lambda: START + 5, on_trouble=trouble.append,  # type: ignore[arg-type]
        )  # fmt: skip
        return Bench(store, engine, shop, trouble)

    yield make
    for store in opened:
        store.close()


def judged(action: Action, **rule: Any) -> Callable[[], Judgement]:
    return lambda: Judgement(Verdict(action, "r", "the rule r"), Rule("r", action, **rule))


def test_what_may_leave_is_recorded_before_it_does_and_settled_after(bench_of: Callable[..., Bench]) -> None:
    """As any allowed call; a second entry says what it came to, and is caused by the first."""
    bench = bench_of(judged(Action.ALLOW))
    parcel = bench.deliveries.prepared("main", bench.queue())
    assert parcel is not None
    outcome = bench.deliveries.judged(parcel)
    assert outcome is not None
    assert outcome.forward is not None
    [entry] = bench.entries()
    assert (entry.verdict, entry.settled, entry.cause, entry.trace) == ("allow", False, "call_cause", "ab" * 16)
    assert (entry.target, entry.path) == ("POST https://hooks.example/a", "/a?b=c")
    assert bench.found().state == "waiting"
    bench.engine.settle(outcome, Upstream(1, 1, 300, 20), Reply(200))
    bench.deliveries.left(parcel, outcome, Attempt("there", Reply(200)))
    first, second = bench.entries()
    assert (first.settled, first.upstream.bytes_out) == (True, 300)
    assert (second.cause, second.protocol, second.trace) == (first.id, "clock", first.trace)
    assert second.effects == (Effect("shop", "webhook.told", "delivery_1"),)
    assert bench.shop.told_of == [Told(START, 200, call=first.id)]


@pytest.mark.parametrize(
    ("judge", "told"),
    [
        (judged(Action.REPLY, reply=Reply(202, (), b"ok")), (202, False)),
        (judged(Action.DENY), (None, True)),
    ],
)
def test_a_rules_own_reply_is_an_answer_and_a_denial_none(
    bench_of: Callable[..., Bench], judge: Any, told: Any
) -> None:
    """Nothing is dialled; both are in one entry."""
    bench = bench_of(judge)
    parcel = bench.deliveries.prepared("main", bench.queue())
    assert parcel is not None
    assert bench.deliveries.judged(parcel) is None
    [entry] = bench.entries()
    [one] = bench.shop.told_of
    assert isinstance(one, Told)
    assert (one.status, one.refused) == told
    assert (entry.status, entry.cause) == (told[0], "call_cause")


def test_a_bug_while_it_is_judged_sends_nothing(bench_of: Callable[..., Bench]) -> None:
    """Refused, with the traceback in its entry."""

    def boom() -> Judgement:
        raise RuntimeError("no judge today")

    bench = bench_of(boom)
    parcel = bench.deliveries.prepared("main", bench.queue())
    assert parcel is not None
    assert bench.deliveries.judged(parcel) is None
    [entry] = bench.entries()
    assert entry.verdict == "deny"
    assert "no judge today" in (entry.error or "")
    [one] = bench.shop.told_of
    assert isinstance(one, Told)
    assert one.refused


def test_a_stub_that_fails_over_an_outcome_is_not_asked_again(bench_of: Callable[..., Bench]) -> None:
    """Or it would be sent without end. The failure is told."""

    def boom() -> None:
        raise RuntimeError("cannot hear")

    bench = bench_of(judged(Action.DENY), Shop(then=boom))
    parcel = bench.deliveries.prepared("main", bench.queue())
    assert parcel is not None
    bench.deliveries.made(parcel, Attempt("127.0.0.1:1", Reply(200)), 0)
    found = bench.found()
    assert (found.state, found.due, found.attempts) == ("failed", None, 1)
    assert found.last is not None
    assert "cannot hear" in found.last["reason"]
    assert [effect.type for effect in bench.entries()[0].effects] == ["job.failed"]
    assert "cannot hear" in bench.trouble[0]


def test_a_store_that_fails_leaves_it_to_be_sent_again(bench_of: Callable[..., Bench]) -> None:
    """Neither counted nor recorded."""

    def full() -> None:
        raise StoreError("the disk is full")

    bench = bench_of(judged(Action.DENY), Shop(then=full))
    parcel = bench.deliveries.prepared("main", bench.queue())
    assert parcel is not None
    with pytest.raises(StoreError):
        bench.deliveries.made(parcel, Attempt("127.0.0.1:1", Reply(200)), 0)
    assert (bench.found().state, bench.found().attempts, bench.entries()) == ("waiting", 0, [])


def test_a_stub_that_is_gone_has_its_webhooks_taken_off(bench_of: Callable[..., Bench]) -> None:
    """They would wait for ever."""
    bench = bench_of(judged(Action.DENY))
    with bench.store.world("main").transaction() as tx:
        deliveries.queue(tx, "gone", "http://localhost/", "thing.done", "{}")
    assert bench.deliveries.prepared("main", "delivery_1") is None
    assert (bench.found().state, bench.found().due) == ("canceled", None)


def test_the_time_it_is_signed_for_is_the_walls_or_the_worlds(bench_of: Callable[..., Bench]) -> None:
    """Listeners compare it with their own clocks, unless they live in the world."""
    bench = bench_of(judged(Action.DENY))
    made = bench.queue()
    real = bench.engine.deliveries().prepared("main", made)
    world = bench.engine.deliveries(world_time=True).prepared("main", made)
    assert real is not None
    assert world is not None
    assert (real.posting.headers, world.posting.headers) == ((("X-At", str(START + 5)),), (("X-At", str(START)),))
