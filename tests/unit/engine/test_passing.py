"""Time that is let pass: everything that was put off happens in order, each job with its own entry."""

from collections.abc import Callable
from typing import Any

import pytest

from childproof.engine import passing
from childproof.engine.jobs import Jobs
from childproof.engine.passing import Passing
from childproof.engine.recording import Recording
from childproof.errors import ChildproofError
from childproof.ledger import Entry, Ledger
from childproof.model import Effect
from childproof.world import ClockSettings, Store, Transaction, World

NOON = 1_767_614_400_000
HOUR = 3_600_000
DAY = 24 * HOUR


class Service:
    """Does what its jobs say: leave a mark, fail, or come again."""

    def __init__(self, name: str) -> None:
        self.name = name

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[Effect, ...]:
        tx.put(self.name, "mark", str(tx.counter(self.name, "marks")), {"job": job, "at": tx.now()})
        if job == "fail":
            raise RuntimeError("oh")
        if job == "again":
            tx.schedule(tx.now() + payload["every"], self.name, job, payload)
        return (Effect(self.name, job, str(tx.seq)),)


class Bench:
    def __init__(self, clock: ClockSettings) -> None:
        self.now = NOON
        self.store = Store.open(":memory:", wall=lambda: self.now)
        self.ledger = Ledger(self.store.connection, lock=self.store.lock)
        self.world: World = self.store.create("main", seed=1, clock=clock)
        workers: dict[str, Service] = {name: Service(name) for name in ("shop", "mail")}
        recording = Recording(self.ledger, lambda: self.now)
        self.passing = Passing(recording, Jobs(recording, workers.__getitem__), lambda: self.now)

    def schedule(self, *jobs: tuple[int, str, str], **payload: int) -> None:
        with self.world.transaction() as tx:
            for after, service, job in jobs:
                tx.schedule(NOON + after, service, job, payload)

    def entries(self) -> list[Entry]:
        return list(self.ledger.entries(world="main"))

    def jobs(self) -> list[tuple[str | None, str | None, int]]:
        return [(e.stub, e.operation, e.world_at - NOON) for e in self.entries() if e.method == "JOB"]


@pytest.fixture
def make() -> Callable[..., Bench]:
    return lambda run="frozen": Bench(ClockSettings(NOON, run))


@pytest.mark.parametrize("run", ["real", "frozen", "step"])
def test_jobs_of_all_services_run_at_their_time_and_in_order(make, run):
    bench = make(run)
    bench.schedule(
        (2 * DAY, "shop", "renew"), (HOUR, "mail", "remind"), (2 * DAY, "mail", "second"), (31 * DAY, "shop", "late")
    )
    passed = bench.passing.advance(bench.world, 30 * DAY)
    assert bench.jobs() == [("mail", "remind", HOUR), ("shop", "renew", 2 * DAY), ("mail", "second", 2 * DAY)]
    step = 1000 if run == "step" else 0  # the call that scheduled took one
    assert (passed.jobs, passed.failed, passed.now) == (3, 0, NOON + step + 30 * DAY)
    assert [entry.seq for entry in bench.entries()] == [2, 3, 4, 5]
    first, last = bench.entries()[0], bench.entries()[-1]
    assert [change.kind for change in first.changes] == ["mark"]
    assert [effect.type for effect in first.effects] == ["remind"]
    assert (first.protocol, first.target, first.verdict) == ("clock", "job mail remind", "stub")
    assert (last.method, last.changes) == ("ADVANCE", ())
    with bench.world.transaction() as tx:
        assert tx.now() == passed.now


def test_the_clock_goes_on_as_it_went(make):
    bench = make("real")
    bench.passing.advance(bench.world, DAY)
    bench.now += 500
    with bench.world.transaction() as tx:
        assert tx.now() == NOON + DAY + 500
    frozen = make("frozen")
    frozen.passing.advance(frozen.world, DAY)
    frozen.now += 500
    with frozen.world.transaction() as tx:
        assert tx.now() == NOON + DAY


def test_what_a_job_schedules_runs_too_as_far_as_time_goes(make):
    bench = make()
    bench.schedule((HOUR, "shop", "again"), every=DAY)
    assert bench.passing.advance(bench.world, 3 * DAY).jobs == 3
    assert [at for _, _, at in bench.jobs()] == [HOUR, DAY + HOUR, 2 * DAY + HOUR]
    assert bench.passing.advance(bench.world, DAY).jobs == 1


def test_a_job_that_fails_is_undone_and_told_and_the_others_run(make):
    bench = make()
    bench.schedule((1, "shop", "fail"), (2, "nobody", "x"), (3, "shop", "fine"))
    passed = bench.passing.advance(bench.world, DAY)
    assert (passed.jobs, passed.failed) == (3, 2)
    last = [entry.error and entry.error.strip().splitlines()[-1] for entry in bench.entries()]  # of its traceback
    assert list(zip(last, [len(entry.changes) for entry in bench.entries()], strict=True)) == [
        ("RuntimeError: oh", 0),
        ("KeyError: 'nobody'", 0),
        (None, 1),
        (None, 0),
    ]


def test_jobs_without_end_stop_the_clock_with_a_reason(make):
    bench = make()
    bench.schedule((HOUR, "shop", "again"), every=0)
    with pytest.raises(ChildproofError, match="shop again; it seems to schedule itself again and again"):
        bench.passing.advance(bench.world, DAY)
    with bench.world.transaction() as tx:
        assert tx.now() == NOON + HOUR


def test_what_a_call_asks_for_has_its_end(make, monkeypatch):
    """One sandbox's century must not hold up all others; who runs the world may let it pass."""
    monkeypatch.setattr(passing, "MOST_ASKED", 5)
    bench = make()
    bench.schedule((HOUR, "shop", "again"), every=DAY)
    with pytest.raises(ChildproofError, match=r"more than 5 jobs until .* the clock stays at 2026-01-09T13:00:00"):
        bench.passing.advance_to(bench.world, NOON + 100 * DAY)
    assert len(bench.jobs()) == 5
    assert bench.passing.advance_to(bench.world, NOON + 9 * DAY).jobs == 4
    assert bench.passing.advance(bench.world, 91 * DAY).jobs == 91


def test_a_fork_has_the_same_future(make):
    bench = make()
    bench.schedule((HOUR, "shop", "renew"))
    fork = bench.store.fork("main", "try")
    bench.passing.advance(bench.world, DAY)
    assert bench.passing.advance(fork, DAY).jobs == 1
    assert bench.store.compare("main", "try").changes == ()


def test_a_clock_that_is_set_leaves_an_entry_and_runs_nothing(make):
    bench = make()
    bench.schedule((HOUR, "shop", "renew"))
    bench.passing.set(bench.world, ClockSettings(), offset=-DAY)
    bench.now += 5
    with bench.world.transaction() as tx:
        assert tx.now() == NOON - DAY + 5
    assert [(entry.method, entry.seq) for entry in bench.entries()] == [("SET", 2)]


def test_time_does_not_go_back_within_a_call(make):
    with make().world.transaction() as tx, pytest.raises(ValueError, match="doesn't go back"):
        tx.travel(NOON - 1)
