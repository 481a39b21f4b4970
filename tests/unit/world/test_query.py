"""Lists by conditions and orders: whatever way an answer is found, it is the same one."""

import random
from typing import Any

import pytest

from childproof.world import World, roll, where
from childproof.world.query import Order, Query, Term

DAYS = [f"2026-{month:02}-{day:02}T08:00:00Z" for month in range(1, 7) for day in range(1, 28)]


def fill(world: World, count: int, seed: int = 1, first: int = 0) -> None:
    """Things with fields of every kind, some of them missing."""
    dice = random.Random(seed)
    with world.transaction() as tx:
        for number in range(first, first + count):
            value: dict[str, Any] = {
                "id": f"t{number}", "n": dice.randrange(20), "price": dice.choice([1, 2.5, 7, None]), "at": dice.choice(DAYS),
                "tags": dice.sample(["a", "b", "c"], dice.randrange(3)), "deep": {"er": dice.choice("xyz")},
                "open": dice.random() < 0.5, "born": number,
            }  # fmt: skip
            if dice.random() < 0.1:
                del value["deep"]
            tx.put("s", "k", value["id"], value)


QUERIES = {
    "everything": Query(),
    "oldest first": Query(newest_first=False),
    "equal": Query((Term("n", "eq", 3),)),
    "a flag": Query((Term("open", "eq", True),), newest_first=False),
    "missing": Query((Term("deep.er", "eq", None),)),
    "has a tag": Query((Term("tags", "has", "b"),)),
    "not": Query((Term("tags", "ne", "b"), Term("n", "ne", 1))),
    "among": Query((Term("n", "in", (1, 5, 7)),), (Order("n"),)),
    "a range": Query((Term("n", "gte", 3), Term("n", "lt", 9))),
    "an empty range": Query((Term("n", "gt", 9), Term("n", "lt", 3))),
    "of another kind": Query((Term("n", "gt", "x"),)),
    "of moments": Query((Term("at", "gte", "2026-02-01"), Term("at", "lte", "2026-04-01T10:00:00+02:00"))),
    "the same moment": Query((Term("at", "eq", "2026-02-02T09:00:00+01:00"),)),
    "nested": Query((Term("deep.er", "eq", "x"), Term("open", "eq", False)), (Order("price", descending=True),)),
    "text": Query((Term("id", "contains", "1"), Term("deep.er", "starts", "X"))),
    "sorted": Query((), (Order("price"),)),
    "sorted down": Query((), (Order("price", descending=True),)),
    "by two": Query((Term("open", "eq", True),), (Order("n"), Order("deep.er", descending=True))),
    "by a nested one": Query((Term("n", "lt", 15),), (Order("deep.er"),)),
    "in order of creation by a range": Query((Term("born", "gte", 40), Term("born", "lte", 300))),
}


