"""A world made aside: its past has times of its own, and all of it is taken over, or nothing."""

import pytest

from childproof.errors import StoreError
from childproof.world import ClockSettings, Store, versions, worldfile
from childproof.world.staging import Stage

START = 1_767_603_600_000
FROZEN = ClockSettings(START, "frozen")


def test_times_of_the_past_and_the_order_of_making_stay(store: Store) -> None:
    """Entities are listed as they were made, each at its own time."""
    with Stage(7, START) as stage:
        for number, at in enumerate((START - 5_000, START - 3_000)):
            with stage.moment(at) as tx:
                tx.put("s", "thing", f"thing_{9 - number}", {"at": tx.now()})
        world = store.plant(stage, "made", seed=7, clock=FROZEN, labels={"kind": "x"})
    with world.view() as view:
        assert view.items("s", "thing", newest_first=False) == [
            ("thing_9", {"at": START - 5_000}), ("thing_8", {"at": START - 3_000})
        ]  # fmt: skip
        assert view.now() == START
    assert (world.seq, world.seed, world.clock) == (0, 7, FROZEN)
    assert store.branch("made").labels == {"kind": "x"}


def test_only_the_last_state_is_taken_over(store: Store) -> None:
    """The stage's own history stays behind: what was deleted is gone, what was changed is as it was left."""
    with Stage(0, START) as stage:
        with stage.moment(START) as tx:
            tx.put("s", "thing", "a", {"n": 1})
            tx.put("s", "thing", "b", {"n": 1})
        with stage.moment(START) as tx:
            tx.put("s", "thing", "a", {"n": 2})
            tx.delete("s", "thing", "b")
        store.plant(stage, "made")
    assert store.export("made")["state"] == {"s": {"thing": {"a": {"n": 2}}}}


def test_what_is_left_out_is_left_out(store: Store) -> None:
    """Services that the maker names stay behind."""
    with Stage(0, START, without={"_queue"}) as stage:
        with stage.moment(START) as tx:
            tx.put("_queue", "x", "1", {})
            tx.put("s", "thing", "a", {})
        store.plant(stage, "made")
    assert list(store.export("made")["state"]) == ["s"]


def test_jobs_are_taken_over_and_numbered_through(store: Store) -> None:
    """A job of the past and one of the world's own call have different ids."""
    with Stage(0, START) as stage:
        for _ in range(2):
            with stage.moment(START) as tx:
                tx.schedule(START + 1_000, "s", "later", {})
        world = store.plant(stage, "made", clock=ClockSettings(START, "step"))
    with world.transaction() as tx:
        assert tx.schedule(START + 1_000, "s", "later", {}) == "job_1_1"
        assert [job.id for job in tx.due(START + 1_000)] == ["job_0_1", "job_0_2", "job_1_1"]


def test_randomness_is_another_at_each_use_and_repeatable() -> None:
    """Many entities are made in one moment: each needs values of its own."""
    drawn = []
    for _ in range(2):
        with Stage(7, START) as stage, stage.moment(START) as tx:
            drawn.append([tx.random("name").random() for _ in range(5)])
    assert drawn[0] == drawn[1]
    assert len(set(drawn[0])) == 5


def test_a_name_that_is_taken_changes_nothing(store: Store) -> None:
    """Refused as a whole; the world that has the name keeps what it has."""
    store.create("made")
    with Stage(0, START) as stage:
        with stage.moment(START) as tx:
            tx.put("s", "thing", "a", {})
        with pytest.raises(StoreError, match="has a world 'made' already"):
            store.plant(stage, "made")
    assert store.export("made")["state"] == {}


def test_more_of_a_kind_than_a_world_can_begin_with_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The places of a world's beginning are counted; past the last one nothing is made."""
    monkeypatch.setattr(versions, "PLACES", 2)
    with Stage(0, START) as stage:
        with stage.moment(START) as tx:
            for number in range(5):
                tx.put("s", "thing", str(number), {})
        with pytest.raises(StoreError, match="more than 4 of one kind"):
            store.plant(stage, "made")
    assert store.names() == []


def test_a_clock_that_has_not_begun_goes_through_a_file(store: Store) -> None:
    """Exported before its first call and imported, a seeded world's time still begins with that call."""
    with Stage(0, START) as stage:
        store.plant(stage, "made", clock=ClockSettings(START, "real"))
    text = "\n".join(worldfile.write(store.export("made")))
    assert "wall" not in text
    again = store.load(worldfile.read(text, "made.yaml"), "again")
    with again.transaction() as tx:
        assert tx.now() == START
