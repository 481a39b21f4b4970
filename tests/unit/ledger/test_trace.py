"""Cause and effect in the record, and files from before it knew of them."""

import sqlite3
from pathlib import Path

import pytest

from childproof.ledger import Filter, Ledger, trace_of
from childproof.ledger.tables import CAUSED_BY
from childproof.world import Store

from .conftest import Book

TRACE = "0af7651916cd43dd8448eb211c80319c"
# What childproof wrote for a world with one call, a job scheduled by it, and a delivery of a webhook.
FORMAT_2 = """
PRAGMA application_id = 1667788902;
PRAGMA user_version = 2;
CREATE TABLE world(
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, seed INTEGER NOT NULL,
  parent INTEGER REFERENCES world(id), base INTEGER NOT NULL, created INTEGER NOT NULL
);
CREATE TABLE label(world INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(world, key)) WITHOUT ROWID;
CREATE TABLE collection(id INTEGER PRIMARY KEY, service TEXT NOT NULL, kind TEXT NOT NULL, UNIQUE(service, kind));
CREATE TABLE step(world INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY(world, seq)) WITHOUT ROWID;
CREATE TABLE version(
  row INTEGER PRIMARY KEY, world INTEGER NOT NULL, collection INTEGER NOT NULL, id TEXT NOT NULL, seq INTEGER NOT NULL,
  ordinal INTEGER NOT NULL, first INTEGER NOT NULL, value TEXT
);
CREATE UNIQUE INDEX version_key ON version(world, collection, id, seq);
CREATE INDEX version_order ON version(world, collection, ordinal) WHERE first = 1;
CREATE TABLE entry(
  position INTEGER PRIMARY KEY, id TEXT NOT NULL, world INTEGER NOT NULL, seq INTEGER NOT NULL, verdict TEXT NOT NULL,
  service TEXT NOT NULL, host TEXT NOT NULL, head TEXT NOT NULL, request TEXT, reply TEXT, changes TEXT NOT NULL,
  effects TEXT NOT NULL
);
CREATE INDEX entry_id ON entry(id);
CREATE INDEX entry_call ON entry(world, seq);
CREATE TABLE settlement(number INTEGER PRIMARY KEY, entry INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX settlement_entry ON settlement(entry);
CREATE TABLE blob(number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE blob_use(entry INTEGER NOT NULL, blob INTEGER NOT NULL, PRIMARY KEY(entry, blob)) WITHOUT ROWID;
CREATE INDEX blob_use_blob ON blob_use(blob);
INSERT INTO world VALUES (1, 'main', 7, NULL, 0, 1767603600000);
INSERT INTO collection VALUES (1, '_clock', 'clock'), (2, 'shop', 'thing'), (3, '_schedule', 'job');
INSERT INTO step VALUES (1, 1, 1767603600000);
INSERT INTO version VALUES
  (1, 1, 1, 'clock', 0, 0, 1, '{"start":1767603600000,"run":"frozen","step":1000,"wall":1767603600000,"seq":0}'),
  (2, 1, 2, 't1', 1, 1048576, 1, '{"id":"t1"}'),
  (3, 1, 3, 'job_1_1', 1, 1048577, 1, '{"at":1767607200000,"service":"shop","job":"remind","payload":{"at":1}}');
INSERT INTO entry VALUES (1, 'call_8badf00d8badf00d', 1, 1, 'stub', 'shop', 'api.shop.example',
  '{"id":"call_8badf00d8badf00d","world":"main","sandbox":"run","seq":1,"at":1767603600000,"world_at":1767603600000,
"protocol":"http","target":"POST https://api.shop.example/things","host":"api.shop.example","port":443,"method":"POST",
"path":"/things","verdict":"stub","rule":"shop","reason":"rule shop","stub":"shop","operation":"POST /things",
"fidelity":"modelled","status":200,"duration_us":850,
"upstream":{"dns":0,"connections":0,"bytes_out":0,"bytes_in":0},"error":null}',
  '{"headers":[],"body":"a=1","size":3,"sha256":"","cut":false}', NULL,
  '[{"service":"shop","kind":"thing","id":"t1","before":null,"after":{"id":"t1"}}]', '[]');
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "childproof.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(FORMAT_2)
    return path


def test_an_entry_of_an_older_file_has_the_trace_that_its_call_would_begin(old: Path) -> None:
    """A file that is only read isn't changed, and needn't be."""
    with Store.open(old, wall=lambda: 0, readonly=True) as store:
        ledger = Ledger(store.connection, lock=store.lock)
        [entry] = ledger.entries()
        assert (entry.trace, entry.cause) == (trace_of("call_8badf00d8badf00d"), None)
        assert list(ledger.entries(only=Filter(trace=entry.trace))) == [entry]
        assert list(ledger.entries(only=Filter(trace=TRACE))) == []
        assert ledger.caused_by(entry.id) == []
    with sqlite3.connect(old) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_an_older_file_is_brought_up_to_date_once_it_is_written(old: Path) -> None:
    with Store.open(old, wall=lambda: 1_767_603_600_000) as store:
        ledger = Ledger(store.connection, lock=store.lock)
        [before] = ledger.entries()
        book = Book(store, ledger)
        book.call(cause=before.id, trace=before.trace)
        assert [entry.seq for entry in ledger.caused_by(before.id)] == [2]
        assert [entry.seq for entry in ledger.entries(only=Filter(trace=before.trace))] == [1, 2]
        with store.world("main").transaction() as tx:
            [job] = tx.due(1_767_607_200_000)
            assert (job.job, job.payload, job.trace, job.cause) == ("remind", {"at": 1}, "", "")
        assert ledger.check() == store.check() == []
    with sqlite3.connect(old) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)


def test_what_a_call_caused_is_found_whatever_else_is_said_of_it(book: Book) -> None:
    """A sandbox writes texts; none of them makes an entry look like the effect of another."""
    first = book.call()
    book.call(path=f'/","cause":"{first.id}"', reason=f'"cause":"{first.id}"')
    effect = book.call(cause=first.id, trace=first.trace)
    assert book.ledger.caused_by(first.id) == [effect]
    assert book.ledger.caused_by(effect.id) == []
    assert [entry.seq for entry in book.ledger.entries(only=Filter(trace=first.trace))] == [1, 3]


def test_finding_what_a_call_caused_reads_no_other_entries(book: Book) -> None:
    plan = book.store.connection.execute(
        "EXPLAIN QUERY PLAN SELECT position FROM entry WHERE " + CAUSED_BY + " ORDER BY position", ("call_x",)
    ).fetchall()
    assert any("entry_caused" in row[3] for row in plan)
    assert not any("TEMP B-TREE" in row[3] for row in plan)
