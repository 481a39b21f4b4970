"""Large bodies are stored once, come back whole, and go with the last entry that has them."""

import pytest

from childproof.ledger import Ledger, record
from childproof.ledger.blobs import LARGE
from childproof.world import Store

from .conftest import make_entry

PAGE = record((("A", "b"),), b"page " * 10_000)
OTHER = record((), b"other" * 10_000)


def blobs(book) -> int:
    count: int = book.store.connection.execute("SELECT count(*) FROM blob").fetchone()[0]
    return count


def test_a_large_body_is_stored_once_and_comes_back_whole(book):
    made = [book.call(request=PAGE, reply=PAGE), book.call(reply=PAGE), book.call(request=OTHER)]
    assert list(book.ledger.entries()) == made
    assert blobs(book) == 2


def test_a_small_one_stays_in_its_entry(book):
    made = book.call(reply=record((), b"x" * LARGE))
    assert blobs(book) == 0
    assert book.ledger.get(made.id) == made


def test_its_hash_and_its_text_are_those_of_what_is_redacted(book):
    key = "sk_" + "live_51HxQ2eZvKYlo2CabcdefWXYZ"
    book.call(request=record((), f"{key} ".encode() * 1000))
    (text,) = book.store.connection.execute("SELECT text FROM blob").fetchone()
    assert "51HxQ2" not in text


def test_a_call_that_is_undone_leaves_no_blob(book):
    with pytest.raises(ZeroDivisionError), book.store.world("main").transaction() as tx:
        book.ledger.append(make_entry("main", tx.seq, request=PAGE))
        raise ZeroDivisionError
    assert blobs(book) == 0


def test_an_entry_outside_a_transaction_has_its_blob_too(book):
    book.call()
    made = make_entry("main", 1, id="call_x", request=PAGE)
    book.ledger.append(made)
    assert book.ledger.get("call_x") == made
    assert not book.store.connection.in_transaction


def test_a_blob_goes_with_the_last_entry_that_needs_it(book):
    book.call(request=PAGE)
    book.call(request=PAGE, reply=OTHER)
    branch = book.store.connection.execute("SELECT id FROM world").fetchone()[0]
    with book.store.world("main").transaction():
        book.ledger.drop(branch, after=1)
    assert blobs(book) == 1
    with book.store.world("main").transaction():
        book.ledger.drop(branch, after=0)
    assert blobs(book) == 0
    assert book.store.connection.execute("SELECT count(*) FROM blob_use").fetchone()[0] == 0


def test_a_reader_and_a_follower_of_another_process_find_them(tmp_path):
    with Store.open(tmp_path / "w.db", wall=lambda: 0) as store:
        store.create("main")
        ledger = Ledger(store.connection, lock=store.lock)
        with Store.open(tmp_path / "w.db", wall=lambda: 0, readonly=True) as reader:
            other = Ledger(reader.connection, lock=reader.lock)
            tail = other.tail()
            with store.world("main").transaction() as tx:
                ledger.append(made := make_entry("main", tx.seq, reply=PAGE))
            assert tail.read() == [made]
            assert list(other.entries()) == [made]
