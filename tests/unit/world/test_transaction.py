"""What one call sees and leaves behind."""

import threading
import time

import pytest

from childproof.errors import StoreError
from childproof.model import Change
from childproof.world import Store, World


def get(world, name="a"):
    with world.view() as now:
        return now.get("s", "k", name)


def test_an_exception_undoes_the_call_and_its_number(world):
    with pytest.raises(ZeroDivisionError), world.transaction() as tx:
        tx.put("s", "k", "a", {"value": 1})
        tx.counter("s", "n")
        raise ZeroDivisionError
    assert (world.seq, get(world)) == (0, None)
    with world.transaction() as tx:
        assert (tx.seq, tx.counter("s", "n")) == (1, 1)


def test_a_kind_first_seen_in_an_undone_call_can_be_stored_later(world):
    for kind in ("one", "two"):
        with pytest.raises(ZeroDivisionError), world.transaction() as tx:
            tx.put("s", kind, "a", {})
            raise ZeroDivisionError
    with world.transaction() as tx:
        tx.put("s", "two", "a", {"of": "two"})
        tx.put("s", "one", "a", {"of": "one"})
    with world.view() as now:
        assert (now.get("s", "one", "a"), now.get("s", "two", "a")) == ({"of": "one"}, {"of": "two"})


def test_values_are_copies_in_both_directions(world):
    value = {"list": [1]}
    with world.transaction() as tx:
        tx.put("s", "k", "a", value)
        value["list"].append(2)
        tx.get("s", "k", "a")["list"].append(3)
        assert tx.get("s", "k", "a") == {"list": [1]}
        assert tx.changes[0].after == {"list": [1]}
    assert get(world) == {"list": [1]}


def test_what_a_call_wrote_it_reads(world):
    with world.transaction() as tx:
        tx.put("s", "k", "a", {"value": 1})
        tx.put("s", "k", "b", {"value": 2})
        tx.delete("s", "k", "a")
        assert tx.get("s", "k", "a") is None
        assert tx.list("s", "k") == [{"value": 2}]
        assert tx.count("s", "k") == 1


def test_deleting_what_is_not_there_does_nothing(world):
    with world.transaction() as tx:
        tx.delete("s", "k", "a")
        tx.put("s", "k", "b", {})
        tx.delete("s", "k", "a")
        assert [change.id for change in tx.changes] == ["b"]


def test_changes_are_net_in_order_of_first_touch_and_leave_internals_out(world):
    with world.transaction() as tx:
        tx.put("s", "k", "kept", {"v": 1})
        tx.put("s", "k", "gone", {"v": 1})
        tx.put("s", "k", "same", {"v": 1})
    with world.transaction() as tx:
        tx.put("s", "other", "new", {"v": 1})
        tx.put("s", "k", "kept", {"v": 2})
        tx.put("s", "k", "kept", {"v": 3})
        tx.put("s", "k", "same", {"v": 2})
        tx.put("s", "k", "same", {"v": 1})
        tx.delete("s", "k", "gone")
        tx.put("s", "k", "brief", {})
        tx.delete("s", "k", "brief")
        tx.put("_limits", "window", "w", {"calls": 1})
        tx.counter("s", "n")
        assert tx.changes == (
            Change("s", "other", "new", None, {"v": 1}),
            Change("s", "k", "kept", {"v": 1}, {"v": 3}),
            Change("s", "k", "gone", {"v": 1}, None),
        )
        assert [(one.kind, one.id, one.before and bytes(one.before)) for one in tx.written] == [
            ("other", "new", None),
            ("k", "kept", b'{"v":1}'),
            ("k", "gone", b'{"v":1}'),
        ]


def test_what_stays_is_known_where_it_was_stored_and_nowhere_else(store, world):
    """A world remembers an entity once a call has stored it: not one that was undone, not for a branch without it."""
    store.fork("main", "before")
    with pytest.raises(ZeroDivisionError), world.transaction() as tx:
        assert not tx.keeps("s", "k", "a")
        tx.put("s", "k", "a", {})
        assert tx.keeps("s", "k", "a")
        raise ZeroDivisionError
    for stored in (False, True, True):
        with world.transaction() as tx:
            assert tx.keeps("s", "k", "a") is stored
            tx.put("s", "k", "a", {})
    with store.world("before").transaction() as tx:
        assert not tx.keeps("s", "k", "a")
    store.fork("main", "after")
    with store.world("after").transaction() as tx:
        assert tx.keeps("s", "k", "a")
    store.reset("main", record=None)
    with world.transaction() as tx:
        assert not tx.keeps("s", "k", "a")


def test_nothing_is_ever_overwritten(store, world):
    for number in range(5):
        with world.transaction() as tx:
            tx.put("s", "k", "a", {"value": number})
    for number in range(5):
        with world.view(at=number + 1) as past:
            assert past.get("s", "k", "a") == {"value": number}


