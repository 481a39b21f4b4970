"""The record: complete, in step with the world, readable along forks."""

import pytest

from childproof.errors import StoreError
from childproof.ledger import Filter, Ledger, record
from childproof.model import Change, Effect, Upstream, replace
from childproof.world import Store

from .conftest import make_entry

SECRET = "sk_" + "test_51HxQ2eZvKYlo2CabcdefWXYZ"


def seqs(entries):
    return [(entry.world, entry.seq) for entry in entries]


def test_an_entry_comes_back_as_it_went_in(book):
    made = book.call(
        request=record((("A", "b"),), b"body"),
        reply=record((), b'{"x":1}'),
        changes=(Change("s", "k", "i", {"a": None}, {"a": [1, {"b": "ü"}]}), Change("s", "k", "j", {"x": 1}, None)),
        effects=(Effect("s", "t", "i", {"amount": 2000}),),
        error="Traceback …",
        status=None,
        rule=None,
    )
    assert list(book.ledger.entries()) == [made]
    assert book.ledger.get(made.id) == made
    assert book.ledger.get("call_nobody") is None


def test_changes_as_the_world_stores_them_come_back_as_values(book):
    """What a call wrote goes into the record as it stands, and reads the same as if it had been read in between."""
    with book.store.world("main").transaction() as tx:
        tx.put("s", "k", "i", {"a": [1, {"b": "ü", "client_secret": "pi_1_secret_abcdefghijkl"}]})
        written, changes = tx.written, tx.changes
        book.ledger.append(make_entry("main", tx.seq, id="call_raw", changes=()), written=written)
        book.ledger.append(make_entry("main", tx.seq, id="call_values", changes=changes))
    found = book.ledger.get("call_raw")
    assert found.changes == book.ledger.get("call_values").changes
    assert found.changes[0].after["a"][0] == 1
    assert "abcdefgh" not in str(found.changes)


def test_a_call_that_is_undone_has_no_entry(book):
    with pytest.raises(ZeroDivisionError), book.store.world("main").transaction() as tx:
        book.ledger.append(make_entry("main", tx.seq))
        raise ZeroDivisionError
    assert list(book.ledger.entries()) == []


def test_without_a_call_under_way_an_entry_is_stored_on_its_own(book):
    book.ledger.append(make_entry("main", 0))
    assert seqs(book.ledger.entries(world=None)) == [("main", 0)]


def test_an_entry_of_an_unknown_world_is_an_error(book):
    with pytest.raises(StoreError):
        book.ledger.append(make_entry("nowhere", 1))


def test_secrets_are_stored_nowhere(tmp_path):
    """Looked for in the bytes of the file."""
    path = tmp_path / "childproof.db"
    with Store.open(path, wall=lambda: 0) as store:
        store.create("main")
        ledger = Ledger(store.connection)
        call = make_entry(
            "main",
            1,
            verdict="allow",
            target=f"GET https://x.example/?api_key={SECRET}",
            path=f"/{SECRET}",
            reason=f"because {SECRET}",
            error=f"ValueError: {SECRET} 4242424242424242",
            request=record((("Authorization", f"Bearer {SECRET}"),), f"key={SECRET}&n=4242 4242 4242 4242".encode()),
            reply=record((("Set-Cookie", "sid=topsecret"),), SECRET.encode()),
            changes=(Change("s", "k", "i", {"key": SECRET}, {"card": "4242424242424242", "password": "topsecret"}),),
            effects=(Effect("s", "t", "i", {"key": SECRET, "number": 4242424242424242}),),
        )
        ledger.append(call)
        ledger.settle(
            call.id,
            upstream=Upstream(1, 1, 10, 10),
            status=200,
            duration_us=5,
            error=SECRET,
            reply=record((("Cookie", "a=topsecret"),), SECRET.encode()),
        )
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = path.read_bytes()
    assert b"POST" in raw
    for secret in (SECRET[8:], "4242424242424242", "4242 4242 4242", "topsecret"):
        assert secret.encode() not in raw


class TestSettling:
    def test_an_allowed_call_is_unsettled_until_its_figures_are_known(self, book):
        made = book.call(verdict="allow", stub=None, status=None)
        assert book.ledger.get(made.id) == replace(made, settled=False)
        reply = record((), b"hello")
        book.ledger.settle(made.id, upstream=Upstream(1, 1, 200, 300), status=204, reply=reply, duration_us=99)
        settled = replace(made, upstream=Upstream(1, 1, 200, 300), status=204, reply=reply, duration_us=99)
        assert book.ledger.get(made.id) == settled
        assert list(book.ledger.entries()) == [settled]

    def test_a_failure_upstream_is_kept(self, book):
        made = book.call(verdict="allow", status=None)
        book.ledger.settle(made.id, upstream=Upstream(1), status=None, reply=None, duration_us=9, error="refused")
        found = book.ledger.get(made.id)
        assert found is not None
        assert (found.error, found.upstream, found.settled) == ("refused", Upstream(1), True)

    def test_an_unknown_call_is_an_error(self, book):
        with pytest.raises(LookupError, match="call_nobody"):
            book.ledger.settle("call_nobody", upstream=Upstream(), status=None, reply=None, duration_us=0)


