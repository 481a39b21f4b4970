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


@pytest.mark.parametrize("run", ["frozen", "step", "real"])
def test_time_that_a_call_lets_pass_has_passed_when_its_reply_goes_out(run: str) -> None:
    """What was put off until then is done first, as much later as its own time is, with an entry for each job."""

    class Patient(Slow):
        def answer(self, call: Any, tx: Transaction) -> Answer:
            if not tx.get("shop", "reminder", "1"):
                tx.schedule(tx.now() + 3_600_000, "shop", "remind", {"at": tx.seq})
                tx.passing = 7_200_000
            return Answer(Reply(200))

    bench = Bench(STUB, stub=Patient())
    bench.store.world("main").set_clock(ClockSettings(START, run))  # type: ignore[arg-type]  # the three words it knows
    bench.engine.handle(POST)
    call, job, clock = bench.entries()
    assert (job.operation, clock.method) == ("remind", "ADVANCE")
    assert job.cause == call.id
    assert (job.world_at - call.world_at, clock.world_at - call.world_at) == (3_600_000, 7_200_000)
    bench.engine.handle(POST)
    assert bench.entries()[-1].world_at >= START + 7_200_000


def test_time_that_cant_pass_as_far_as_asked_is_told_and_the_call_stands() -> None:
    class Endless(Slow):
        def answer(self, call: Any, tx: Transaction) -> Answer:
            tx.schedule(tx.now() + 1000, "shop", "remind", {"at": tx.seq})
            tx.passing = 60_000
            return Answer(Reply(200))

        def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
            tx.schedule(tx.now(), "shop", "remind", payload)
            return ()

    bench = Bench(STUB, stub=Endless())
    bench.store.world("main").set_clock(ClockSettings(START, "frozen"))
    assert bench.engine.handle(POST).reply == Reply(200)
    assert [line for line in bench.trouble if "has not passed as far as was asked" in line]