def pages(tx: Any, query: Query, size: int) -> list[str]:
    seen: list[str] = []
    after = None
    while page := [entity for entity, _ in tx.select("s", "k", query, after=after, limit=size)]:
        seen += page
        after = page[-1]
    return seen


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_large_collections_answers_are_those_of_reading_it_all(
    world: World, query: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The roll and the scan agree: whole, by pages, by offsets, backwards, in number; before and after changes."""
    fill(world, 400)
    for last in (0, 1):
        if last:  # what was counted on changes: new ones, others, fewer
            fill(world, 60, seed=2, first=370)
            with world.transaction() as tx:
                for number in range(0, 200, 7):
                    tx.delete("s", "k", f"t{number}")
        with world.view() as now:
            expected = [entity for entity, _ in now.select("s", "k", query)]
            assert now.total("s", "k", query) == len(expected)
        monkeypatch.setattr(where, "SCAN_LIMIT", 10)
        for _ in range(2):  # the first list wants the roll, the second has it
            with world.transaction() as tx:
                tx.total("s", "k", query)
                assert [entity for entity, _ in tx.select("s", "k", query, limit=1000)] == expected
        with world.transaction() as tx:
            assert pages(tx, query, 7) == expected
            assert tx.total("s", "k", query) == len(expected)
            for skip in (0, 3, 50, 1000):
                assert [e for e, _ in tx.select("s", "k", query, skip=skip, limit=5)] == expected[skip : skip + 5]
            if len(expected) > 9:
                assert [e for e, _ in tx.select("s", "k", query, before=expected[8], limit=3)] == expected[5:8]
                between = tx.select("s", "k", query, after=expected[2], before=expected[7])
                assert [e for e, _ in between] == expected[3:7]
        monkeypatch.setattr(where, "SCAN_LIMIT", 512)


def test_a_cursor_holds_its_place_when_its_entity_goes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paging on after a deleted entity loses and repeats nothing, in any order."""
    monkeypatch.setattr(where, "SCAN_LIMIT", 10)
    fill(world, 100)
    query = Query((), (Order("price", descending=True),))
    with world.transaction() as tx:
        listed = [entity for entity, _ in tx.select("s", "k", query)]
    with world.transaction() as tx:
        tx.delete("s", "k", listed[9])
        assert [entity for entity, _ in tx.select("s", "k", query, after=listed[9], limit=5)] == listed[10:15]
    with world.transaction() as tx:
        assert [entity for entity, _ in tx.select("s", "k", query, after=listed[9], limit=5)] == listed[10:15]


def test_a_roll_knows_so_many_fields_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lists ask for may be made up. A field that was forgotten is learned again, with what came meanwhile."""
    monkeypatch.setattr(where, "SCAN_LIMIT", 10)
    monkeypatch.setattr(roll, "_COLUMNS", 5)
    sizes: list[int] = []
    learn = roll.Roll.learn
    monkeypatch.setattr(
        roll.Roll, "learn", lambda self, *given: (learn(self, *given), sizes.append(len(self._columns)))[0]
    )
    fill(world, 50)
    query = Query((Term("n", "lt", 10), Term("open", "eq", True)), (Order("price"), Order("born")))

    def listed() -> list[str]:
        with world.transaction() as tx:
            return [entity for entity, _ in tx.select("s", "k", query)]

    before = [listed() for _ in range(2)][1]
    for number in range(20):
        with world.transaction() as tx:
            tx.select("s", "k", Query((Term(f"deep.made{number}", "ne", 1),)))
    with world.transaction() as tx:
        tx.put("s", "k", "new", {"id": "new", "n": 1, "open": True, "price": None, "born": 1000})
    assert [listed() for _ in range(2)] == [[*before, "new"]] * 2
    assert 1 < max(sizes) <= 5


def test_what_the_call_itself_writes_is_in_its_lists(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A roll is what the last call left; the call that goes on from there sees its own changes, too."""
    monkeypatch.setattr(where, "SCAN_LIMIT", 10)
    fill(world, 50)
    query = Query((Term("n", "eq", 99), Term("open", "ne", None)))
    for _ in range(2):
        with world.transaction() as tx:
            assert tx.select("s", "k", query) == []
    with world.transaction() as tx:
        tx.put("s", "k", "mine", {"id": "mine", "n": 99, "open": True})
        assert [entity for entity, _ in tx.select("s", "k", query)] == ["mine"]
    with world.transaction() as tx:
        assert [entity for entity, _ in tx.select("s", "k", query)] == ["mine"]


def test_what_is_undone_is_in_no_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a call that failed nor a world that is taken back leaves anything in a roll."""
    monkeypatch.setattr(where, "SCAN_LIMIT", 10)
    fill(world, 50)
    query = Query((), (Order("n"),))
    for _ in range(2):
        with world.transaction() as tx:
            before = tx.select("s", "k", query, limit=100)
    with pytest.raises(ZeroDivisionError), world.transaction() as tx:
        tx.put("s", "k", "never", {"id": "never", "n": 0})
        1 / 0  # noqa: B018 - the failure
    for _ in range(2):
        with world.transaction() as tx:
            assert tx.select("s", "k", query, limit=100) == before


def test_a_fork_and_its_origin_list_what_is_theirs(store: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rolls belong to a world: what one changes, the other's lists don't have."""
    monkeypatch.setattr(where, "SCAN_LIMIT", 10)
    fill(world, 50)
    query = Query((), (Order("n", descending=True),))
    for _ in range(2):
        with world.transaction() as tx:
            before = [entity for entity, _ in tx.select("s", "k", query)]
    fork = store.fork("main", "try")
    with fork.transaction() as tx:
        tx.put("s", "k", "theirs", {"id": "theirs", "n": 1000})
    for _ in range(2):
        with fork.transaction() as tx:
            assert [entity for entity, _ in tx.select("s", "k", query)] == ["theirs", *before]
        with world.transaction() as tx:
            assert [entity for entity, _ in tx.select("s", "k", query)] == before


def test_an_unknown_cursor_is_told(world: World) -> None:
    """A cursor that never was is no place to go on from."""
    fill(world, 3)
    with world.view() as now, pytest.raises(LookupError):
        now.select("s", "k", Query((), (Order("n"),)), after="nobody")