class TestReading:
    def test_along_a_fork_with_what_it_inherited(self, book):
        for _ in range(3):
            book.call()
        book.store.fork("main", "try", at=2)
        book.call()
        book.call("try")
        book.store.fork("try", "again")
        book.call("again")
        assert seqs(book.ledger.entries(world="main")) == [("main", n) for n in (1, 2, 3, 4)]
        assert seqs(book.ledger.entries(world="try")) == [("main", 1), ("main", 2), ("try", 3)]
        assert seqs(book.ledger.entries(world="again")) == [("main", 1), ("main", 2), ("try", 3), ("again", 4)]
        assert seqs(book.ledger.entries(world="again", after_seq=2)) == [("try", 3), ("again", 4)]
        assert seqs(book.ledger.entries(world="again", last=2)) == [("try", 3), ("again", 4)]
        assert seqs(book.ledger.entries(world="again", limit=3)) == [("main", 1), ("main", 2), ("try", 3)]
        assert book.ledger.at("again", 2).world == "main"
        assert book.ledger.at("again", 9) is None

    def test_of_all_worlds_in_the_order_they_were_made(self, book):
        book.store.create("two")
        for world in ("main", "two", "main"):
            book.call(world)
        assert seqs(book.ledger.entries()) == [("main", 1), ("two", 1), ("main", 2)]
        assert seqs(book.ledger.entries(last=2)) == [("two", 1), ("main", 2)]
        assert seqs(book.ledger.entries(limit=1)) == [("main", 1)]

    def test_filters(self, book):
        book.call()
        book.call(verdict="deny", stub=None, host="evil.example")
        book.call(stub="email", host="smtp.gmail.com")
        found = [
            [entry.seq for entry in book.ledger.entries(only=only)]
            for only in (
                Filter(verdict="deny"),
                Filter(service="email"),
                Filter(service="evil.example"),
                Filter(verdict="stub", service="email"),
                Filter(verdict="deny", service="email"),
            )
        ]
        assert found == [[2], [3], [2], [3], []]

    def test_more_than_a_page(self, book):
        for _ in range(450):
            book.call()
        assert [entry.seq for entry in book.ledger.entries(world="main")] == list(range(1, 451))
        assert [entry.seq for entry in book.ledger.entries()] == list(range(1, 451))
        assert [entry.seq for entry in book.ledger.entries(world="main", after_seq=205, limit=3)] == [206, 207, 208]
        assert [entry.seq for entry in book.ledger.entries(world="main", last=300)] == list(range(151, 451))

    def test_several_entries_of_one_call_are_all_read(self, book):
        for number in range(250):
            book.ledger.append(make_entry("main", 1, id=f"call_{number}"))
        assert [entry.id for entry in book.ledger.entries(world="main")] == [f"call_{n}" for n in range(250)]

    def test_by_the_beginning_of_an_id(self, book):
        for name in ("call_aab1", "call_aab2", "call_bbb1"):
            book.call(id=name)
        assert [entry.id for entry in book.ledger.find("aab")] == ["call_aab2", "call_aab1"]
        assert [entry.id for entry in book.ledger.find("call_b")] == ["call_bbb1"]
        assert book.ledger.find("x") == []
        assert book.ledger.find("%") == []

    def test_writing_while_reading_is_allowed(self, book):
        for _ in range(3):
            book.call()
        for entry in book.ledger.entries(world="main"):
            if entry.seq < 10:
                book.call()


class TestTail:
    def test_it_gives_what_is_new_once(self, book):
        book.call()
        tail = book.ledger.tail()
        assert tail.read() == []
        made = [book.call(), book.call()]
        assert tail.read() == made
        assert tail.read() == []

    def test_a_settled_call_comes_again(self, book):
        tail = book.ledger.tail()
        made = book.call(verdict="allow")
        assert [entry.settled for entry in tail.read()] == [False]
        book.ledger.settle(made.id, upstream=Upstream(1), status=200, reply=None, duration_us=1)
        assert [(entry.id, entry.settled) for entry in tail.read()] == [(made.id, True)]
        assert tail.read() == []

    def test_a_call_that_settles_before_it_is_first_read_comes_once(self, book):
        tail = book.ledger.tail()
        made = book.call(verdict="allow")
        book.ledger.settle(made.id, upstream=Upstream(1), status=200, reply=None, duration_us=1)
        assert [entry.settled for entry in tail.read()] == [True]

    def test_it_keeps_to_its_world_and_filter(self, book):
        book.store.create("two")
        tail = book.ledger.tail(world="two", only=Filter(verdict="deny"))
        book.call(verdict="deny")
        book.call("two")
        made = book.call("two", verdict="deny")
        assert tail.read() == [made]


def test_a_reader_beside_the_writer_sees_what_is_committed(tmp_path):
    path = tmp_path / "childproof.db"
    with Store.open(path, wall=lambda: 0) as store:
        store.create("main")
        with Store.open(path, wall=lambda: 0, readonly=True) as other:
            reader = Ledger(other.connection)  # before the writer's ledger has made its tables
            assert list(reader.entries()) == []
            tail = reader.tail()
            ledger = Ledger(store.connection)
            with store.world("main").transaction() as tx:
                ledger.append(make_entry("main", tx.seq))
                assert list(reader.entries()) == []
            assert seqs(reader.entries(world="main")) == [("main", 1)]
            assert seqs(tail.read()) == [("main", 1)]
