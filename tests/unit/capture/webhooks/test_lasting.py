"""Deliveries through what happens meanwhile: unsubscribing, forks, other processes, deletion, a long backlog."""

import asyncio

import pytest

from childproof.capture.webhooks import deliverer as delivering_side
from childproof.engine.deliveries import Attempt, Deliveries
from childproof.errors import StoreError
from childproof.world import ClockSettings

from .conftest import Bench, listening, settled


def test_what_is_unsubscribed_meanwhile_is_not_sent(bench: Bench) -> None:
    """The entry says why."""
    hook = bench.subscribe("http://localhost:9/")
    bench.contact()
    with bench.parts.store.world("main").transaction() as tx:
        tx.delete("acme-crm", "webhook", hook)

    async def run() -> None:
        async with bench.delivering():
            await bench.until(settled)

    asyncio.run(run())
    [one] = bench.queued()
    assert (one.state, one.attempts, one.last["reason"]) == ("canceled", 0, "what asked for it is gone")


def test_an_attempt_whose_outcome_is_not_stored_is_made_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At least once: a kill between the two looks just like this."""
    monkeypatch.setattr(delivering_side, "PAUSE", 0.01)
    real, failures = Deliveries.made, []

    def made(self: Deliveries, *args: object) -> None:
        if not failures:
            failures.append(1)
            raise StoreError("the disk is full")
        real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Deliveries, "made", made)

    async def run() -> None:
        async with listening() as listener, bench.delivering():
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(settled)
            assert len(listener.heard) == 2

    asyncio.run(run())
    assert len(bench.attempts()) == 1


def test_an_attempt_that_another_process_has_made_counts_once(bench: Bench) -> None:
    """Both sent it; one recorded it."""
    bench.subscribe("http://localhost:9/")
    bench.contact()
    handed_out = bench.parts.engine.deliveries()
    [one] = bench.queued()
    first, second = handed_out.prepared("main", one.id), handed_out.prepared("main", one.id)
    assert first is not None
    assert second is not None
    handed_out.made(first, Attempt("here", None, "no reply"), 0)
    handed_out.made(second, Attempt("here", None, "no reply"), 0)
    assert (len(bench.attempts()), bench.queued()[0].attempts) == (1, 1)


def test_a_fork_carries_what_waits(bench: Bench) -> None:
    """And each world sends its own."""
    bench.subscribe("http://localhost:9/")
    bench.contact()
    bench.parts.store.fork("main", "other")
    handed_out = bench.parts.engine.deliveries()
    assert [one.id for one in handed_out.due("other")] == [one.id for one in handed_out.due("main")] == ["delivery_1"]


def test_a_world_that_is_deleted_and_made_again_is_served_again(bench: Bench) -> None:
    """Without a word: its calls tell of it."""

    async def run() -> None:
        async with listening() as listener, bench.delivering():
            bench.parts.store.delete("main", record=bench.parts.ledger)
            await asyncio.sleep(delivering_side.LOOK_SECONDS * 1.5)
            bench.parts.store.create("main", clock=ClockSettings(1_767_603_600_000, "frozen"))
            bench.subscribe(f"http://localhost:{listener.port}/")
            bench.contact()
            await bench.until(settled)
            assert listener.types == ["contact.created"]

    asyncio.run(run())


def test_a_long_backlog_is_worked_off_in_its_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many at a time as stand in line, none left out and none twice."""
    monkeypatch.setattr(delivering_side, "MOST", 4)

    async def run() -> None:
        async with listening() as listener:
            bench.subscribe(f"http://localhost:{listener.port}/")
            for number in range(20):
                bench.contact(number)
            async with bench.delivering():
                await bench.until(settled)
            emails = [body["data"]["object"]["email"] for _, body, _ in listener.heard]
            assert emails == [f"{number}@b.example" for number in range(20)]

    asyncio.run(run())
