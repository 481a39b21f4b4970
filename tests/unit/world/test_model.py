"""A store against a plain model of what it promises, over random histories with forks, undone calls and cursors."""

import copy

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from childproof.world import Store, where

IDS = st.sampled_from("abcdef")
KINDS = st.sampled_from(["k", "l"])
VALUES = st.fixed_dictionaries({"n": st.integers(0, 3), "m": st.fixed_dictionaries({"t": st.sampled_from("xy")})})
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KINDS, IDS, VALUES),
        st.tuples(st.just("delete"), KINDS, IDS, st.just({})),
        st.tuples(st.just("undone"), KINDS, IDS, VALUES),
    ),
    max_size=6,
)
State = dict[tuple[str, str], dict]  # (kind, id) -> value, in order of creation


class Undone(Exception):
    pass


class StoreMachine(RuleBasedStateMachine):
    """The model: a world is a list of states, one after each call; a fork is a copy of its beginning."""

    @initialize()
    def begin(self):
        self.limit, where.SCAN_LIMIT = where.SCAN_LIMIT, 3
        self.store = Store.open(":memory:", wall=lambda: 0)
        self.store.create("w0")
        self.model: dict[str, list[State]] = {"w0": [{}]}

    def teardown(self):
        where.SCAN_LIMIT = self.limit
        self.store.close()

    def pick(self, data) -> str:
        return data.draw(st.sampled_from(sorted(self.model)))

    @rule(data=st.data(), steps=STEPS, fails=st.booleans())
    def call(self, data, steps, fails):
        name = self.pick(data)
        state = dict(self.model[name][-1])
        before = dict(state)
        try:
            with self.store.world(name).transaction() as tx:
                assert tx.seq == len(self.model[name])
                for verb, kind, entity, value in steps:
                    self.step(tx, state, verb, kind, entity, value)
                    assert tx.get("s", kind, entity) == state.get((kind, entity))
                self.check_lists(tx, state, data)
                net = {(change.kind, change.id): (change.before, change.after) for change in tx.changes}
                keys = {*before, *state}
                assert net == {
                    key: (before.get(key), state.get(key)) for key in keys if before.get(key) != state.get(key)
                }
                if fails:
                    raise Undone
        except Undone:
            return
        self.model[name].append(state)

    def step(self, tx, state, verb, kind, entity, value):
        if verb == "put":
            tx.put("s", kind, entity, copy.deepcopy(value))
            state[kind, entity] = value
        elif verb == "delete":
            tx.delete("s", kind, entity)
            state.pop((kind, entity), None)
        else:
            try:
                with tx.savepoint():
                    tx.put("s", kind, entity, value)
                    tx.delete("s", kind, "a")
                    raise Undone
            except Undone:
                pass

    @precondition(lambda self: len(self.model) < 6)
    @rule(data=st.data())
    def fork(self, data):
        source = self.pick(data)
        at = data.draw(st.integers(0, len(self.model[source]) - 1))
        name = f"w{len(self.model)}"
        self.store.fork(source, name, at=at)
        self.model[name] = self.model[source][: at + 1]

    @rule(data=st.data())
    def look_back(self, data):
        name = self.pick(data)
        at = data.draw(st.integers(0, len(self.model[name]) - 1))
        with self.store.world(name).view(at=at) as past:
            self.check_lists(past, self.model[name][at], data)

    @invariant()
    def every_world_is_as_its_last_call_left_it(self):
        for name, states in getattr(self, "model", {}).items():
            with self.store.world(name).view() as now:
                for kind in ("k", "l"):
                    expected = [value for (of, _), value in states[-1].items() if of == kind]
                    assert now.list("s", kind, newest_first=False) == expected
                    assert now.list("s", kind) == expected[::-1]
                    assert now.count("s", kind) == len(expected)

    def check_lists(self, view, state, data):
        kind = data.draw(KINDS)
        newest = data.draw(st.booleans())
        wanted = data.draw(st.sampled_from([{}, {"n": 1}, {"m.t": "x"}, {"n": 2, "m.t": "y"}]))
        limit = data.draw(st.one_of(st.none(), st.integers(0, 3)))
        entities = [entity for of, entity in state if of == kind]
        after = data.draw(st.one_of(st.none(), st.sampled_from(entities) if entities else st.none()))
        before = data.draw(st.one_of(st.none(), st.sampled_from(entities) if entities else st.none()))
        order = entities[::-1] if newest else entities
        low = 0 if after is None else order.index(after) + 1
        high = len(order) if before is None else order.index(before)
        found = [
            entity
            for entity in order[low:high]
            if all(
                (state[kind, entity]["n"] if path == "n" else state[kind, entity]["m"]["t"]) == value
                for path, value in wanted.items()
            )
        ]
        if limit is not None:
            found = found[len(found) - min(limit, len(found)) :] if before and not after else found[:limit]
        items = view.items("s", kind, where=wanted, newest_first=newest, after=after, before=before, limit=limit)
        assert items == [(entity, state[kind, entity]) for entity in found]


StoreMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestStore = StoreMachine.TestCase
