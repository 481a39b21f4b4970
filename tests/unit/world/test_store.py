"""Opening files, naming worlds, forking them; and what is said when a file can't be used."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from childproof.errors import InputError, StoreError
from childproof.world import ClockSettings, Store, World


def put(world: World, name: str, value: int) -> int:
    with world.transaction() as tx:
        tx.put("s", "k", name, {"value": value})
        return tx.seq


def value(world: World, name: str) -> int | None:
    with world.view() as now:
        found = now.get("s", "k", name)
        return None if found is None else found["value"]


class TestWorlds:
    def test_a_world_keeps_its_state_and_goes_on_counting_after_the_file_was_closed(self, path, wall):
        with Store.open(path, wall=wall) as store:
            put(store.create("main", seed=3), "a", 1)
        with Store.open(path, wall=wall) as store:
            world = store.world("main")
            assert (world.seed, world.seq, value(world, "a")) == (3, 1, 1)
            assert put(world, "a", 2) == 2

    def test_an_unknown_world_is_refused_with_the_names_there_are(self, store):
        store.create("alpha")
        store.create("beta")
        with pytest.raises(StoreError, match=r"no world 'gamma'; it has: alpha, beta"):
            store.world("gamma")

    def test_a_taken_name_is_refused(self, store, world):
        with pytest.raises(StoreError, match="has a world 'main' already"):
            store.create("main")

    def test_ensure_makes_a_world_once_and_keeps_its_seed(self, store):
        assert store.ensure("main", seed=5).seed == 5
        assert store.ensure("main", seed=6).seed == 5
        assert store.names() == ["main"]

    @pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "a b", "-x", "../x", "a\nb", "x" * 101])
    def test_what_is_no_name_is_refused_with_one_to_write_instead(self, store, name):
        with pytest.raises(InputError) as caught:
            store.create(name)
        assert caught.value.faults[0].write
        assert store.names() == []

    @pytest.mark.parametrize("name", ["main", "checkout/try-3", "a.b_c", "0"])
    def test_paths_are_names(self, store, name):
        assert store.create(name).name == name

    def test_the_same_world_is_one_object_so_that_two_holders_agree_on_the_next_call(self, store, world):
        other = store.world("main")
        assert put(world, "a", 1) == 1
        assert put(other, "a", 2) == 2
        assert put(world, "a", 3) == 3


class TestForks:
    def test_a_fork_has_everything_and_then_goes_its_own_way(self, store, world):
        put(world, "a", 1)
        fork = store.fork("main", "try")
        put(world, "a", 2)
        put(fork, "b", 3)
        assert (value(world, "a"), value(world, "b")) == (2, None)
        assert (value(fork, "a"), value(fork, "b")) == (1, 3)

    def test_a_fork_can_start_at_any_past_call(self, store, world):
        for number in range(1, 6):
            put(world, "a", number)
        for at in range(6):
            fork = store.fork("main", f"at-{at}", at=at)
            assert (fork.seq, value(fork, "a")) == (at, at or None)

    def test_a_call_that_has_not_happened_is_refused(self, store, world):
        put(world, "a", 1)
        with pytest.raises(StoreError, match="has no call 2; its last one is 1"):
            store.fork("main", "try", at=2)
        with pytest.raises(StoreError, match="has no call -1"):
            store.fork("main", "try", at=-1)
        assert store.names() == ["main"]

    def test_a_fork_of_a_fork_before_the_first_fork_reads_the_first_world(self, store, world):
        for number in (1, 2, 3):
            put(world, "a", number)
        put(store.fork("main", "one"), "a", 4)
        early = store.fork("one", "two", at=2)
        late = store.fork("one", "three", at=4)
        assert (value(early, "a"), value(late, "a")) == (2, 4)

    def test_forking_writes_one_row_however_large_the_world_is(self, store, world):
        with world.transaction() as tx:
            for number in range(2000):
                tx.put("s", "k", f"id{number}", {"value": number})
        before = store.connection.total_changes
        store.fork("main", "try")
        assert store.connection.total_changes - before == 1

    def test_a_long_chain_of_unchanged_forks_stays_as_short_to_read_as_one(self, store, world):
        put(world, "a", 1)
        name = "main"
        for number in range(300):
            store.fork(name, f"f{number}")
            name = f"f{number}"
        assert len(store.world(name).head().lineage) == 2

    def test_a_lineage_of_hundreds_of_changed_forks_is_still_read_rightly(self, store, world):
        put(world, "a", 0)
        name = "main"
        for number in range(1, 260):
            fork = store.fork(name, f"f{number}")
            put(fork, f"x{number}", number)
            name = f"f{number}"
        fork = store.world(name)
        with fork.view() as now:
            assert now.count("s", "k") == 260
            assert [item["value"] for item in now.list("s", "k", limit=3)] == [259, 258, 257]
            assert [item["value"] for item in now.list("s", "k", newest_first=False, limit=3)] == [0, 1, 2]

    def test_a_view_reads_any_past_call(self, store, world):
        for number in (1, 2, 3):
            put(world, "a", number)
        with world.view(at=2) as past:
            assert past.get("s", "k", "a") == {"value": 2}
        with pytest.raises(StoreError, match="no call 9"), world.view(at=9):
            pass


class TestFilesThatCannotBeUsed:
    def test_a_file_of_an_unknown_format_is_refused_and_left_alone(self, path, wall):
        Store.open(path, wall=wall).close()
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version = 99")
        with pytest.raises(StoreError, match=r"childproof\.db has format 99, this childproof reads format 3"):
            Store.open(path, wall=wall)
        with sqlite3.connect(path) as other:
            assert other.execute("PRAGMA user_version").fetchone() == (99,)

    def test_another_programs_database_is_refused_and_left_alone(self, path, wall):
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE bookmarks(url)")
        with pytest.raises(StoreError, match="another program's database"):
            Store.open(path, wall=wall)
        with sqlite3.connect(path) as other:
            assert other.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]

    def test_what_is_no_database_is_refused_and_left_alone(self, path, wall):
        path.write_bytes(b"rules:\n  - name: stripe\n" * 100)
        with pytest.raises(StoreError, match=r"childproof\.db is not a childproof database.*--db"):
            Store.open(path, wall=wall)
        assert path.read_bytes().startswith(b"rules:")

    def test_a_missing_folder_is_named(self, tmp_path, wall):
        with pytest.raises(StoreError, match=r"nowhere/x\.db can't be opened; check that its folder exists"):
            Store.open(tmp_path / "nowhere" / "x.db", wall=wall)
        with pytest.raises(StoreError, match="is a folder; name a file in it"):
            Store.open(tmp_path, wall=wall)

    def test_a_file_that_another_process_keeps_locked_is_an_error_and_not_a_hang(self, path, wall):
        store = Store.open(path, wall=wall)
        world = store.create("main")
        store.connection.execute("PRAGMA busy_timeout = 10")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"childproof\.db is locked by another process; wait"), world.transaction():
            pass
        other.execute("ROLLBACK")
        other.close()
        assert put(world, "a", 1) == 1
        store.close()

    def test_a_new_file_that_another_process_is_just_making_is_waited_for(self, path, wall):
        """SQLite waits for a write, but not to turn its mode."""
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
            other.execute("BEGIN IMMEDIATE")
            done = threading.Timer(0.1, other.execute, ["ROLLBACK"])
            done.start()
            with Store.open(path, wall=wall) as store:
                assert put(store.create("main"), "a", 1) == 1
            done.join()

    def test_a_full_disk_undoes_the_call_and_the_store_goes_on_when_there_is_room(self, path, wall):
        store = Store.open(path, wall=wall)
        world = store.create("main")
        put(world, "a", 1)
        pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
        store.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(StoreError, match="the disk is full; free some space"), world.transaction() as tx:
            tx.put("s", "k", "a", {"value": 2})
            for number in range(50):
                tx.put("s", "k", f"big{number}", {"text": "x" * 5000})
        assert (world.seq, value(world, "a"), value(world, "big0")) == (1, 1, None)
        store.connection.execute("PRAGMA max_page_count = 1000000")
        assert put(world, "a", 3) == 2
        store.close()


class TestReadOnly:
    def test_a_missing_file_is_not_made(self, path, wall):
        with pytest.raises(StoreError, match="no such file"):
            Store.open(path, wall=wall, readonly=True)
        assert not path.exists()

    def test_it_reads_what_a_writer_commits_meanwhile(self, path, wall):
        with Store.open(path, wall=wall) as writer:
            world = writer.create("main")
            with Store.open(path, wall=wall, readonly=True) as reader:
                same = reader.world("main")
                for number in (1, 2, 3):
                    put(world, "a", number)
                    assert (same.seq, value(same, "a")) == (number, number)

    def test_it_reads_a_file_that_nobody_has_open(self, path, wall):
        with Store.open(path, wall=wall) as writer:
            put(writer.create("main"), "a", 1)
        with Store.open(path, wall=wall, readonly=True) as reader:
            assert value(reader.world("main"), "a") == 1

    def test_it_reads_where_it_may_write_nothing(self, path, wall):
        """Run as root, permissions don't hold; then this is only a second reading."""
        with Store.open(path, wall=wall) as writer:
            put(writer.create("main"), "a", 1)
        path.chmod(0o444)
        path.parent.chmod(0o555)
        try:
            with Store.open(path, wall=wall, readonly=True) as reader:
                assert value(reader.world("main"), "a") == 1
        finally:
            path.parent.chmod(0o755)

    def test_it_changes_nothing(self, path, wall):
        Store.open(path, wall=wall).close()
        with Store.open(path, wall=wall, readonly=True) as reader:
            with pytest.raises(StoreError, match="open for reading only"):
                reader.create("main")
            with pytest.raises(sqlite3.OperationalError):
                reader.connection.execute("CREATE TABLE x(y)")

    def test_an_empty_file_is_refused(self, path: Path, wall):
        path.write_bytes(b"")
        with pytest.raises(StoreError, match="is empty"):
            Store.open(path, wall=wall, readonly=True)


def test_two_stores_of_one_file_take_turns_and_see_each_others_calls(path, wall):
    """As two processes would: neither reuses the other's call numbers, kinds or worlds."""
    with Store.open(path, wall=wall) as one, Store.open(path, wall=wall) as two:
        first = one.create("main", clock=ClockSettings(start=0, run="frozen"))
        second = two.world("main")
        for number in range(1, 11):
            writer = first if number % 2 else second
            with writer.transaction() as tx:
                assert tx.seq == number
                tx.put("s", f"kind{number % 3}", f"id{number}", {"value": number})
        second.set_clock(ClockSettings(start=500, run="frozen"))
        with first.transaction() as tx:
            assert (tx.seq, tx.now()) == (12, 500)
            assert tx.get("s", "kind1", "id10") == {"value": 10}
        two.fork("main", "try")
        assert one.world("try").seq == 12
