"""Lists: order, cursors, filters, and how much of a world they read."""

import pytest

from childproof.world import where


def fill(world, count, **fields):
    with world.transaction() as tx:
        for number in range(count):
            tx.put("s", "k", f"id{number}", {"id": f"id{number}", "n": number, "parity": number % 2, **fields})


def ids(items):
    return [item["id"] for item in items]


class TestOrder:
    def test_newest_first_or_oldest_first(self, world):
        fill(world, 3)
        with world.view() as now:
            assert ids(now.list("s", "k")) == ["id2", "id1", "id0"]
            assert ids(now.list("s", "k", newest_first=False)) == ["id0", "id1", "id2"]

    def test_an_update_keeps_the_place(self, world):
        fill(world, 3)
        with world.transaction() as tx:
            tx.put("s", "k", "id0", {"id": "id0", "changed": True})
            assert ids(tx.list("s", "k")) == ["id2", "id1", "id0"]
        with world.view() as now:
            assert ids(now.list("s", "k")) == ["id2", "id1", "id0"]

    def test_what_was_deleted_and_made_again_is_the_newest(self, world):
        fill(world, 3)
        with world.transaction() as tx:
            tx.delete("s", "k", "id0")
            tx.put("s", "k", "id0", {"id": "id0"})
            assert ids(tx.list("s", "k")) == ["id0", "id2", "id1"]
        with world.view() as now:
            assert ids(now.list("s", "k")) == ["id0", "id2", "id1"]
        with world.view(at=1) as past:
            assert ids(past.list("s", "k")) == ["id2", "id1", "id0"]

    def test_a_forks_own_entities_follow_the_inherited_ones(self, store, world):
        fill(world, 2)
        fork = store.fork("main", "try")
        with world.transaction() as tx:
            tx.put("s", "k", "mine", {"id": "mine"})
        with fork.transaction() as tx:
            tx.put("s", "k", "theirs", {"id": "theirs"})
            tx.put("s", "k", "id1", {"id": "id1", "changed": True})
            tx.delete("s", "k", "id0")
        with fork.view() as now:
            assert ids(now.list("s", "k")) == ["theirs", "id1"]
        with world.view() as now:
            assert ids(now.list("s", "k")) == ["mine", "id1", "id0"]


class TestCursors:
    def test_pages_forward_cover_everything_once(self, world):
        fill(world, 10)
        seen, after = [], None
        with world.view() as now:
            while page := ids(now.list("s", "k", after=after, limit=3)):
                seen += page
                after = page[-1]
        assert seen == [f"id{number}" for number in reversed(range(10))]

    def test_a_page_before_a_cursor_has_those_nearest_to_it(self, world):
        fill(world, 10)
        with world.view() as now:
            assert ids(now.list("s", "k", before="id5", limit=2)) == ["id7", "id6"]
            assert ids(now.list("s", "k", before="id5", limit=2, newest_first=False)) == ["id3", "id4"]
            assert ids(now.list("s", "k", before="id8")) == ["id9"]

    def test_between_two_cursors(self, world):
        fill(world, 10)
        with world.view() as now:
            assert ids(now.list("s", "k", after="id7", before="id4")) == ["id6", "id5"]

    def test_a_deleted_cursor_still_holds_its_place(self, world):
        fill(world, 5)
        with world.transaction() as tx:
            tx.delete("s", "k", "id2")
        with world.view() as now:
            assert ids(now.list("s", "k", after="id2")) == ["id1", "id0"]

    @pytest.mark.parametrize("kind", ["k", "never-seen"])
    def test_a_cursor_that_never_was_is_an_error(self, world, kind):
        fill(world, 1)
        with world.view() as now, pytest.raises(LookupError, match="nobody"):
            now.list("s", kind, after="nobody")

    def test_a_limit_of_nothing_is_an_empty_list(self, world):
        fill(world, 1)
        with world.view() as now:
            assert now.list("s", "k", limit=0) == []


