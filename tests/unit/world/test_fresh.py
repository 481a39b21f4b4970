"""What a service begins with in a world is no change of the call that met it first, and no difference of two worlds."""

from childproof.world import Store, fresh


def use(store: Store, world: str, *, account: str = "acct_1", made: str = "", touch: bool = False) -> tuple[str, ...]:
    """A call that meets the service for the first time; the ids of what it is said to have changed."""
    with store.world(world).transaction() as tx:
        if not fresh.planted(tx, "pay"):
            with tx.beforehand() as planted:
                tx.put("pay", "account", account, {"id": account, "since": tx.seq})
                tx.put("_tokens", "pay", "t", {"token": "t"})
            fresh.remember(tx, "pay", planted)
        if made:
            tx.put("pay", "customer", made, {"id": made})
        if touch:
            tx.put("pay", "account", account, {"id": account, "name": "Acme"})
        return tuple(change.id for change in tx.changes)


def differing(store: Store, a: str = "a", b: str = "b") -> list[str]:
    return [change.id for change in store.compare(a, b).changes]


def two(store: Store) -> None:
    store.create("a")
    store.fork("a", "b")


def test_it_is_stored_with_the_call_and_no_change_of_it(store: Store) -> None:
    """The first call's changes are its own; what it planted is there afterwards."""
    store.create("a")
    assert use(store, "a", made="cus_1") == ("cus_1",)
    with store.world("a").view() as view:
        assert view.get("pay", "account", "acct_1") == {"id": "acct_1", "since": 1}
        assert view.get("_tokens", "pay", "t") is not None


def test_what_the_call_does_to_it_is_a_change(store: Store) -> None:
    """An account that the first call renames has a state before, the planted one."""
    store.create("a")
    with store.world("a").transaction() as tx:
        with tx.beforehand():
            tx.put("pay", "account", "acct_1", {"id": "acct_1"})
        tx.put("pay", "account", "acct_1", {"id": "acct_1", "name": "Acme"})
        [change] = tx.changes
    assert change.before == {"id": "acct_1"}
    assert change.after == {"id": "acct_1", "name": "Acme"}


def test_what_was_there_before_the_block_stays_a_change(store: Store) -> None:
    """Only what the block wrote counts as there before."""
    store.create("a")
    with store.world("a").transaction() as tx:
        tx.put("pay", "customer", "cus_1", {"id": "cus_1"})
        with tx.beforehand() as planted:
            tx.put("pay", "account", "acct_1", {"id": "acct_1"})
        assert [change.id for change in tx.changes] == ["cus_1"]
    assert [one.id for one in planted] == ["acct_1"]


def test_only_one_side_used_the_service(store: Store) -> None:
    """The untouched account of the other isn't listed as added, nor as removed."""
    two(store)
    use(store, "b")
    assert differing(store) == []
    assert differing(store, "b", "a") == []


def test_both_met_it_at_another_moment(store: Store) -> None:
    """Two plantings differ in time or ids; that is nobody's doing."""
    two(store)
    use(store, "a")
    use(store, "b", account="acct_2")
    assert differing(store) == []


def test_what_was_done_there_is_told(store: Store) -> None:
    """Creations, changes of what was planted, and its deletion are differences."""
    two(store)
    use(store, "b", made="cus_1", touch=True)
    assert differing(store) == ["acct_1", "cus_1"]
    store.create("c")
    use(store, "c")
    store.fork("c", "d")
    with store.world("d").transaction() as tx:
        tx.delete("pay", "account", "acct_1")
    assert differing(store, "c", "d") == ["acct_1"]
