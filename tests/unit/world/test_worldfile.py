"""World files: what is imported is the world that was exported, to the byte, and goes on as it would have."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from childproof.documents import parse_yaml
from childproof.errors import InputError, StoreError
from childproof.world import ClockSettings, Store, Transaction, World, worldfile
from childproof.world.yamltext import to_yaml
from tests.due import run_due

TEXT = st.text() | st.sampled_from(
    ["null", "1e5", "0x1f", "~", "- a", "a: b", " a", "a ", "a\n", "a\n\n", "\na", "a\r\n", "a\n  b", "#", "a #b", "yes",
     "2026-01-05", "=", "<<", "a\tb", "\x85", "\u2028", "\x7f", "\ufeff", "😀", "a\nb\n", "a\n b", "'", '"', "%", "|"]
)  # fmt: skip
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([2**63, 2**64, 10**30])
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, JSON, max_size=5))
@example({"a": [[["b", {}], {"c": [{"d": "e\nf\n"}]}], "x" * 3000]})
@example({"k" * 2000: {"k" * 2000: "a\nb"}, "": [[[]]]})
def test_any_json_is_read_back_as_it_was(value: dict[str, Any]) -> None:
    read = parse_yaml("\n".join(to_yaml(value)) + "\n", "x").value
    assert msgspec.json.encode(read or {}) == msgspec.json.encode(value)  # to the byte: True isn't 1, 1 isn't 1.0


class Bell:
    """Does the scheduled work of the test's service: it shows in the world."""

    def perform(self, job: str, payload: dict[str, Any], tx: Transaction) -> tuple[()]:
        tx.put("s", "rung", f"{tx.counter('s', 'rung')}", {"job": job, "at": tx.now(), **payload})
        return ()


STEP = st.tuples(
    st.sampled_from(["put", "put", "delete", "list", "schedule", "clock", "undo"]),
    st.sampled_from(["x", "y", "z", "a/b"]),
    st.integers(0, 3),
)
STEPS = st.lists(STEP, max_size=14)


def act(world: World, step: tuple[str, str, int]) -> bytes:
    """One call; everything that it could tell its caller."""
    what, thing, number = step
    told: list[Any] = []
    with world.transaction() as tx:
        run_due(tx, lambda _: Bell())
        told += [tx.seq, tx.now(), tx.token("id", 8), tx.random("r").random(), tx.counter("s", "c")]
        match what:
            case "put":
                tx.put("s", "thing", thing, {"n": number, "new": tx.token("new", 4), "text": "a\r\nb"})
            case "delete":
                tx.delete("s", "thing", thing)
            case "schedule":
                told.append(tx.schedule(tx.now() + 1500 * number, "s", "ring", {"n": number}))
            case "clock" if number:
                tx.set_clock(ClockSettings(run=("real", "frozen", "step")[number - 1]))
            case "undo":
                tx.put("s", "thing", thing, {"n": 0})
                tx.delete("s", "thing", thing)
        for newest_first in (True, False):
            told.append(tx.list("s", "thing", newest_first=newest_first))
            try:
                told.append(tx.list("s", "thing", newest_first=newest_first, after=thing))
            except LookupError:
                told.append("no such")
        told += [tx.list("s", "rung"), tx.get("s", "thing", thing), [job.id for job in tx.due(2**50)]]
    return msgspec.json.encode(told)


def through_a_file(values: dict[str, Any]) -> dict[str, Any]:
    return worldfile.read("\n".join(worldfile.write(values)) + "\n", "w.yaml")


CLOCKS = st.sampled_from(
    [ClockSettings(run=run, start=start) for run in ("real", "step", "frozen") for start in (None, 5000)]
)


@given(STEPS, STEPS, STEPS, CLOCKS, st.booleans())
@settings(max_examples=150)
def test_an_imported_world_goes_on_as_the_exported_one(
    before: list[Any],
    between: list[Any],
    after: list[Any],
    clock: ClockSettings,
    only_changes: bool,  # noqa: FBT001
) -> None:
    now = [1_767_614_400_000]

    def wall() -> int:
        return now[0]

    with Store.open(":memory:", wall=wall) as here, Store.open(":memory:", wall=wall) as there:
        shop = here.create("shop", seed=7, clock=clock)
        for step in before:
            now[0] += 700
            act(shop, step)
        here.fork("shop", "try")
        for step in between:
            now[0] += 700
            act(here.world("try"), step)
        if only_changes:
            there.load(through_a_file(here.export("shop")), "shop")
        made = there.load(through_a_file(here.export("try", since_parent=only_changes)), "try")
        assert here.export("try", since_parent=only_changes) == there.export("try", since_parent=only_changes)
        for store in (here, there):
            store.fork("try", "fork")
        for step in after:
            now[0] += 700
            assert act(made, step) == act(here.world("try"), step)
            assert act(there.world("fork"), step) == act(here.world("fork"), step)


