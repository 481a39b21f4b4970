"""What stubs put off happens once the world's clock has passed it: before the next call, and in its entry."""

from dataclasses import dataclass, field
from typing import Any

from childproof.model import Effect, Reply
from childproof.world import ClockSettings, Transaction

from .test_engine import POST, START, STUB, Answer, Bench, Shop


@dataclass
class Slow(Shop):
    """Puts a reminder off by an hour at each call."""

    done: list[str] = field(default_factory=list)

    def answer(self, call: Any, tx: Transaction) -> Answer:
        tx.schedule(tx.now() + 3_600_000, "shop", "remind", {"at": tx.seq})
        return Answer(Reply(200))

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        tx.put("shop", "reminder", str(payload["at"]), payload)
        return (Effect("shop", job, str(payload["at"])),)


def test_due_work_is_done_before_the_next_call_and_told_in_its_entry() -> None:
    bench = Bench(STUB, stub=Slow())
    bench.engine.handle(POST)
    bench.engine.handle(POST)
    assert [entry.effects for entry in bench.entries()] == [(), ()]
    bench.store.world("main").set_clock(ClockSettings(START + 7_200_000, "frozen"))
    bench.engine.handle(POST)
    last = bench.entries()[-1]
    assert [(effect.type, effect.id) for effect in last.effects] == [("remind", "1"), ("remind", "2")]
    assert [change.kind for change in last.changes] == ["reminder", "reminder"]
    bench.engine.handle(POST)
    assert bench.entries()[-1].effects == ()


def test_due_work_that_fails_is_told_and_stands_in_no_calls_way() -> None:
    class Broken(Slow):
        def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
            raise RuntimeError("oh")

    bench = Bench(STUB, stub=Broken())
    bench.engine.handle(POST)
    bench.store.world("main").set_clock(ClockSettings(START + 7_200_000, "frozen"))
    assert bench.engine.handle(POST).reply == Reply(200)
    assert [effect.type for effect in bench.entries()[-1].effects] == ["job.failed"]
    bench.engine.handle(POST)
    assert bench.entries()[-1].effects == ()
