"""Two worlds compared: exactly what differs, whatever their lineages; and as a patch that makes one the other."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from childproof.model import Change
from childproof.world import Store, differences, json_patch, pointer


def put(store: Store, world: str, thing: str, value: dict[str, Any] | None) -> None:
    with store.world(world).transaction() as tx:
        if value is None:
            tx.delete("s", "thing", thing)
        else:
            tx.put("s", "thing", thing, value)
        tx.counter("s", "calls")


def found(store: Store, a: str, b: str) -> dict[str, tuple[Any, Any]]:
    return {change.id: (change.before, change.after) for change in store.compare(a, b).changes}


def state(store: Store, world: str) -> dict[str, Any]:
    with store.world(world).view() as view:
        return {"s": {"thing": dict(view.items("s", "thing"))}}


def apply(document: dict[str, Any], patch: list[dict[str, Any]]) -> dict[str, Any]:
    """RFC 6902, add, remove and replace; strict about what must be there."""
    document = copy.deepcopy(document)
    for operation in patch:
        *above, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        node: Any = document
        for part in above:
            node = node[int(part)] if isinstance(node, list) else node[part]
        key: Any = int(last) if isinstance(node, list) else last
        if operation["op"] == "add":
            assert key not in node
            node[key] = operation["value"]
        elif operation["op"] == "replace":
            node[key] = operation["value"]
        else:
            del node[key]
    return document


def test_siblings_differ_by_what_each_did_since_they_parted(store):
    store.create("main")
    for thing in "abc":
        put(store, "main", thing, {"n": 0})
    for name in ("one", "two"):
        store.fork("main", name)
    put(store, "one", "a", {"n": 1})
    put(store, "two", "a", {"n": 2})
    put(store, "two", "b", None)
    put(store, "two", "d", {"n": 4})
    assert found(store, "one", "two") == {"a": ({"n": 1}, {"n": 2}), "b": ({"n": 0}, None), "d": (None, {"n": 4})}
    assert found(store, "two", "one") == {"a": ({"n": 2}, {"n": 1}), "b": (None, {"n": 0}), "d": ({"n": 4}, None)}
    compared = store.compare("one", "two")
    assert (compared.ancestor, compared.base) == ("main", 3)


def test_a_parent_that_went_on_differs_from_its_fork_in_what_both_did(store):
    store.create("main")
    put(store, "main", "a", {"n": 0})
    put(store, "main", "b", {"n": 0})
    store.fork("main", "past", at=1)
    store.fork("past", "later")
    put(store, "later", "c", {"n": 1})
    assert found(store, "main", "later") == {"b": ({"n": 0}, None), "c": (None, {"n": 1})}
    assert (store.compare("main", "later").ancestor, store.compare("main", "later").base) == ("main", 1)
    assert found(store, "later", "main") == {"b": (None, {"n": 0}), "c": ({"n": 1}, None)}


def test_what_came_to_the_same_is_no_difference(store):
    store.create("main")
    put(store, "main", "a", {"n": 0, "m": 1})
    store.fork("main", "one")
    put(store, "one", "a", {"n": 9})
    put(store, "one", "a", {"m": 1, "n": 0})
    put(store, "one", "b", {"n": 0})
    put(store, "one", "b", None)
    assert found(store, "main", "one") == {}


@pytest.mark.parametrize(("old", "new"), [(1, True), (1, 1.0), ([1], [True]), ({"x": 0}, {"x": False})])
def test_json_tells_apart_what_python_takes_for_equal(store, old, new):
    store.create("main")
    put(store, "main", "a", {"n": old})
    store.fork("main", "one")
    put(store, "one", "a", {"n": new})
    (change,) = store.compare("main", "one").changes
    assert len(differences(change.before, change.after)) == 1


def test_worlds_without_a_common_past_are_compared_as_they_are(store):
    for name, value in (("one", 1), ("two", 2)):
        store.create(name)
        put(store, name, "a", {"n": value})
        put(store, name, "same", {"n": 0})
    assert found(store, "one", "two") == {"a": ({"n": 1}, {"n": 2})}
    assert store.compare("one", "two").ancestor is None


def test_a_common_past_that_was_reset_away_still_counts(store):
    store.create("main")
    put(store, "main", "a", {"n": 1})
    for name in ("one", "two"):
        store.fork("main", name)
    put(store, "one", "b", {"n": 1})
    store.reset("main", record=None)
    assert found(store, "one", "two") == {"b": ({"n": 1}, None)}
    assert found(store, "main", "two") == {"a": (None, {"n": 1})}


def test_pointers_escape(store):
    assert pointer(["a/b", "c~d", 0, ""]) == "/a~1b/c~0d/0/"
    change = Change("s", "k", "i", {"metadata": {"a.b": 1}}, {"metadata": {"a.b": 2}})
    assert list(json_patch([change])) == [{"op": "replace", "path": "/s/k/i/metadata/a.b", "value": 2}]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-1, 1) | st.sampled_from(["", "a", "~/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c/d", "~", "e.f"]), inner),
    max_leaves=8,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["main", "one", "two"]),
        st.sampled_from(["x", "y", "a/b"]),
        st.none() | st.dictionaries(st.sampled_from(["a", "b", "c"]), JSON, max_size=3),
    ),
    max_size=12,
)


@given(STEPS, STEPS)
def test_the_patch_makes_the_one_world_the_other(before, after):
    with Store.open(":memory:", wall=lambda: 0) as store:
        store.create("main")
        for _, thing, value in before:
            put(store, "main", thing, value)
        for name in ("one", "two"):
            store.fork("main", name)
        for step in after:
            put(store, *step)
        for a in ("main", "one", "two"):
            for b in ("main", "one", "two"):
                patch = list(json_patch(store.compare(a, b).changes))
                made, wanted = apply(state(store, a), patch), state(store, b)
                assert repr(differences(made, wanted)) == "[]"
                assert made == wanted
