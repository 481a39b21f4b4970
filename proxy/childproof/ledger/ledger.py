"""The ledger: append an entry, settle it, read entries back along a world's history."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import msgspec

from childproof.errors import StoreError
from childproof.model import Upstream, Written

from . import blobs, tables
from .entry import Entry, Recorded
from .filter import ANY, Filter, prepare

_PAGE = 200
Parameters = list[object]


class Ledger:
    """The record in the worlds' file, over the store's connection.

    `lock` is the store's: give it where several threads use the connection. A read-only connection can be read.
    """

    def __init__(self, connection: sqlite3.Connection, *, lock: AbstractContextManager[object] | None = None) -> None:
        self._connection = connection
        self._lock = lock or threading.RLock()
        with self._guard():
            prepare(connection)
            if not connection.execute("PRAGMA query_only").fetchone()[0]:
                tables.create(connection)
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone()
            self._empty = found is None  # a reader that came before the first call's process was done

    def append(self, entry: Entry, *, written: Sequence[Written] = ()) -> None:
        """Store an entry, redacted: within the transaction that is open on the connection, else on its own.

        `written` are its changes as the world stores them; it takes the place of `entry.changes`.
        Within a transaction, a database error is left to it, so that everything of the call is undone together.
        """
        with self._lock:
            if self._connection.in_transaction:
                self._append(entry, written)
                return
            with self._guard(), _transaction(self._connection):
                self._append(entry, written)

    def settle(
        self,
        call_id: str,
        *,
        upstream: Upstream,
        status: int | None,
        reply: Recorded | None,
        duration_us: int,
        error: str | None = None,
    ) -> None:
        """Add what became of an allowed call. Raises LookupError where the ledger has no such call."""
        data = tables.to_settlement(tables.Settlement(upstream, status, reply, duration_us, error))
        with self._guard():
            cursor = self._connection.execute(tables.SETTLE, (data, call_id))
        if cursor.rowcount == 0:
            raise LookupError(f"the ledger has no call {call_id}")

    def entries(
        self,
        *,
        world: str | None = None,
        after_seq: int = 0,
        after: int = 0,
        only: Filter = ANY,
        limit: int | None = None,
        last: int | None = None,
    ) -> Iterator[Entry]:
        """Entries, oldest first: of one world, with what it inherited from those it was forked from, or of all.

        `after_seq` counts in the world and needs one, `after` is a `position()`. `limit` takes the first ones, `last` the
        newest ones.
        """
        if world is None:
            branches: list[tuple[int | None, int]] = [(None, 0)]
        else:
            branches = [(int(row[0]), int(row[1])) for row in self._fetch(tables.LINEAGE, [world])]
        if last is not None:
            yield from self._newest(branches, after_seq, after, only, last)
            return
        left = limit
        for branch, end in branches:
            for entry in self._oldest(branch, end, after_seq, after, only):
                if left is not None:
                    if left <= 0:
                        return
                    left -= 1
                yield entry

    def placed(self, *, after: int = 0, only: Filter = ANY, limit: int) -> list[tuple[int, Entry]]:
        """Entries of all worlds with their positions, oldest first: the first ones `after` a position."""
        extra, values = only.sql()
        return self._select(f"position > ?{extra}", [after, *values], "position", limit)

    def position(self) -> int:
        """Where the record stands now, in no world's own count; for `entries(after=…)`."""
        found = self._fetch("SELECT max(position) FROM entry", [])
        return int(found[0][0] or 0) if found else 0

    def get(self, call_id: str) -> Entry | None:
        """The entry of a call; None where there is none."""
        found = self._select("id = ?", [call_id], "position DESC", 1)
        return found[0][1] if found else None

    def find(self, prefix: str, *, world: str | None = None, most: int = 10) -> list[Entry]:
        """The entries whose call id begins so (`call_` may be left out), newest first, at most `most`.

        With `world` only its own and those that it inherited.
        """
        found: dict[str, Entry] = {}
        line = [] if world is None else self._fetch(tables.LINEAGE, [world])
        places: list[tuple[str, Parameters]] = [("", [])] if world is None else []
        places += [(" AND world = ? AND seq <= ?", [branch, last]) for branch, last in reversed(line)]
        for start in (prefix, f"call_{prefix}"):
            for place, more in places:
                condition, values = f"id >= ? AND id < ?{place}", Parameters([start, f"{start}\U0010ffff", *more])
                for _, entry in self._select(condition, values, "position DESC", most):
                    found.setdefault(entry.id, entry)
        return list(found.values())[:most]

    def caused_by(self, call_id: str) -> list[Entry]:
        """The entries that a call caused directly, oldest first."""
        found = self._select(tables.CAUSED_BY, [call_id], "position", -1)
        return [entry for _, entry in found]

    def at(self, world: str, seq: int) -> Entry | None:
        """The entry of a world's call by its number, an inherited one too."""
        for entry in self.entries(world=world, after_seq=seq - 1, limit=1):
            return entry if entry.seq == seq else None
        return None

    def drop(self, branch: int, *, after: int) -> None:
        """Remove the entries of a branch's calls after number `after`. For the store, within its transaction."""
        with self._guard():
            blobs.drop(self._connection, branch, after)
            self._connection.execute(tables.DROP_SETTLEMENTS, (branch, after))
            self._connection.execute("DELETE FROM entry WHERE world = ? AND seq > ?", (branch, after))

    def check(self) -> list[str]:
        """What is wrong with the record, in words; nothing where it is sound."""
        lost = (self._fetch(tables.LOST_ENTRIES, []), self._fetch(tables.LOST_SETTLEMENTS, []))
        entries, settlements = (rows[0][0] if rows else 0 for rows in lost)
        return [
            *([f"{entries:,} entries of the ledger belong to no call of a world"] if entries else []),
            *([f"{settlements:,} settlements of the ledger belong to no entry"] if settlements else []),
        ]

    def hand_over(self, branch: int, to: int, *, after: int) -> None:
        """Give the entries of a branch's calls after number `after` to another. For the store, within its transaction."""
        with self._guard():
            self._connection.execute("UPDATE entry SET world = ? WHERE world = ? AND seq > ?", (to, branch, after))

    def tail(self, *, world: str | None = None, only: Filter = ANY, after: "Mark | None" = None) -> "Tail":
        """What is new from here on, or after a mark, read whenever asked."""
        return Tail(self, world, only, after)

    def mark(self) -> "Mark":
        """Where the record stands now, its settlements included: what a tail goes on from."""
        found = self._fetch("SELECT max(number) FROM settlement", [])
        return Mark(self.position(), int(found[0][0] or 0) if found else 0)

    # --- within

    def _append(self, entry: Entry, written: Sequence[Written]) -> None:
        texts: list[str] = []
        cursor = self._connection.execute(tables.APPEND, tables.to_row(entry, written or entry.changes, texts))
        if texts:
            assert cursor.lastrowid is not None
            blobs.store(self._connection, cursor.lastrowid, texts)

    def _text_of(self, name: str) -> str:
        with self._guard():
            return blobs.find(self._connection, name)

    def _oldest(self, branch: int | None, end: int, after_seq: int, after: int, only: Filter) -> Iterator[Entry]:
        """Page by page, so that no open cursor keeps the file's log from being folded in."""
        extra, values = _later(only, after)
        seq, position = after_seq + 1, 0
        while True:
            if branch is None:
                condition, parameters, order = "position > ?", Parameters([position]), "position"
            else:
                condition = "world = ? AND (seq, position) > (?, ?) AND seq <= ?"
                parameters, order = Parameters([branch, seq, position, end]), "seq, position"
            page = self._select(condition + extra, [*parameters, *values], order, _PAGE)
            for position, entry in page:  # noqa: B007 - where the next page begins
                seq = entry.seq
                yield entry
            if len(page) < _PAGE:
                return

    def _newest(
        self, branches: list[tuple[int | None, int]], after_seq: int, after: int, only: Filter, last: int
    ) -> list[Entry]:
        extra, values = _later(only, after)
        found: list[Entry] = []
        for branch, end in reversed(branches):
            if branch is None:
                condition, parameters, order = "1 = 1", Parameters(), "position DESC"
            else:
                condition, order = "world = ? AND seq > ? AND seq <= ?", "seq DESC, position DESC"
                parameters = Parameters([branch, after_seq, end])
            page = self._select(condition + extra, [*parameters, *values], order, last - len(found))
            found += [entry for _, entry in page]
        return found[::-1]

    def _select(self, condition: str, values: Parameters, order: str, most: int) -> list[tuple[int, Entry]]:
        text = f"SELECT {tables.COLUMNS} FROM entry WHERE {condition} ORDER BY {order} LIMIT ?"  # noqa: S608 - no values
        return [(row[0], tables.from_row(row, self._text_of)) for row in self._fetch(text, [*values, most])]

    def _fetch(self, text: str, values: Parameters) -> list[Any]:
        with self._guard():
            if self._empty and self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'entry'").fetchone():
                self._empty = False
            return [] if self._empty else self._connection.execute(text, values).fetchall()

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                file = self._connection.execute("PRAGMA database_list").fetchone()[2] or ":memory:"
                raise StoreError(f"{file}: the ledger can't be read or written: {error}") from error


