"""The same seed and the same calls give the same bytes, whatever lies between."""

import string

from childproof.world import Store
from childproof.world.randomness import ALNUM, token


def draw(world):
    with world.transaction() as tx:
        return (tx.token("id", 14), tx.token("id", 14), tx.token("secret", 24, "ab"), tx.random("fault").random())


def test_the_same_seed_and_calls_give_the_same_tokens(store):
    one, two = store.create("one", seed=7), store.create("two", seed=7)
    assert [draw(one) for _ in range(5)] == [draw(two) for _ in range(5)]


def test_another_seed_call_or_purpose_gives_others(store):
    one, two = store.create("one", seed=7), store.create("two", seed=8)
    drawn = [value for world in (one, two) for _ in range(5) for value in draw(world)[:2]]
    assert len(set(drawn)) == len(drawn)
    with one.transaction() as tx:
        assert tx.token("a", 14) != tx.token("b", 14)
        assert tx.random("a").random() != tx.random("b").random()
        assert tx.random("a").random() == tx.random("a").random()


def test_they_go_on_the_same_after_a_restart_and_in_a_fork(path, wall):
    with Store.open(":memory:", wall=wall) as store:
        world = store.create("main", seed=7)
        expected = [draw(world) for _ in range(6)]
    with Store.open(path, wall=wall) as store:
        world = store.create("main", seed=7)
        assert [draw(world) for _ in range(3)] == expected[:3]
        store.fork("main", "try", at=2)
    with Store.open(path, wall=wall) as store:
        assert [draw(store.world("main")) for _ in range(3)] == expected[3:]
        assert [draw(store.world("try")) for _ in range(4)] == expected[2:]


def test_an_undone_call_leaves_no_trace(store):
    one, two = store.create("one", seed=7), store.create("two", seed=7)
    try:
        with one.transaction() as tx:
            tx.token("id", 14)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert draw(one) == draw(two)


def test_tokens_are_known_bytes_on_every_machine():
    """A change here changes every recorded reply: it would need a new format of worlds."""
    assert token(7, 1, "customer", 0, n=14, alphabet=ALNUM) == "BCqaHqQ4hH3rJk"


def test_tokens_have_the_length_and_the_letters_asked_for_and_use_them_evenly():
    text = "".join(token(1, number, "x", 0, n=100, alphabet=string.ascii_lowercase[:10]) for number in range(100))
    assert len(text) == 10_000
    counts = [text.count(letter) for letter in string.ascii_lowercase[:10]]
    assert sum(counts) == 10_000
    assert all(850 < count < 1150 for count in counts)