def test_a_put_without_a_difference_stores_nothing(store, world):
    with world.transaction() as tx:
        tx.put("s", "k", "a", {"value": 1})
    rows = "SELECT count(*) FROM version"
    before = store.connection.execute(rows).fetchone()
    with world.transaction() as tx:
        tx.put("s", "k", "a", {"value": 1})
    assert store.connection.execute(rows).fetchone() == before


class TestSavepoints:
    def test_a_refusal_undoes_its_block_and_nothing_else(self, world):
        with world.transaction() as tx:
            tx.put("s", "k", "before", {"v": 1})
            with pytest.raises(ZeroDivisionError), tx.savepoint():
                tx.put("s", "k", "before", {"v": 2})
                tx.put("s", "k", "within", {})
                tx.schedule(5, "s", "job", {})
                raise ZeroDivisionError
            tx.put("s", "k", "after", {})
            assert [change.id for change in tx.changes] == ["before", "after"]
        assert (get(world, "before"), get(world, "within"), get(world, "after")) == ({"v": 1}, None, {})
        with world.transaction() as tx:
            assert tx.due(10) == []

    def test_without_a_refusal_the_block_stays(self, world):
        with world.transaction() as tx, tx.savepoint():
            tx.put("s", "k", "a", {"v": 1})
        assert get(world) == {"v": 1}

    def test_they_nest(self, world):
        with world.transaction() as tx:
            with tx.savepoint():
                tx.put("s", "k", "outer", {})
                with pytest.raises(ZeroDivisionError), tx.savepoint():
                    tx.put("s", "k", "inner", {})
                    tx.delete("s", "k", "outer")
                    raise ZeroDivisionError
            assert [change.id for change in tx.changes] == ["outer"]

    def test_the_order_of_creation_has_no_trace_of_what_was_undone(self, store):
        lists = []
        for name, refused in (("one", True), ("two", False)):
            world = store.create(name)
            with world.transaction() as tx:
                tx.put("s", "k", "a", {"id": "a"})
                if refused:
                    with pytest.raises(ZeroDivisionError), tx.savepoint():
                        tx.put("s", "k", "x", {"id": "x"})
                        raise ZeroDivisionError
                tx.put("s", "k", "b", {"id": "b"})
                lists.append(tx.list("s", "k"))
        assert lists[0] == lists[1]


def test_calls_do_not_nest_and_the_outer_one_goes_on(world):
    with world.transaction() as tx:
        with pytest.raises(RuntimeError, match="calls don't nest"), world.transaction():
            pass
        tx.put("s", "k", "a", {"v": 1})
    assert get(world) == {"v": 1}


def test_a_finished_transaction_takes_no_changes(world):
    with world.transaction() as tx:
        pass
    with pytest.raises(RuntimeError, match="over"):
        tx.put("s", "k", "a", {})


def test_what_json_cannot_say_is_refused_before_anything_is_stored(world):
    with pytest.raises(TypeError), world.transaction() as tx:
        tx.put("s", "k", "a", {"v": object()})
    assert world.seq == 0


@pytest.mark.parametrize("value", [{"v": "x\0y"}, {"v": "snowman ☃ 𝄞"}, {"v": 2**60, "w": 0.1, "n": None, "t": True}])
def test_values_come_back_as_they_were(world, value):
    with world.transaction() as tx:
        tx.put("s", "k", "odd \0 'id\"", value)
    with world.view() as now:
        assert now.get("s", "k", "odd \0 'id\"") == value


def test_counters_of_different_names_are_apart_and_stay_with_a_fork(store: Store, world):
    with world.transaction() as tx:
        assert [tx.counter("s", "a"), tx.counter("s", "a"), tx.counter("s", "b"), tx.counter("t", "a")] == [1, 2, 1, 1]
    with store.fork("main", "try").transaction() as tx:
        assert tx.counter("s", "a") == 3
    with world.transaction() as tx:
        assert tx.counter("s", "a") == 3


def test_calls_from_many_threads_are_serialised_exactly(path, wall, monkeypatch):
    """Five threads count to 200 together; no number is lost or given twice, however late a call's end is noted."""
    advance = World.advance

    def late(self, *arguments):
        time.sleep(0.0005)
        advance(self, *arguments)

    monkeypatch.setattr(World, "advance", late)
    with Store.open(path, wall=wall) as store:
        worlds = [store.create("one"), store.create("two")]
        seen: list[tuple[str, int]] = []

        def count() -> None:
            for number in range(40):
                world = worlds[number % 2]
                with world.transaction() as tx:
                    seen.append((tx.world, tx.counter("s", "n")))

        threads = [threading.Thread(target=count) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(seen) == [(name, number) for name in ("one", "two") for number in range(1, 101)]


def test_a_world_that_another_process_deleted_is_an_error(path, wall):
    with Store.open(path, wall=wall) as one, Store.open(path, wall=wall) as two:
        world = one.create("main")
        two.connection.execute("DELETE FROM world")
        with pytest.raises(StoreError, match="the world main is gone"), world.transaction():
            pass