class TestFilters:
    def test_fields_nested_ones_and_missing_ones(self, world):
        with world.transaction() as tx:
            tx.put("s", "k", "a", {"id": "a", "metadata": {"order": "1"}, "flag": True, "n": 1})
            tx.put("s", "k", "b", {"id": "b", "metadata": None, "flag": False, "n": 0})
            tx.put("s", "k", "c", {"id": "c", "flag": None})
            for where_, found in (
                ({"metadata.order": "1"}, ["a"]),
                ({"metadata.order": None}, ["c", "b"]),
                ({"flag": True}, ["a"]),
                ({"flag": 1}, []),
                ({"n": 1}, ["a"]),
                ({"n": True}, []),
                ({"flag": None}, ["c"]),
                ({"flag": False, "n": 0}, ["b"]),
                ({"id": "a", "n": 0}, []),
            ):
                assert ids(tx.list("s", "k", where=where_)) == found, where_
                assert tx.count("s", "k", where=where_) == len(found)

    def test_an_expensive_filter_gets_an_index_and_finds_the_same(self, store, world, monkeypatch):
        monkeypatch.setattr(where, "SCAN_LIMIT", 20)
        fill(world, 100)
        with world.transaction() as tx:
            scanned = tx.list("s", "k", where={"parity": 1, "n": 71})
        assert {name.split(":")[2] for name in where.known_indexes(store.connection)} == {"parity", "n"}
        with world.transaction() as tx:
            assert tx.list("s", "k", where={"parity": 1, "n": 71}) == scanned
            tx.put("s", "k", "id71", {"id": "id71", "n": -1})
            tx.put("s", "k", "new", {"id": "new", "n": 71})
            assert ids(tx.list("s", "k", where={"n": 71})) == ["new"]
            assert ids(tx.list("s", "k", where={"n": -1})) == ["id71"]
        fork = store.fork("main", "try", at=1)
        with fork.transaction() as tx:
            tx.put("s", "k", "id3", {"id": "id3", "n": 71})
            assert ids(tx.list("s", "k", where={"n": 71})) == ["id71", "id3"]
            assert tx.list("s", "k", where={"n": 1, "parity": 0}) == []
        with fork.view() as now:
            assert ids(now.list("s", "k", where={"n": 71})) == ["id71", "id3"]
            assert ids(now.list("s", "k", where={"n": 71}, newest_first=False)) == ["id3", "id71"]
            assert ids(now.list("s", "k", where={"n": 71}, after="id71")) == ["id3"]

    def test_an_index_made_in_an_undone_call_is_undone_with_it(self, store, world, monkeypatch):
        monkeypatch.setattr(where, "SCAN_LIMIT", 20)
        fill(world, 50)
        with pytest.raises(ZeroDivisionError), world.transaction() as tx:
            tx.list("s", "k", where={"n": -1})
            raise ZeroDivisionError
        with world.transaction() as tx:
            assert ids(tx.list("s", "k", where={"n": 3})) == ["id3"]

    @pytest.mark.parametrize("path", ["a'b", 'a"b', "a b", "x) OR 1=1 --", "", ".", "a..b", "ü"])
    def test_odd_field_names_are_filtered_without_reaching_sql(self, world, monkeypatch, path):
        monkeypatch.setattr(where, "SCAN_LIMIT", 2)
        fill(world, 10)
        for _ in range(2):
            with world.transaction() as tx:
                tx.put("s", "k", "odd", {"id": "odd", path: "x"})
                expected = ["odd"] if "." not in path else []
                assert ids(tx.list("s", "k", where={path: "x"})) == expected


def steps(store, call):
    """How much work SQLite does, in its own units; a measure that doesn't depend on the machine."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    store.connection.set_progress_handler(tick, 10)
    call()
    store.connection.set_progress_handler(None, 0)
    return count


class TestWork:
    def test_a_page_reads_no_more_of_a_large_world_than_of_a_small_one(self, store):
        work = {}
        for count in (50, 5000):
            world = store.create(f"w{count}")
            fill(world, count)
            fork = store.fork(f"w{count}", f"f{count}")
            with fork.view() as now:
                work[count] = [
                    steps(store, lambda now=now: now.list("s", "k", limit=10)),
                    steps(store, lambda now=now: now.list("s", "k", limit=10, after="id30")),
                    steps(store, lambda now=now: now.list("s", "k", limit=10, before="id5")),
                    steps(store, lambda now=now: now.get("s", "k", "id20")),
                ]
        assert all(large <= small + 5 for small, large in zip(work[50], work[5000], strict=True)), work

    def test_an_indexed_filter_reads_what_matches(self, store, world):
        fill(world, 3000)
        with world.transaction() as tx:
            scan = steps(store, lambda: tx.list("s", "k", where={"n": 5}))
        with world.transaction() as tx:
            assert steps(store, lambda: tx.list("s", "k", where={"n": 5})) < scan / 50
