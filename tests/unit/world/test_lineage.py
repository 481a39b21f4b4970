"""Worlds among each other: metadata, reset and delete, and that none sees or loses what is another's."""

import contextlib
import sqlite3
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.errors import StoreError
from childproof.ledger import Entry, Ledger
from childproof.model import Change
from childproof.world import Branch, Store


@pytest.fixture
def ledger(store: Store) -> Ledger:
    return Ledger(store.connection, lock=store.lock)


def call(store: Store, ledger: Ledger | None, world: str, thing: str, value: int) -> None:
    with store.world(world).transaction() as tx:
        tx.put("s", "thing", thing, {"id": thing, "value": value})
        if ledger is not None:
            ledger.append(entry(world, tx.seq, tx.changes))


def entry(world: str, seq: int, changes: tuple[Change, ...]) -> Entry:
    empty: dict[str, object] = dict.fromkeys(Entry.__annotations__, None)
    texts = dict.fromkeys(("sandbox", "protocol", "target", "host", "method", "path", "verdict", "reason"), "")
    numbers = dict.fromkeys(("at", "world_at", "port", "duration_us"), 0)
    given = {
        "id": f"call_{world}_{seq}",
        "world": world,
        "seq": seq,
        "changes": changes,
        "effects": (),
        "settled": True,
    }
    del empty["upstream"]
    return Entry(**{**empty, **texts, **numbers, **given})  # type: ignore[arg-type]


def things(store: Store, world: str) -> dict[str, int]:
    with store.world(world).view() as view:
        return {thing: value["value"] for thing, value in view.items("s", "thing", newest_first=False)}