@pytest.fixture
def shop(store: Store) -> World:
    made = store.create("shop", seed=3, labels={"agent": "one"})
    with made.transaction() as tx:
        tx.put("s", "thing", "x", {"n": 1})
    return made


def test_a_file_is_short_and_reads_well(store, shop, wall):
    assert list(worldfile.write(store.export("shop")))[1:] == [
        "version: 1",
        "world: shop",
        "seed: 3",
        "calls: 1",
        'time: "2026-01-05T12:00:00.000Z"',
        "metadata:",
        "  agent: one",
        "clock:",
        "  run: real",
        "  step: 1000",
        "  set:",
        "    call: 0",
        '    wall: "2026-01-05T12:00:00.000Z"',
        "state:",
        "  s:",
        "    thing:",
        "      x:",
        "        n: 1",
    ]


def test_reset_takes_an_imported_world_back_to_its_file(store, shop):
    for values in (store.export("shop"), store.export(store.fork("shop", "fork").name, since_parent=True)):
        made = store.load(values, "again")
        with made.transaction() as tx:
            tx.put("s", "thing", "y", {"n": 2})
        store.fork("again", "later")
        store.reset("again", record=None)
        assert made.seq == 1
        with made.view() as view, pytest.raises(StoreError, match="no call 7"):
            assert [value["n"] for value in view.list("s", "thing")] == [1]
            made.check_call(7)
        assert {**store.export("again"), "world": "", "metadata": {}} == {
            **store.export("shop"),
            "world": "",
            "metadata": {},
        }
        store.delete("later", record=None)
        store.delete("again", record=None)


def test_calls_before_an_import_are_not_made_up(store, shop):
    for _ in range(3):
        with shop.transaction() as tx:
            tx.put("s", "thing", "x", {"n": tx.seq})
    for values in (store.export("shop"), {**store.export("shop"), "calls": 9}):
        store.load(values, "again")
        for at in (1, 3):
            with pytest.raises(StoreError, match="those before an import aren't known"):
                store.fork("again", "past", at=at)
        store.delete("again", record=None)


def test_changes_need_the_parent_they_were_made_from(store, shop, wall):
    store.fork("shop", "try")
    with store.world("try").transaction() as tx:
        tx.put("s", "thing", "x", {"n": 2})
    values = store.export("try", since_parent=True)
    with Store.open(":memory:", wall=wall) as other:
        with pytest.raises(StoreError, match="of world shop, which :memory: hasn't got; import that first"):
            other.load(values, "try")
        with other.create("shop", seed=3).transaction() as tx:
            tx.put("s", "thing", "x", {"n": 5})
        with pytest.raises(StoreError, match="isn't the one that this file was made from"):
            other.load(values, "try")
        assert other.names() == ["shop"]
    with pytest.raises(StoreError, match="has no parent"):
        store.export("shop", since_parent=True)


def edited(store: Store, **changes: Any) -> str:
    return json.dumps({**store.export("shop"), **changes}, indent=1)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"version": 2}, "x.yaml:2:2: version 2; expected version: 1; this childproof reads no other"),
        ({"sed": 1}, "unknown key 'sed'; expected one of"),
        ({"calls": -1}, "calls: "),
        ({"calls": 2**50}, "expected a number from 0"),
        ({"time": "2026-13-05T12:00:00.000Z"}, "expected a time like 2026-01-05T09:00:00.000Z"),
        ({"time": "soon"}, "time: 'soon'; expected a time like"),
        ({"world": "../x"}, "expected letters, digits"),
        (
            {"clock": {"run": "fast", "set": {"call": 0, "wall": "2026-01-05T12:00:00.000Z"}}},
            "one of real, frozen, step",
        ),
        ({"state": {"s": {"thing": {"x": 1}}}}, "state.s.thing.x: 1"),
        (
            {"parent": {"world": "a", "call": 0, "sha256": "0" * 64}},
            "expected either `state`, or `parent` and `changes`",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(store, shop, changes, fault):
    with pytest.raises(InputError) as caught:
        worldfile.read(edited(store, **changes), "x.yaml")
    assert fault in str(caught.value)


def test_a_file_without_a_version_and_an_empty_one(store, shop):
    values = store.export("shop")
    del values["version"]
    with pytest.raises(InputError, match="no version; expected version: 1"):
        worldfile.read(json.dumps(values), "x.yaml")
    with pytest.raises(InputError):
        worldfile.read("", "x.yaml")
    with pytest.raises(InputError, match="write: childproof world seed x"):
        worldfile.read("world: shop\npeople: 3\n", "x.yaml")


def test_a_change_to_nothing_is_refused_and_leaves_nothing(store, shop):
    store.fork("shop", "try")
    values = store.export("try", since_parent=True)
    values["changes"] = {"s": {"thing": {"changed": {"nobody": {"n": 1}}}}}
    with pytest.raises(StoreError, match="no thing nobody that could have changed"):
        store.load(values, "again")
    assert store.names() == ["shop", "try"]
