"""The ledger's tables and what a row of them holds.

They live in the worlds' file and share their transactions, so that a call's changes and its entry are one. Of the other
tables `world(id, name, parent, base)` is read, to follow a fork, and `step(world, seq)`, to check the record. Nothing is rewritten: what becomes known after a
call was allowed is a row in `settlement`. Positions and numbers are never given twice: who follows a ledger, or looks at
what came after a moment, misses nothing where a world was reset meanwhile.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec

from childproof.model import Change, Effect, Upstream, Would, replace

from . import blobs
from .bounding import Items, bounded
from .entry import Entry, Recorded
from .redaction import redact, redact_json, redact_short
from .trace import trace_of

_CAUSE = "json_extract(head, '$.cause')"
_CAUSED = "substr(head, 3, 5) = 'cause'"  # it stands first where there is one: every other entry costs nothing
CAUSED_BY = f"{_CAUSED} AND {_CAUSE} = ?"
_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS entry(
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL,
      world INTEGER NOT NULL,
      seq INTEGER NOT NULL,
      verdict TEXT NOT NULL,
      service TEXT NOT NULL,
      host TEXT NOT NULL,
      head TEXT NOT NULL,
      request TEXT,
      reply TEXT,
      changes TEXT NOT NULL,
      effects TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS entry_id ON entry(id)",
    "CREATE INDEX IF NOT EXISTS entry_call ON entry(world, seq)",
    # Of the few entries that another one caused.
    f"CREATE INDEX IF NOT EXISTS entry_caused ON entry({_CAUSE}) WHERE {_CAUSED}",
    """
    CREATE TABLE IF NOT EXISTS settlement(
      number INTEGER PRIMARY KEY AUTOINCREMENT,
      entry INTEGER NOT NULL,
      data TEXT NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS settlement_entry ON settlement(entry)",
)
APPEND = (
    "INSERT INTO entry(id, world, seq, verdict, service, host, head, request, reply, changes, effects) "
    "VALUES (?, (SELECT id FROM world WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SETTLE = "INSERT INTO settlement(entry, data) SELECT position, ? FROM entry WHERE id = ? ORDER BY position DESC LIMIT 1"
DROP_SETTLEMENTS = "DELETE FROM settlement WHERE entry IN (SELECT position FROM entry WHERE world = ? AND seq > ?)"
LOST_ENTRIES = "SELECT count(*) FROM entry WHERE (world, seq) NOT IN (SELECT world, seq FROM step)"
LOST_SETTLEMENTS = "SELECT count(*) FROM settlement WHERE entry NOT IN (SELECT position FROM entry)"
COLUMNS = (
    "position, head, request, reply, changes, effects, "
    "(SELECT data FROM settlement WHERE entry = position ORDER BY number DESC LIMIT 1)"
)
LINEAGE = """
WITH RECURSIVE line(branch, base, last, parent) AS (
  SELECT id, base, 4611686018427387904, parent FROM world WHERE name = ?
  UNION ALL
  SELECT w.id, w.base, min(line.last, line.base), w.parent FROM line JOIN world w ON w.id = line.parent
)
SELECT branch, last FROM line ORDER BY last
"""

Row = tuple[int, str, str | None, str | None, str, str, str | None]


class Settlement(msgspec.Struct):
    """What became of an allowed call."""

    upstream: Upstream
    status: int | None
    reply: Recorded | None
    duration_us: int
    error: str | None


_NONE = b"[]"
_encode = msgspec.json.Encoder().encode
_changes = msgspec.json.Decoder(tuple[Change, ...]).decode
_effects = msgspec.json.Decoder(tuple[Effect, ...]).decode
_settlement = msgspec.json.Decoder(Settlement).decode
_head = msgspec.json.Decoder(dict[str, Any]).decode


def create(connection: sqlite3.Connection) -> None:
    """Make the tables where they are missing."""
    for statement in (*_TABLES, *blobs.TABLES):
        connection.execute(statement)


def to_row(entry: Entry, changed: Items, texts: list[str]) -> tuple[object, ...]:
    """The values that APPEND takes, redacted. Bodies that are blobs are added to `texts`."""
    changes = redact_json(bounded(changed)) if changed else _NONE
    effects = redact_json(bounded(entry.effects)) if entry.effects else _NONE
    head = {
        "id": entry.id,
        "world": entry.world,
        "sandbox": entry.sandbox,
        "seq": entry.seq,
        "at": entry.at,
        "world_at": entry.world_at,
        "protocol": entry.protocol,
        "target": redact_short(entry.target),
        "host": entry.host,
        "port": entry.port,
        "method": entry.method,
        "path": redact_short(entry.path),
        "verdict": entry.verdict,
        "rule": entry.rule,
        "reason": redact_short(entry.reason),
        "stub": entry.stub,
        "operation": entry.operation,
        "fidelity": entry.fidelity,
        "status": entry.status,
        "duration_us": entry.duration_us,
        "upstream": entry.upstream,
        "error": redact(entry.error) if entry.error else entry.error,
        "trace": entry.trace or trace_of(entry.id),
    }
    if entry.cause is not None:
        head = {"cause": entry.cause, **head}
    if entry.would:
        head["would"] = [replace(one, reason=redact_short(one.reason)) for one in entry.would]
    return (
        entry.id,
        entry.world,
        entry.seq,
        entry.verdict,
        entry.stub or "",
        entry.host,
        _encode(head).decode(),
        blobs.part_to_column(entry.request, texts),
        blobs.part_to_column(entry.reply, texts),
        changes.decode(),
        effects.decode(),
    )


def from_row(row: Row, text_of: Callable[[str], str]) -> Entry:
    """An entry as COLUMNS give it, with its settlement where there is one; `text_of` finds a blob by its hash."""
    _, raw_head, request, reply, changes, effects, settled = row
    head = _head(raw_head)
    head["upstream"] = Upstream(**head["upstream"])
    if "would" in head:
        head["would"] = tuple(Would(**one) for one in head["would"])
    if not head.get("trace"):  # of a format before 3
        head["trace"] = trace_of(head["id"])
    entry = Entry(
        **head,
        request=blobs.part_of_column(request, text_of),
        reply=blobs.part_of_column(reply, text_of),
        changes=_changes(changes),
        effects=_effects(effects),
        settled=head["verdict"] != "allow" or head["error"] is not None or settled is not None,
    )
    if settled is None:
        return entry
    later = _settlement(settled)
    return replace(
        entry,
        upstream=later.upstream,
        status=later.status if later.status is not None else entry.status,
        reply=later.reply or entry.reply,
        duration_us=later.duration_us,
        error=later.error or entry.error,
    )


def to_settlement(settlement: Settlement) -> str:
    """What SETTLE takes, redacted."""
    return redact_json(_encode(settlement)).decode()
