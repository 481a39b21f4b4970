"""Replies that go on, as the engine carries them: steps and messages are calls of the world, linked to the first."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from childproof.engine import Engine
from childproof.ledger import Entry, Ledger
from childproof.model import (
    NO_UPSTREAM,
    Action,
    Call,
    Effect,
    Fidelity,
    Frame,
    Outcome,
    Part,
    Protocol,
    Reply,
    Step,
    Talk,
    Verdict,
)
from childproof.policy import Judgement, Rule
from childproof.world import ClockSettings, Store, Transaction

START = 1_767_603_600_000
RULE = Rule("shop", Action.STUB, stub="shop")
ASKED = Call(
    Protocol.HTTP, "shop.example", 443, method="GET", scheme="https", path="/feed", headers=(("x-a", "b"),), tls=True,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    reply: Reply
    operation: str = "GET /feed"
    fidelity: Fidelity = Fidelity.MODELLED
    effects: tuple[Effect, ...] = ()
    error: str = ""


@dataclass
class Shop:
    """A stub whose reply goes on as the test says."""

    stream: Any

    def answer(self, call: Call, tx: Transaction) -> Answer:
        return Answer(Reply(200, (), stream=self.stream))


@dataclass
class Bench:
    shop: Shop
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = Store.open(":memory:", wall=lambda: START)
        self.store.ensure("main", seed=7, clock=ClockSettings(start=START, run="step"))
        self.ledger = Ledger(self.store.connection)
        verdict = Verdict(Action.STUB, "shop", "rule shop", stub="shop")
        self.engine = Engine(
            store=self.store, ledger=self.ledger, rules=Rules(Judgement(verdict, RULE)), catalog=self,  # type: ignore[arg-type]
            wall=lambda: START, on_trouble=self.trouble.append,
        )  # fmt: skip

    def get(self, name: str) -> Shop:
        return self.shop

    def names(self) -> Iterable[str]:
        return ["shop"]

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries(world="main"))

    def things(self) -> list[str]:
        with self.store.world("main").view() as view:
            return [thing["id"] for thing in view.list("shop", "thing")]


@dataclass
class Rules:
    judgement: Judgement

    def judge(self, call: Call) -> Judgement:
        return self.judgement

    def may_allow(self, host: str, port: int, protocol: Protocol) -> bool:
        return False

    @property
    def rules(self) -> tuple[Rule, ...]:
        return (RULE,)


def putting(name: str, effects: tuple[Effect, ...] = ()) -> Step:
    def work(tx: Transaction) -> tuple[Any, tuple[Effect, ...]]:
        tx.put("shop", "thing", name, {"id": name})
        return name, effects

    return Step(work, "put")


def looking(tx: Transaction) -> tuple[Any, tuple[Effect, ...]]:
    return [thing["id"] for thing in tx.list("shop", "thing")], ()


def failing(tx: Transaction) -> tuple[Any, tuple[Effect, ...]]:
    tx.put("shop", "thing", "lost", {"id": "lost"})
    raise ValueError("no good")


def carried(stream: Any) -> tuple[Bench, Outcome, Iterator[Part]]:
    bench = Bench(Shop(stream))
    outcome = bench.engine.handle(ASKED)
    assert outcome.reply is not None
    return bench, outcome, outcome.reply.stream  # type: ignore[return-value]


def test_a_step_that_changes_something_is_a_call_with_an_entry_of_its_own() -> None:
    def body() -> Any:
        name = yield putting("t1", (Effect("shop", "made", "t1"),))
        yield Part(name.encode())

    bench, outcome, parts = carried(body())
    assert bench.things() == []
    assert list(parts) == [Part(b"t1")]
    first, step = bench.entries()
    assert (first.id, first.cause, step.cause) == (outcome.call_id, None, first.id)
    assert (step.operation, step.trace, step.seq) == ("GET /feed: put", first.trace, 2)
    assert [change.id for change in step.changes] == ["t1"]
    assert [effect.type for effect in step.effects] == ["made"]
    assert (step.request.headers, step.reply) == ((), None)


def test_a_step_that_only_looks_leaves_neither_entry_nor_number() -> None:
    def body() -> Any:
        for _ in range(5):
            yield Part(repr((yield Step(looking, "look"))).encode())

    bench, _, parts = carried(body())
    assert [part.data for part in parts] == [b"[]"] * 5
    assert len(bench.entries()) == 1
    bench.engine.handle(ASKED)
    assert [entry.seq for entry in bench.entries()] == [1, 2]


def test_what_a_step_raises_is_raised_in_the_stream_and_undone() -> None:
    def body() -> Any:
        try:
            yield Step(failing, "fail")
        except ValueError as error:
            yield Part(str(error).encode())

    bench, _, parts = carried(body())
    assert [part.data for part in parts] == [b"no good"]
    assert (bench.things(), len(bench.entries())) == ([], 1)


def test_steps_see_what_other_calls_did_meanwhile() -> None:
    def body() -> Any:
        yield Part(repr((yield Step(looking, "look"))).encode())
        yield Part(repr((yield Step(looking, "look"))).encode())

    bench, _, parts = carried(body())
    assert next(parts).data == b"[]"
    with bench.store.world("main").transaction() as tx:
        tx.put("shop", "thing", "new", {"id": "new"})
    assert next(parts).data == b"['new']"


def test_trailers_come_through_and_closing_closes_the_stubs_generator() -> None:
    log = []

    def body() -> Any:
        try:
            yield Part(b"a")
            return (("x", "y"),)
        finally:
            log.append("closed")

    _, _, parts = carried(body())
    next(parts)
    with pytest.raises(StopIteration) as end:
        next(parts)
    assert end.value.value == (("x", "y"),)
    log.clear()
    _, _, parts = carried(body())
    next(parts)
    parts.close()  # type: ignore[attr-defined]
    assert log == ["closed"]


def test_what_was_sent_completes_the_first_entry() -> None:
    bench, outcome, parts = carried(iter_of(Part(b"a")))
    list(parts)
    bench.engine.settle(outcome, NO_UPSTREAM, Reply(200, (), b"a" * 80_000, size=1_000_000), "the client left")
    [entry] = bench.entries()
    assert (entry.error, entry.verdict, entry.reply.size, entry.reply.cut) == (
        "the client left",
        "stub",
        1_000_000,
        True,
    )
    assert len(entry.reply.body) <= 64 * 1024
    assert entry.reply.sha256 == ""


def iter_of(*parts: Part) -> Any:
    yield from parts


def talking(work: Callable[[Frame, Transaction], tuple[Frame, ...]]) -> tuple[Bench, Outcome, Talk[tuple[Frame, ...]]]:
    def hear(frame: Frame) -> Step:
        return Step(lambda tx: (work(frame, tx), ()), "WEBSOCKET /live")

    bench = Bench(Shop(Talk((), hear)))
    outcome = bench.engine.handle(ASKED)
    assert outcome.reply is not None
    assert isinstance(outcome.reply.stream, Talk)
    return bench, outcome, outcome.reply.stream


def test_each_message_is_a_call_with_an_entry() -> None:
    def work(frame: Frame, tx: Transaction) -> tuple[Frame, ...]:
        tx.put("shop", "thing", frame.data.decode(), {"id": frame.data.decode()})
        return (Frame("text", b"one"), Frame("bytes", b"\xff"), Frame("close", b"bye", 4001))

    bench, outcome, talk = talking(work)
    assert [frame.kind for frame in talk.hear(Frame("text", b"t1"))] == ["text", "bytes", "close"]
    _, entry = bench.entries()
    assert (entry.protocol, entry.method, entry.target) == ("websocket", "TEXT", "TEXT wss://shop.example/feed")
    assert (entry.cause, entry.operation, entry.status) == (outcome.call_id, "WEBSOCKET /live", 4001)
    assert entry.request.body == "t1"
    assert entry.reply.body == "one\nbase64:/w==\n[close 4001 bye]"
    assert bench.things() == ["t1"]


def test_a_message_that_breaks_the_stub_ends_the_talk_and_changes_nothing() -> None:
    def work(frame: Frame, tx: Transaction) -> tuple[Frame, ...]:
        tx.put("shop", "thing", "t1", {"id": "t1"})
        raise ValueError("a bug")

    bench, outcome, talk = talking(work)
    assert talk.hear(Frame("text", b"x")) == (Frame("close", b"internal error", 1011),)
    _, entry = bench.entries()
    assert (entry.verdict, entry.status, entry.cause, entry.stub) == ("deny", 1011, outcome.call_id, "shop")
    assert "a bug" in entry.error
    assert bench.things() == []
    assert len(bench.trouble) == 1


def test_a_message_that_can_not_be_recorded_ends_the_talk_and_is_told() -> None:
    bench, _, talk = talking(lambda frame, tx: (frame,))
    bench.store.close()
    assert talk.hear(Frame("text", b"x")) == (Frame("close", b"internal error", 1011),)
    assert "could not be recorded" in bench.trouble[0]


def following(work: Callable[[Transaction], tuple[Frame, ...]]) -> tuple[Bench, Talk[tuple[Frame, ...]]]:
    """A WebSocket that follows its world, and what it does with news."""

    def look() -> Step:
        return Step(lambda tx: (work(tx), ()), "WEBSOCKET /live")

    bench = Bench(Shop(Talk((), lambda frame: Step(lambda tx: ((), ()), "WEBSOCKET /live"), look)))
    reply = bench.engine.handle(ASKED).reply
    assert reply is not None
    assert isinstance(reply.stream, Talk)
    return bench, reply.stream


def test_a_socket_that_follows_its_world_is_asked_only_after_something_has_happened() -> None:
    asked = []

    def work(tx: Transaction) -> tuple[Frame, ...]:
        asked.append(tx.seq)
        return ()

    bench, talk = following(work)
    assert talk.look is not None
    assert [talk.look() for _ in range(3)] == [(), (), ()]
    bench.engine.handle(ASKED)
    talk.look()
    talk.look()
    assert asked == [2, 3]
    assert [entry.protocol for entry in bench.entries()] == ["http", "http"]  # who only looks leaves nothing behind


def test_what_it_says_and_changes_is_a_call_with_an_entry() -> None:
    def work(tx: Transaction) -> tuple[Frame, ...]:
        if tx.get("shop", "thing", "t1") is not None:
            return ()
        tx.put("shop", "thing", "t1", {"id": "t1"})
        return (Frame("text", b"t1 is new"),)

    bench, talk = following(work)
    assert talk.look is not None
    assert [talk.look() for _ in range(3)] == [(Frame("text", b"t1 is new"),), (), ()]
    first, entry = bench.entries()
    assert (entry.protocol, entry.target, entry.cause) == ("websocket", "NEWS wss://shop.example/feed", first.id)
    assert entry.reply.body == "t1 is new"
    assert bench.things() == ["t1"]


def test_work_that_was_put_off_is_news_once_its_time_has_come() -> None:
    bench, talk = following(lambda tx: (Frame("text", str(tx.now() - START).encode()),))
    assert talk.look is not None
    with bench.store.world("main").transaction() as tx:
        tx.set_clock(ClockSettings(start=START, run="frozen"))
        tx.schedule(START + 5_000, "shop", "ring", {})
    assert len(talk.look()) == 1
    assert talk.look() == ()
    with bench.store.world("main").transaction() as tx:
        tx.travel(START + 5_000)
    assert len(talk.look()) == 1


def test_a_look_that_fails_ends_the_talk_and_changes_nothing() -> None:
    def work(tx: Transaction) -> tuple[Frame, ...]:
        tx.put("shop", "thing", "t1", {"id": "t1"})
        raise ValueError("a bug")

    bench, talk = following(work)
    assert talk.look is not None
    assert talk.look() == (Frame("close", b"internal error", 1011),)
    assert bench.entries()[-1].verdict == "deny"
    assert bench.things() == []


def test_a_world_that_is_gone_ends_the_talk() -> None:
    bench, talk = following(lambda tx: ())
    assert talk.look is not None
    bench.store.delete("main", record=None)
    assert talk.look() == (Frame("close", b"internal error", 1011),)
