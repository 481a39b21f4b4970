"""The open file: its lock and its transactions, and the few tables that are worth remembering.

Other processes may read the file at any time and may write it too: a write takes the file's lock for one call, and what
this process remembers counts as stale (`generation` moves on) as soon as another one has written.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from childproof.errors import StoreError

from . import schema, where

if TYPE_CHECKING:
    from .roll import Roll

IMPATIENT_MS = 100


class Database:
    """One connection with its lock. Database errors leave it as StoreError, naming the file and what to do."""

    def __init__(self, path: str, wall: Callable[[], int], *, readonly: bool) -> None:
        self.connection = schema.connect(path, readonly=readonly)
        self.path = path
        self.readonly = readonly
        self.lock = threading.RLock()
        self.generation = 0
        self.stirred: Callable[[str], None] | None = None  # told of worlds that have something to send
        self.indexes: set[str] = set()
        self.rolls: dict[tuple[int, int], Roll | None] = {}  # by world and collection; None: wanted from now on
        self._wall = wall
        self._latest = 0
        self._busy = False
        self._data_version = -1
        self._patient: int | None = None  # how long to wait for the lock (ms), while it is not waited for
        self._collections: dict[tuple[str, str], int] = {}
        self._names: dict[int, tuple[str, str]] = {}

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()

    def wall(self) -> int:
        """The real time in unix milliseconds; never goes backwards."""
        self._latest = max(self._latest, self._wall())
        return self._latest

    # --- transactions

    def begin(self, *, write: bool = True) -> None:
        """Take the lock and begin a transaction. Ends with `commit` or `rollback`, in the same thread."""
        self.lock.acquire()
        if self._busy:
            self.lock.release()
            raise RuntimeError("a transaction is open in this thread already; calls don't nest")
        self._busy = True
        try:
            self._begin(write=write)
        except BaseException as error:
            self.rollback(error)
            raise

    def commit(self) -> None:
        """Make the transaction durable. Where that fails it is undone, with a StoreError."""
        try:
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            self.rollback(error)
        else:
            self._release()

    def rollback(self, error: BaseException | None = None) -> None:
        """Undo the transaction. A database error that led here is raised again as StoreError."""
        try:
            # After some errors SQLite has rolled back by itself.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            error = error or failure
        finally:
            if error is not None:
                self.forget()
            self._release()
        if isinstance(error, sqlite3.Error):
            raise schema.explain(error, self.path) from error

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[None]:
        """`begin` … `commit`, or `rollback` where the block raises."""
        self.begin(write=write)
        try:
            yield
        except BaseException as error:
            self.rollback(error)
            raise
        if write:
            self.commit()
        else:
            self.rollback()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A transaction for reading, or the one that this thread is in already."""
        with self.lock:
            if self._busy:
                yield
            else:
                with self.transaction(write=False):
                    yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """The connection without a transaction, for what SQLite does in none. Raises StoreError."""
        with self.lock:
            if self._busy:
                raise RuntimeError("a transaction is open in this thread already")
            try:
                yield
            except sqlite3.Error as error:
                raise schema.explain(error, self.path) from error
            finally:
                self.forget()

    def prove_writable(self) -> None:
        """See `Store.prove_writable`."""
        with self.lock:
            if self._busy:
                return  # who writes at this moment will find out
            waiting = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
            try:
                self.connection.execute("PRAGMA busy_timeout = 0")
                self.connection.execute("BEGIN IMMEDIATE")
                version = self.connection.execute("PRAGMA user_version").fetchone()[0]
                # The same number is written all the same: the file's first page goes to the log and to the disk.
                self.connection.execute(f"PRAGMA user_version = {int(version)}")
                self.connection.execute("COMMIT")
            except sqlite3.Error as error:
                with suppress(sqlite3.Error):
                    if self.connection.in_transaction:
                        self.connection.execute("ROLLBACK")
                if not getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                    raise schema.explain(error, self.path) from error
            finally:
                with suppress(sqlite3.Error):
                    self.connection.execute(f"PRAGMA busy_timeout = {waiting}")

    def _begin(self, *, write: bool) -> None:
        if write and self.readonly:
            raise StoreError(f"{self.path} is open for reading only")
        self._wait_for_lock("BEGIN IMMEDIATE" if write else "BEGIN")
        # SQLite counts what other connections commit; asking also takes the snapshot of a reader.
        version = self.connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self.forget()
            rows = self.connection.execute("SELECT id, service, kind FROM collection").fetchall()
            self._names = {number: (service, kind) for number, service, kind in rows}
            self._collections = {name: number for number, name in self._names.items()}
            self.indexes = where.known_indexes(self.connection)
            self._data_version = version

    def _wait_for_lock(self, statement: str) -> None:
        """Begin; where that was waited for in vain, wait no more than a moment the next times, until it succeeds again.

        Whatever holds a file for so long holds it for longer, and meanwhile every call waits behind the one before.
        """
        try:
            self.connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY") and self._patient is None:
                self._patient = self.connection.execute("PRAGMA busy_timeout").fetchone()[0]
                self.connection.execute(f"PRAGMA busy_timeout = {min(self._patient, IMPATIENT_MS)}")
            raise
        if self._patient is not None:
            self.connection.execute(f"PRAGMA busy_timeout = {self._patient}")
            self._patient = None

    def _release(self) -> None:
        self._busy = False
        self.lock.release()

    def forget(self) -> None:
        """Count what is remembered as stale, as after another process's write."""
        self.generation += 1
        self._data_version = -1
        self.rolls.clear()

    # --- what is remembered; all within a transaction

    def collection(self, service: str, kind: str) -> int | None:
        """The number of a kind of entity; None where none was ever stored."""
        return self._collections.get((service, kind))

    def collections(self) -> Mapping[tuple[str, str], int]:
        """Every service and kind of entity that was ever stored, with its number."""
        return self._collections

    def collection_name(self, number: int) -> tuple[str, str]:
        """The service and kind behind a number."""
        return self._names[number]

    def intern(self, service: str, kind: str) -> int:
        """The number of a kind of entity, given one now where it has none."""
        known = self._collections.get((service, kind))
        if known is not None:
            return known
        cursor = self.connection.execute("INSERT INTO collection(service, kind) VALUES (?, ?)", (service, kind))
        number = cursor.lastrowid
        assert number is not None
        self._collections[service, kind] = number
        self._names[number] = (service, kind)
        return number

    def index(self, collection: int, path: str) -> None:
        """Give a field an index; not more of them than a file can bear."""
        name = where.index_name(collection, path)
        if name not in self.indexes and len(self.indexes) < where.MAX_INDEXES:
            where.create_index(self.connection, collection, path)
            self.indexes.add(name)
