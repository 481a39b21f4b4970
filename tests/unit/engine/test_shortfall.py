"""What can't be recorded is denied, counted, said once, and told at the end; and it is over when it is over."""

import json
import sqlite3
from pathlib import Path

import pytest

from childproof.engine import Missing
from childproof.model import Action, Call, Protocol, Upstream, replace
from childproof.policy import Rule
from childproof.world import Store, schema
from tests.unit.engine.test_engine import POST, STUB, Bench


def no_room(bench: Bench) -> None:
    """As a full disk: the file may not grow, and what is free in it is used up."""
    connection = bench.store.connection
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")


def room(bench: Bench) -> None:
    bench.store.connection.execute("PRAGMA max_page_count = 100000")


@pytest.fixture
def full(tmp_path: Path) -> Bench:
    bench = Bench(STUB, path=str(tmp_path / "world.db"))
    no_room(bench)
    while "recorded" not in "".join(bench.trouble):
        bench.engine.handle(POST)
    return bench


def test_a_full_disk_denies_with_who_must_act_and_without_an_id_that_another_call_will_get(full: Bench) -> None:
    outcome = full.engine.handle(POST)
    assert outcome.reply is not None
    error = json.loads(outcome.reply.body)["error"]
    assert "the disk is full; free some space" in error["reason"]
    assert "whoever runs childproof must act" in error["hint"]
    assert error["call"] == outcome.call_id == "call_unrecorded"


def test_it_is_counted_and_said_once_for_each_cause(full: Bench) -> None:
    before = full.engine.missing("main").calls
    for _ in range(30):
        full.engine.handle(POST)
    assert full.engine.missing("main") == Missing(calls=before + 30)
    assert full.engine.missing("other") == Missing()
    assert len([line for line in full.trouble if "recorded" in line]) == 1


def test_nothing_is_half_and_calls_go_on_when_there_is_room(full: Bench) -> None:
    missing = full.engine.missing("main").calls
    room(full)
    outcome = full.engine.handle(POST)
    assert outcome.reply is not None
    assert outcome.reply.status == 200
    words = "was" if missing == 1 else "were"
    assert full.trouble[-1] == f"calls are recorded again; {missing} {words} denied without a record"
    made = [entry for entry in full.entries() if entry.verdict == "stub"]
    assert [entry.seq for entry in full.entries()] == list(range(1, len(full.entries()) + 1))
    assert len(full.things()) == len(made) == sum(len(entry.changes) for entry in full.entries())
    assert full.store.check() == full.ledger.check() == []


def test_an_allowed_call_whose_end_can_not_be_recorded_is_told_of(tmp_path: Path) -> None:
    rule = Rule("out", Action.ALLOW)
    bench = Bench(rule, path=str(tmp_path / "world.db"))
    outcome = bench.engine.handle(Call(Protocol.HTTP, "docs.example", 443, method="GET", scheme="https", path="/"))
    assert outcome.forward is not None
    bench.store.close()
    bench.engine.settle(outcome, Upstream(connections=1, bytes_out=10), None)
    assert bench.engine.missing("main") == Missing(ends=1)
    assert "what became of allowed calls can't be recorded" in bench.trouble[-1]


def test_a_file_that_stays_locked_is_waited_for_once_and_not_by_every_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call would wait behind the one before; the patience is back with the lock."""
    monkeypatch.setattr(schema, "BUSY_MS", 300)
    bench = Bench(STUB, path=str(tmp_path / "world.db"))

    def patience() -> int:
        found: int = bench.store.connection.execute("PRAGMA busy_timeout").fetchone()[0]
        return found

    other = sqlite3.connect(tmp_path / "world.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    outcome = bench.engine.handle(POST)
    assert outcome.reply is not None
    assert "is locked by another process" in json.loads(outcome.reply.body)["error"]["reason"]
    assert patience() == 100
    other.execute("ROLLBACK")
    assert bench.engine.handle(POST).verdict.action is Action.STUB
    assert patience() == 300
    other.close()


def test_a_world_that_was_deleted_and_made_anew_is_used_again(tmp_path: Path) -> None:
    """Meanwhile calls are denied, in words that name none of the other worlds."""
    bench = Bench(STUB, path=str(tmp_path / "world.db"))
    bench.engine.handle(POST)
    bench.store.create("secret")
    bench.store.delete("main", record=bench.ledger)
    for _ in range(2):
        reason = bench.engine.handle(POST).verdict.reason
        assert "the world main is gone" in reason
        assert "secret" not in reason
    bench.store.ensure("main")
    assert bench.engine.handle(POST).verdict.action is Action.STUB
    assert bench.engine.missing("main") == Missing(calls=2)


def test_the_first_call_to_a_world_that_was_made_anew_is_answered(tmp_path: Path) -> None:
    """Another process deleted it and made one of its name between two calls: nobody is denied."""
    bench = Bench(STUB, path=str(tmp_path / "world.db"))
    bench.engine.handle(POST)
    with Store.open(tmp_path / "world.db", wall=lambda: 0) as other:
        other.create("else")  # so that the new one is no row of the old one's number
        other.delete("main", record=None)
        other.create("main")
    assert bench.engine.handle(POST).verdict.action is Action.STUB
    assert bench.engine.missing("main") == Missing()


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        (Missing(), ""),
        (Missing(1), "1 call denied without a record"),
        (
            Missing(1200, 1),
            "1,200 calls denied without a record · 1 allowed call without a record of what left this machine",
        ),
    ],
)
def test_what_is_missing_in_words(missing: Missing, words: str) -> None:
    assert str(missing) == words
    assert bool(missing) == bool(words)


def test_a_sandbox_that_outlives_its_world_is_counted_and_says_nothing_of_the_store() -> None:
    """Others' calls go on and nothing has to be mended, so a server isn't unready for it; it is said once."""
    bench = Bench(STUB)
    bench.engine.enter("box", "main")
    theirs = replace(POST, sandbox="box")
    assert bench.engine.handle(theirs).call_id != "call_unrecorded"
    bench.store.delete("main", record=bench.ledger)
    bench.store.create("main")
    for _ in range(2):
        outcome = bench.engine.handle(theirs)
        assert (outcome.call_id, outcome.verdict.action) == ("call_unrecorded", Action.DENY)
        assert bench.engine.handle(POST).call_id != "call_unrecorded"
    assert (bench.engine.missing().calls, bench.engine.failed()) == (2, 0)
    assert len(bench.trouble) == 1, bench.trouble
    assert "somebody deleted it, and another one has its name" in bench.trouble[0]