def rows(store: Store) -> dict[str, int]:
    """How many rows each table holds."""
    tables = [name for (name,) in store.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    counts = {table: store.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    return {
        table: count for table, count in counts.items() if not table.startswith("sqlite_") and table != "collection"
    }


class TestPlaces:
    def test_a_branch_knows_its_parent_and_where_it_left(self, store):
        store.create("main", seed=7, labels={"agent": "one"})
        call(store, None, "main", "a", 1)
        store.fork("main", "checkout/try-1", labels={"why": "a guess"})
        call(store, None, "checkout/try-1", "a", 2)
        assert store.branches() == [
            Branch("checkout/try-1", "main", 1, 2, 7, store.branches()[0].created, {"why": "a guess"}),
            Branch("main", None, 0, 1, 7, store.branches()[1].created, {"agent": "one"}),
        ]

    def test_metadata_changes_and_goes(self, store):
        store.create("main", labels={"a": "1", "b": "2"})
        store.label("main", {"a": "", "b": "3", "c": "4"})
        assert store.branch("main").labels == {"b": "3", "c": "4"}

    def test_a_call_is_found_by_its_time_in_the_inherited_past_too(self, store, wall):
        store.create("main")
        for number in range(3):
            wall.at += 1000
            call(store, None, "main", "a", number)
        store.fork("main", "try", at=2)
        wall.at += 1000
        call(store, None, "try", "a", 9)
        assert [store.call_at("try", wall.at - back) for back in (0, 1, 1500, 2000)] == [3, 2, 2, 2]
        assert store.call_at("try", wall.at - 3000) == 1
        with pytest.raises(StoreError, match="had made no call at that time"):
            store.call_at("try", wall.at - 4000)


class TestReset:
    def test_a_fork_goes_back_to_its_fork_point_and_its_record_with_it(self, store, ledger):
        store.create("main")
        call(store, ledger, "main", "a", 1)
        store.fork("main", "try")
        before = rows(store)
        for number in range(3):
            call(store, ledger, "try", "a", number)
        ledger_before = [entry.id for entry in ledger.entries(world="try")]
        assert store.reset("try", record=ledger) == 3
        assert things(store, "try") == {"a": 1}
        assert store.world("try").seq == 1
        assert [entry.id for entry in ledger.entries(world="try")] == ledger_before[:1]
        assert rows(store) == before

    def test_a_world_that_was_not_forked_is_empty_again_with_its_clock(self, store, ledger):
        world = store.create("main", seed=5)
        call(store, ledger, "main", "a", 1)
        store.reset("main", record=ledger)
        assert things(store, "main") == {}
        assert (world.seq, world.seed) == (0, 5)

    def test_what_follows_is_as_it_was_the_first_time(self, store):
        store.create("main", seed=5)
        seen = []
        for _ in range(2):
            with store.world("main").transaction() as tx:
                seen.append((tx.seq, tx.token("id", 20)))
            store.reset("main", record=None)
        assert seen[0] == seen[1]

    def test_whoever_has_the_world_open_goes_on_from_there(self, path, wall):
        with Store.open(path, wall=wall) as running, Store.open(path, wall=wall) as other:
            world = running.create("main")
            call(running, None, "main", "a", 1)
            other.reset("main", record=None)
            with world.transaction() as tx:
                assert (tx.seq, tx.get("s", "thing", "a")) == (1, None)

    @pytest.mark.parametrize("root", [True, False])
    def test_later_forks_keep_their_past_and_its_record(self, store, ledger, root):
        store.create("main")
        name = "main"
        if not root:
            call(store, ledger, "main", "z", 0)
            store.fork("main", "b")
            name = "b"
        for number in range(1, 4):
            call(store, ledger, name, "a", number)
        first = store.world(name).seq - 2
        store.fork(name, "early", at=first)
        store.fork(name, "late", at=first + 1)
        call(store, ledger, "late", "b", 7)
        past = {one: (things(store, one), [e.id for e in ledger.entries(world=one)]) for one in ("early", "late")}
        store.reset(name, record=ledger)
        assert things(store, name) == ({} if root else {"z": 0})
        assert {one: (things(store, one), [e.id for e in ledger.entries(world=one)]) for one in past} == past
        assert store.names() == sorted({"main", name, "early", "late"})
        call(store, ledger, name, "a", 50)
        assert things(store, "late") == past["late"][0]
        assert store.branch("late").parent == (None if root else "main")

    def test_the_past_goes_with_the_last_world_that_needs_it(self, store, ledger):
        store.create("main")
        empty = rows(store)
        call(store, ledger, "main", "a", 1)
        store.fork("main", "try")
        store.reset("main", record=ledger)
        store.reset("main", record=ledger)
        store.delete("try", record=ledger)
        assert {**rows(store), "world": 1} == {**empty, "world": 1}

    @pytest.mark.parametrize("root", [True, False])
    def test_a_world_goes_back_to_a_call_of_its_own(self, store, ledger, root):
        """What came after is gone with its record, later forks keep it; deleting them leaves nothing of it."""
        store.create("main")
        name = "main"
        if not root:
            call(store, ledger, "main", "z", 0)
            store.fork("main", "b")
            name = "b"
        base = store.world(name).seq
        for number in range(1, 3):
            call(store, ledger, name, "a", number)
        before = rows(store)
        for number in range(3, 6):
            call(store, ledger, name, "a", number)
        store.fork(name, "early", at=base + 1)
        store.fork(name, "late", at=base + 4)
        call(store, ledger, "late", "b", 7)
        past = {one: (things(store, one), [e.id for e in ledger.entries(world=one)]) for one in ("early", "late")}
        assert store.reset(name, at=base + 2, record=ledger) == 3
        assert things(store, name) == {**({} if root else {"z": 0}), "a": 2}
        assert [entry.seq for entry in ledger.entries(world=name)] == list(range(1, base + 3))
        assert {one: (things(store, one), [e.id for e in ledger.entries(world=one)]) for one in past} == past
        assert (store.branch("late").parent, store.branch("late").base) == (name, base + 2)
        call(store, ledger, name, "a", 50)
        assert store.reset(name, at=base + 2, record=ledger) == 1
        assert store.reset(name, at=base + 2, record=ledger) == 0
        for one in past:
            store.delete(one, record=ledger)
        assert rows(store) == before

    def test_what_it_has_not_made_itself_is_no_place_to_go_back_to(self, store, ledger):
        store.create("main")
        call(store, ledger, "main", "a", 1)
        call(store, ledger, "main", "a", 2)
        store.fork("main", "b")
        call(store, ledger, "b", "a", 3)
        for at, words in (
            (1, "goes back to call 2 at most"),
            (0, "at most"),
            (4, "has no call 4"),
            (-1, "has no call"),
        ):
            with pytest.raises(StoreError, match=words):
                store.reset("b", at=at, record=ledger)
        assert things(store, "b") == {"a": 3}


class TestDelete:
    def test_nothing_of_it_is_left(self, store, ledger):
        store.create("main")
        call(store, ledger, "main", "a", 1)
        before = rows(store)
        store.fork("main", "try", labels={"a": "b"})
        call(store, ledger, "try", "a", 2)
        assert store.delete("try", record=ledger) == ["try"]
        assert rows(store) == before
        assert things(store, "main") == {"a": 1}

    def test_a_world_with_children_is_kept_unless_they_go_along(self, store, ledger):
        store.create("other")
        store.create("main")
        call(store, ledger, "main", "a", 1)
        store.fork("main", "try")
        call(store, ledger, "try", "a", 2)
        store.fork("try", "try/again")
        with pytest.raises(StoreError, match=r"2 worlds forked from main .*: try, try/again; .*--with-children"):
            store.delete("main", record=ledger)
        assert things(store, "try/again") == {"a": 2}
        assert store.delete("main", with_children=True, record=ledger) == ["main", "try", "try/again"]
        assert store.names() == ["other"]
        assert list(ledger.entries()) == []

    def test_a_failure_leaves_everything(self, store):
        class Broken:
            def drop(self, branch: int, *, after: int) -> None:
                raise sqlite3.OperationalError("no")

            def hand_over(self, branch: int, to: int, *, after: int) -> None:
                raise AssertionError

        store.create("main")
        call(store, None, "main", "a", 1)
        for work in (store.delete, store.reset):
            with pytest.raises(StoreError):
                work("main", record=Broken())
            assert things(store, "main") == {"a": 1}

    def test_whoever_has_it_open_is_told(self, path, wall):
        with Store.open(path, wall=wall) as running, Store.open(path, wall=wall) as other:
            world = running.create("main")
            other.delete("main", record=None)
            with pytest.raises(StoreError, match="is gone"), world.transaction():
                pass


class TestFormats:
    def test_a_file_of_the_first_format_is_brought_up_to_date_once_it_is_written(self, path, wall):
        with Store.open(path, wall=wall) as store:
            store.create("main")
        with sqlite3.connect(path) as old:
            old.execute("DROP TABLE label")
            old.execute("PRAGMA user_version = 1")
        with Store.open(path, wall=wall, readonly=True) as store:
            assert store.branch("main").labels == {}
        with Store.open(path, wall=wall) as store:
            store.label("main", {"a": "b"})
            assert store.branch("main").labels == {"a": "b"}


Step = tuple[str, int, str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["call", "call", "call", "fork", "fork", "reset", "delete"]),
        st.integers(0, 99) | st.integers(0, 4),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 99),
    ),
    min_size=40,
    max_size=150,
)


