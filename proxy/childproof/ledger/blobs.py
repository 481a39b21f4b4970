"""Large bodies stand beside the entries, each stored once however many calls had it, under the hash of what is kept of it.

What is kept is redacted and cut already, so that this hash tells nothing more than the text does. `blob_use` says which
entries need a blob: one that no entry needs any more goes with the last of them.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from .entry import Recorded

LARGE = 8 * 1024  # characters
TABLES = (
    "CREATE TABLE IF NOT EXISTS blob(number INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, text TEXT NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS blob_use(
      entry INTEGER NOT NULL,
      blob INTEGER NOT NULL,
      PRIMARY KEY(entry, blob)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX IF NOT EXISTS blob_use_blob ON blob_use(blob)",
)
_USE = "INSERT OR IGNORE INTO blob_use(entry, blob) SELECT ?, number FROM blob WHERE sha256 = ?"
_USED = "SELECT DISTINCT blob FROM blob_use WHERE entry IN (SELECT position FROM entry WHERE world = ? AND seq > ?)"
_UNUSE = "DELETE FROM blob_use WHERE entry IN (SELECT position FROM entry WHERE world = ? AND seq > ?)"


class _Kept(msgspec.Struct):
    """A request or a reply as its column has it: `Recorded`, with a blob's hash where the body is in one."""

    headers: tuple[tuple[str, str], ...]
    body: str
    size: int
    sha256: str = ""
    cut: bool = False
    blob: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept).decode


def part_to_column(part: Recorded | None, texts: list[str]) -> str | None:
    """What the column takes; a body that is large is added to `texts`, to be stored by `store`."""
    if part is None:
        return None
    if len(part.body) <= LARGE:
        return _encode(part).decode()
    texts.append(part.body)
    return _encode(_Kept(part.headers, "", part.size, part.sha256, part.cut, _hash(part.body))).decode()


def part_of_column(column: str | None, text_of: Callable[[str], str]) -> Recorded | None:
    """The request or reply that a column holds; `text_of` finds a blob by its hash."""
    if column is None:
        return None
    kept = _decode(column)
    body = text_of(kept.blob) if kept.blob else kept.body
    return Recorded(kept.headers, body, kept.size, kept.sha256, kept.cut)


def store(connection: sqlite3.Connection, entry: int, texts: Sequence[str]) -> None:
    """Keep the large bodies of the entry at this position."""
    for text in texts:
        name = _hash(text)
        connection.execute("INSERT OR IGNORE INTO blob(sha256, text) VALUES (?, ?)", (name, text))
        connection.execute(_USE, (entry, name))


def find(connection: sqlite3.Connection, name: str) -> str:
    """The text of a blob. Raises LookupError where the file has lost it."""
    row = connection.execute("SELECT text FROM blob WHERE sha256 = ?", (name,)).fetchone()
    if row is None:
        raise LookupError(f"the ledger has lost the body {name}")
    text: str = row[0]
    return text


def drop(connection: sqlite3.Connection, branch: int, after: int) -> None:
    """Before a branch's entries after call `after` go: their claims on blobs, and the blobs that nobody else claims."""
    place = (branch, after)
    numbers = connection.execute(_USED, place).fetchall()
    connection.execute(_UNUSE, place)
    connection.executemany(
        "DELETE FROM blob WHERE number = ? AND NOT EXISTS (SELECT 1 FROM blob_use AS use WHERE use.blob = blob.number)",
        numbers,
    )


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
