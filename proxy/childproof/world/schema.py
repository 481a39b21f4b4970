"""The file's tables, and opening them: version check, pragmas, and what a failure means for a person.

`version` holds every state that any entity ever had. `ordinal` is an entity's place in the order of creation and stays
with it; `first` marks the row that created it, so that listing walks creations only. `step` has one row per call.
The ledger keeps its own table in the same file; the file's version (`PRAGMA user_version`) covers both.
"""

import os
import sqlite3
import time
from pathlib import Path

from childproof.errors import StoreError

VERSION = 3
APPLICATION = 0x63687066  # "chpf": tells our files from other programs' databases
BUSY_MS = 20_000  # how long another process's write is waited for: a compaction of a large file may take as long
_AGAIN = 0.01  # seconds between two tries where SQLite itself doesn't wait
_NAMELESS = (":memory:", "")  # in memory, or in a private file that goes with the connection

TABLES = """
CREATE TABLE world(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  seed INTEGER NOT NULL,
  parent INTEGER REFERENCES world(id),
  base INTEGER NOT NULL,
  created INTEGER NOT NULL
);
CREATE TABLE label(
  world INTEGER NOT NULL,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY(world, key)
) WITHOUT ROWID;
CREATE TABLE collection(
  id INTEGER PRIMARY KEY,
  service TEXT NOT NULL,
  kind TEXT NOT NULL,
  UNIQUE(service, kind)
);
CREATE TABLE step(
  world INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY(world, seq)
) WITHOUT ROWID;
CREATE TABLE version(
  row INTEGER PRIMARY KEY,
  world INTEGER NOT NULL,
  collection INTEGER NOT NULL,
  id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  first INTEGER NOT NULL,
  value TEXT
);
CREATE UNIQUE INDEX version_key ON version(world, collection, id, seq);
CREATE INDEX version_order ON version(world, collection, ordinal) WHERE first = 1;
"""

# What makes a file of an older format one of the next; a file that is only read need not be changed.
MIGRATIONS = {
    1: "CREATE TABLE label(world INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(world, key)) "
    "WITHOUT ROWID",
    2: "",  # entries and jobs say what caused them; those that don't are read as before
}

MEANINGS = {
    "BUSY": "is locked by another process; wait until that is done, or choose another file with --db",
    "LOCKED": "is locked by another process; wait until that is done, or choose another file with --db",
    "FULL": "can't grow: the disk is full; free some space",
    "NOTADB": "is not a childproof database; move it away, or choose another file with --db",
    "CORRUPT": "is damaged; restore a copy, or choose another file with --db",
    "CANTOPEN": "can't be opened; check that its folder exists and may be written, or choose another file with --db",
    "READONLY": "may not be written; change its permissions, or choose another file with --db",
    "PERM": "may not be read; change its permissions, or choose another file with --db",
    "AUTH": "may not be read; change its permissions, or choose another file with --db",
    "IOERR": "can't be read or written: the disk reports an error; check it, or choose another file with --db",
}


def explain(error: sqlite3.Error, path: str) -> StoreError:
    """What SQLite's error means, naming the file and what to do."""
    name = getattr(error, "sqlite_errorname", "").removeprefix("SQLITE_")
    meaning = MEANINGS.get(name.split("_")[0])
    if name.startswith("CANTOPEN") and Path(path).is_dir():
        return StoreError(f"{path} is a folder; name a file in it with --db or `store:`")
    if meaning is None:
        return StoreError(f"{path}: the database failed: {error}")
    return StoreError(f"{path} {meaning} ({error})")


def connect(path: str, *, readonly: bool) -> sqlite3.Connection:
    """A connection to a childproof file, which is created where there is none. Raises StoreError.

    A read-only one never creates or changes anything, and works while another process writes.
    """
    if readonly and path != ":memory:" and not Path(path).is_file():
        raise StoreError(f"{path}: there is no such file; `childproof run` makes it, --db names another")
    try:
        connection = _open(path, readonly=readonly)
    except sqlite3.Error as error:
        raise explain(error, path) from error
    try:
        _prepare(connection, path, readonly=readonly)
    except sqlite3.Error as error:
        connection.close()
        raise explain(error, path) from error
    except StoreError:
        connection.close()
        raise
    return connection


def _open(path: str, *, readonly: bool) -> sqlite3.Connection:
    if path in _NAMELESS:
        target = path
    else:
        # `rw` and not `ro`, even to read: a reader of a WAL file has to make the shared-memory file where it is alone.
        writable = readonly and _writable_folder(path)
        mode = ("rw" if writable else "ro") if readonly else "rwc"
        target = f"{Path(path).absolute().as_uri()}?mode={mode}"
        if mode == "ro" and not Path(f"{path}-wal").exists():
            target += "&immutable=1"  # nobody writes, and the files that a reader makes beside it can't be made
    # Transactions are begun and ended by us; one connection serves all threads, behind the store's lock.
    return sqlite3.connect(
        target,
        uri=path not in _NAMELESS,
        timeout=BUSY_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )


def _writable_folder(path: str) -> bool:
    return os.access(Path(path).absolute().parent, os.W_OK) and os.access(path, os.W_OK)


def _prepare(connection: sqlite3.Connection, path: str, *, readonly: bool) -> None:
    # In one snapshot: another process may be making the tables just now.
    connection.execute("BEGIN")
    found = _pragma(connection, "user_version")
    application = _pragma(connection, "application_id")
    empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    connection.execute("COMMIT")
    if not empty and application != APPLICATION:
        raise StoreError(f"{path} is another program's database; choose another file with --db")
    if not empty and found != VERSION and found not in MIGRATIONS:
        raise StoreError(
            f"{path} has format {found}, this childproof reads format {VERSION}; "
            f"use the childproof that wrote it, or choose another file with --db"
        )
    if readonly:
        if empty:
            raise StoreError(f"{path} is empty; name the file that `childproof run` wrote with --db")
        connection.execute("PRAGMA query_only = 1")
        return
    _write_ahead(connection)
    # A commit reaches the operating system before it returns: no kill loses it. Only a crash of the machine may.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -8000")
    if empty:
        _create(connection)
    elif found in MIGRATIONS:
        _migrate(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turn WAL mode on. A new file takes a moment alone for it, and SQLite doesn't wait for that by itself as it does elsewhere."""
    until = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring an older file up to this format, all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker since we looked.
        for number in range(_pragma(connection, "user_version"), VERSION):
            if MIGRATIONS[number]:
                connection.execute(MIGRATIONS[number])
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker since we looked.
        if _pragma(connection, "user_version") == 0:
            for statement in TABLES.split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