@dataclass
class Bench:
    store: Store
    ledger: Ledger
    expected: dict[str, list[dict[str, int]]]
    starts: dict[str, int]


def _call(at: Bench, name: str, place: int, other: str, thing: str) -> None:
    call(at.store, at.ledger, name, thing, place)
    at.expected[name].append({**at.expected[name][-1], thing: place})


def _fork(at: Bench, name: str, place: int, other: str, thing: str) -> None:
    if other not in at.expected:
        base = place % len(at.expected[name])
        at.store.fork(name, other, at=base)
        at.expected[other], at.starts[other] = at.expected[name][: base + 1], base


def _reset(at: Bench, name: str, place: int, other: str, thing: str) -> None:
    to = at.starts[name] + place % (len(at.expected[name]) - at.starts[name])
    at.store.reset(name, at=None if to == at.starts[name] else to, record=at.ledger)
    at.expected[name] = at.expected[name][: to + 1]


def _delete(at: Bench, name: str, place: int, other: str, thing: str) -> None:
    with contextlib.suppress(StoreError):
        for one in at.store.delete(name, record=at.ledger):
            del at.expected[one]


@given(STEPS)
@settings(max_examples=40)
def test_interleaved_calls_in_fifty_worlds_never_see_each_other(steps: list[Step]) -> None:
    with Store.open(":memory:", wall=lambda: 0) as store:
        ledger = Ledger(store.connection, lock=store.lock)
        names = [f"w/{number}" for number in range(100)]
        expected: dict[str, list[dict[str, int]]] = {}  # each world's states, by call
        starts: dict[str, int] = {}
        for name in names[:50]:
            store.create(name)
            expected[name], starts[name] = [{}], 0
        for place, (what, number, thing, other) in enumerate(steps):
            name = names[number]
            if name in expected:
                act = {"call": _call, "fork": _fork, "reset": _reset, "delete": _delete}[what]
                act(Bench(store, ledger, expected, starts), name, place, names[other], thing)
        for name, states in expected.items():
            assert things(store, name) == states[-1]
            assert [e.seq for e in ledger.entries(world=name)] == list(range(1, len(states)))