def _later(only: Filter, after: int) -> tuple[str, Parameters]:
    extra, values = only.sql()
    return (f"{extra} AND position > ?", [*values, after]) if after else (extra, values)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk ends it by itself
            connection.execute("ROLLBACK")
        raise


class Mark(msgspec.Struct, frozen=True):
    """A place in the record: entries up to `position` have been read, and settlements up to `number`."""

    position: int
    number: int

    def __str__(self) -> str:
        return f"{self.position}-{self.number}"


class Tail:
    """Follows a ledger. `read` gives what was appended or settled since the last time, oldest first.

    An allowed call comes twice: when it was let through, and again when it is settled. `mark` is where it is; one that
    begins `after` a mark goes on from there.
    """

    def __init__(self, ledger: Ledger, world: str | None, only: Filter, after: Mark | None = None) -> None:
        self._fetch: Callable[[str, Parameters], list[Any]] = ledger._fetch  # noqa: SLF001 - its other half
        self._text_of: Callable[[str], str] = ledger._text_of  # noqa: SLF001
        self._condition, self._values = only.sql()
        if world is not None:
            self._condition += " AND world = (SELECT id FROM world WHERE name = ?)"
            self._values.append(world)
        self.mark = ledger.mark() if after is None else after

    def read(self) -> list[Entry]:
        """New entries, and allowed ones that were settled; about `_PAGE` of them at most, more the next time."""
        return [entry for _, entry in self.marked()]

    def marked(self) -> list[tuple[Mark, Entry]]:
        """The same, each with the mark after it."""
        found: list[tuple[Mark, Entry]] = []
        position, number = self.mark.position, self.mark.number
        settled = "SELECT number, entry FROM settlement WHERE number > ? ORDER BY number LIMIT ?"
        settlements = self._fetch(settled, [number, _PAGE])
        known = {entry for _, entry in settlements if entry <= position}
        if known:
            text = (
                f"SELECT {tables.COLUMNS} FROM entry WHERE position IN ({', '.join('?' * len(known))}){self._condition}"  # noqa: S608
            )
            rows = {row[0]: row for row in self._fetch(text, [*known, *self._values])}
            for number, entry in settlements:
                if entry in rows:
                    found.append((Mark(position, number), tables.from_row(rows[entry], self._text_of)))
        if settlements:
            number = settlements[-1][0]
        latest = self._fetch("SELECT max(position) FROM entry", [])
        fresh = f"SELECT {tables.COLUMNS} FROM entry WHERE position > ?{self._condition} ORDER BY position LIMIT ?"  # noqa: S608
        page = self._fetch(fresh, [position, *self._values, _PAGE])
        found += [(Mark(row[0], number), tables.from_row(row, self._text_of)) for row in page]
        if len(page) == _PAGE:
            position = page[-1][0]
        else:
            position = max(position, page[-1][0] if page else 0, int(latest[0][0] or 0) if latest else 0)
        self.mark = Mark(position, number)
        return found
