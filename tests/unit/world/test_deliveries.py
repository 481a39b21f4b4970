"""Webhooks as state of the world: queued with the call, due by the world's clock, forked and undone with it."""

from collections.abc import Iterator

import pytest

from childproof.model import replace
from childproof.world import ClockSettings, Delivery, Store, World, deliveries

START = 1_767_603_600_000


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(":memory:", wall=lambda: START) as store:
        yield store


@pytest.fixture
def world(store: Store) -> World:
    return store.create("main", clock=ClockSettings(START, "frozen"))


def queue(world: World, count: int = 1) -> list[Delivery]:
    with world.transaction() as tx:
        return [deliveries.queue(tx, "crm", f"http://localhost/{n}", "deal.won", "{}") for n in range(count)]


def due(world: World, *taken: str, most: int = 1000) -> list[str]:
    with world.view() as view:
        return [one.id for one in deliveries.due(world, view, taken, most)]


def test_the_due_are_those_whose_time_has_come_in_the_order_in_which_they_were_queued(world: World) -> None:
    """Also the eleventh after the second; without those that are taken; so many and no more."""
    made = queue(world, 11)
    assert due(world) == [one.id for one in made]
    assert due(world, "delivery_1", most=2) == ["delivery_2", "delivery_3"]
    with world.transaction() as tx:
        for one in made[:10]:
            deliveries.keep(tx, replace(one, due=None))
        deliveries.keep(tx, replace(made[10], due=START + 1))
    assert due(world) == []
    world.set_clock(ClockSettings(START + 1, "frozen"))
    assert due(world) == ["delivery_11"]


def test_what_is_undone_was_never_queued(world: World) -> None:
    """With its number."""
    with pytest.raises(RuntimeError), world.transaction() as tx:
        deliveries.queue(tx, "crm", "http://localhost/", "deal.won", "{}")
        raise RuntimeError
    assert due(world) == []
    assert [one.id for one in queue(world)] == ["delivery_1"]


def test_a_fork_has_what_waits_and_goes_its_own_way(store: Store, world: World) -> None:
    """At a past call, too."""
    queue(world)
    queue(world)
    store.fork("main", "then", at=1)
    store.fork("main", "now")
    assert (due(store.world("then")), due(store.world("now"))) == (["delivery_1"], ["delivery_1", "delivery_2"])
    with world.transaction() as tx:
        found = deliveries.find(tx, "delivery_1")
        assert found is not None
        deliveries.keep(tx, replace(found, state="delivered", due=None))
    assert (due(world), due(store.world("now"))) == (["delivery_2"], ["delivery_1", "delivery_2"])


def test_another_process_sees_what_was_queued_and_what_was_sent(tmp_path) -> None:
    """The times that are remembered are forgotten when somebody else has written."""
    path = tmp_path / "box.db"
    with Store.open(path, wall=lambda: START) as one, Store.open(path, wall=lambda: START) as other:
        mine, theirs = one.create("main", clock=ClockSettings(START, "frozen")), other
        assert due(mine) == due(theirs.world("main")) == []
        [made] = queue(mine)
        assert due(theirs.world("main")) == ["delivery_1"]
        with theirs.world("main").transaction() as tx:
            deliveries.keep(tx, replace(made, due=None))
        assert due(mine) == []


def test_who_waits_for_it_is_told_once_it_is_stored(store: Store, world: World) -> None:
    """And not of what is undone."""
    told: list[str] = []
    store.when_stirred(told.append)
    with world.transaction() as tx:
        deliveries.queue(tx, "crm", "http://localhost/", "deal.won", "{}")
        assert told == []
    assert told == ["main"]
    with pytest.raises(RuntimeError), world.transaction() as tx:
        deliveries.queue(tx, "crm", "http://localhost/", "deal.won", "{}")
        raise RuntimeError
    assert told == ["main"]
