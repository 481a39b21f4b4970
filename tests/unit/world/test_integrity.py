"""Checking and compacting a file: every damage is named, and nothing that a branch can read is touched."""

from pathlib import Path

import pytest

from childproof.errors import StoreError
from childproof.ledger import Ledger
from childproof.world import Store

from .test_lineage import call, things


@pytest.fixture
def tree(path: Path, wall):
    """A world with a past that only a fork needs, a fork of that, and one from a file."""
    with Store.open(path, wall=wall) as store:
        ledger = Ledger(store.connection, lock=store.lock)
        store.create("main")
        for number in range(50):
            call(store, ledger, "main", f"t{number}", number)
        store.fork("main", "try", at=30)
        call(store, ledger, "try", "t0", 99)
        store.fork("try", "try/again")
        store.load(store.export("try/again", since_parent=True), "copy")
        store.load(store.export("try"), "whole")
        store.reset("main", record=ledger)
        yield store, ledger


def seen(store: Store, ledger: Ledger) -> dict[str, object]:
    return {name: (things(store, name), [e.id for e in ledger.entries(world=name)]) for name in store.names()}


def test_a_sound_file_has_no_findings_and_compacting_changes_nothing_that_can_be_read(tree):
    store, ledger = tree
    before = seen(store, ledger)
    assert (store.check(), ledger.check()) == ([], [])
    store.compact(record=ledger)
    assert seen(store, ledger) == before
    assert (store.check(), ledger.check()) == ([], [])
    call(store, ledger, "try/again", "new", 1)
    assert things(store, "try/again")["new"] == 1


def test_space_is_given_back_beside_another_process(tree, path, wall):
    store, ledger = tree
    with Store.open(path, wall=wall) as other:
        open_world = other.world("try")
        store.create("big")
        for number in range(50):
            with store.world("big").transaction() as tx:
                tx.put("s", "thing", str(number), {"text": "x" * 20_000})
        store.delete("big", record=ledger)
        done = store.compact(record=ledger)
        assert done.after < done.before / 2
        assert path.stat().st_size == done.after
        with open_world.transaction() as tx:
            assert tx.get("s", "thing", "t0") == {"id": "t0", "value": 99}


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("UPDATE world SET parent = 99 WHERE name = 'try/again'", "world try/again has lost its parent"),
        (
            "UPDATE world SET base = 77 WHERE name = 'try/again'",
            "was forked after call 77, of which its parent has none",
        ),
        ("DELETE FROM step WHERE seq = 31", "world try holds something of call 31, which was never made"),
        ("UPDATE version SET value = '{' WHERE id = 't3'", "entities are no JSON"),
        ("INSERT INTO step VALUES (99, 1, 0)", "1 rows of step belong to no world"),
        (
            "DELETE FROM version WHERE world = (SELECT id FROM world WHERE name = 'whole')",
            "world whole has lost its clock",
        ),
    ],
)
def test_damage_is_named_and_left_alone(tree, damage, words):
    store, ledger = tree
    store.connection.execute(damage)
    assert any(words in finding for finding in store.check())
    with pytest.raises(StoreError, match="isn't sound, and was left alone"):
        store.compact(record=ledger)


def test_a_record_without_its_call_is_found(tree):
    store, ledger = tree
    store.connection.execute("UPDATE entry SET seq = 500 WHERE seq = 31")
    store.connection.execute("INSERT INTO settlement(entry, data) VALUES (12345, '{}')")
    assert ledger.check() == [
        "1 entries of the ledger belong to no call of a world",
        "1 settlements of the ledger belong to no entry",
    ]
