"""What stubs put off happens once the world's clock has passed it: before the next call, with an entry of its own."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from childproof.model import Effect, Reply
from childproof.world import MOST, ClockSettings, Transaction

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


def test_due_work_is_done_before_the_next_call_with_entries_of_its_own() -> None:
    """A job is a call of its world: numbered, timed and told of like any other, and it knows what asked for it."""
    bench = Bench(STUB, stub=Slow())
    asked = [bench.engine.handle(POST) for _ in range(2)]
    assert [entry.effects for entry in bench.entries()] == [(), ()]
    bench.store.world("main").set_clock(ClockSettings(START + 7_200_000, "frozen"))
    bench.engine.handle(POST)
    first, second, *jobs, call = bench.entries()
    assert [(job.protocol, job.method, job.target, job.seq) for job in jobs] == [
        ("clock", "JOB", "job shop remind", 4), ("clock", "JOB", "job shop remind", 5)
    ]  # fmt: skip
    assert [job.effects for job in jobs] == [(Effect("shop", "remind", "1"),), (Effect("shop", "remind", "2"),)]
    assert [change.kind for job in jobs for change in job.changes] == ["reminder", "reminder"]
    assert [job.cause for job in jobs] == [outcome.call_id for outcome in asked]
    assert [job.trace for job in jobs] == [first.trace, second.trace]
    assert (call.protocol, call.seq, call.effects, call.changes, call.cause) == ("http", 6, (), (), None)
    assert len({first.trace, second.trace, call.trace}) == 3
    bench.engine.handle(POST)
    assert len(bench.entries()) == 6


def test_what_a_job_puts_off_is_caused_by_the_job_and_stays_in_its_trace() -> None:
    class Again(Slow):
        def answer(self, call: Any, tx: Transaction) -> Answer:
            tx.schedule(tx.now(), "shop", "remind", {"left": 2})
            return Answer(Reply(200))

        def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
            if payload["left"]:
                tx.schedule(tx.now(), "shop", "remind", {"left": payload["left"] - 1})
            return ()

    bench = Bench(STUB, stub=Again())
    bench.engine.handle(POST)
    bench.engine.handle(POST)
    call, *jobs, _ = bench.entries()
    assert [job.cause for job in jobs] == [call.id, jobs[0].id, jobs[1].id]
    assert {job.trace for job in jobs} == {call.trace}
    assert [entry.id for entry in bench.ledger.caused_by(jobs[0].id)] == [jobs[1].id]


@pytest.mark.parametrize("how", ["raises", "tells what can't be recorded"])
def test_due_work_that_fails_is_undone_and_told_and_stands_in_no_calls_way(how: str) -> None:
    class Broken(Slow):
        def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
            tx.put("shop", "reminder", "half", {})
            if how == "raises":
                raise RuntimeError("oh")
            return (Effect("shop", job, "x", {"now": object()}),)

    bench = Bench(STUB, stub=Broken())
    bench.engine.handle(POST)
    bench.store.world("main").set_clock(ClockSettings(START + 7_200_000, "frozen"))
    assert bench.engine.handle(POST).reply == Reply(200)
    _, job, _ = bench.entries()
    assert [effect.type for effect in job.effects] == ["job.failed"]
    assert job.error is not None
    assert job.changes == ()
    bench.engine.handle(POST)
    assert len(bench.entries()) == 4


def test_work_without_end_doesnt_keep_a_call_waiting_for_ever() -> None:
    class Endless(Slow):
        def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
            tx.schedule(tx.now(), "shop", "remind", payload)
            return ()

    bench = Bench(STUB, stub=Endless())
    bench.engine.handle(POST)
    bench.store.world("main").set_clock(ClockSettings(START + 7_200_000, "frozen"))
    assert bench.engine.handle(POST).reply == Reply(200)
    assert len(bench.entries()) == 2 + MOST
