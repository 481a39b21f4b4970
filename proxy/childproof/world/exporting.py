"""A world as plain values: everything in it, or what it changed since its parent."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from childproof.errors import AskedError

from . import versions
from .clock import Clock
from .database import Database
from .lineage import Branch
from .world import World

VERSION = 1
CLOCK = ("_clock", "clock", "clock")
_IDS = "SELECT DISTINCT collection, id FROM version WHERE world = ? AND seq <= ?"
_STEP = "SELECT at FROM step WHERE world = ? AND seq = ?"
_decode = msgspec.json.Decoder(dict[str, Any]).decode

Held = tuple[str, str, str, versions.Row]  # service, kind, id


def export(database: Database, world: World, branch: Branch, parent: World | None) -> dict[str, Any]:
    """All of `world`, or with its `parent` only what changed since. Within a transaction."""
    head = world.head()
    line = [(number, min(last, head.seq)) for number, last in head.lineage]
    values: dict[str, Any] = {"version": VERSION, "world": world.name, "seed": head.seed, "calls": head.seq}
    time = next(
        (row[0] for number, _ in line if (row := database.connection.execute(_STEP, (number, head.seq)).fetchone())),
        None,
    )
    if time is not None:
        values["time"] = timestamp(time)
    if branch.labels:
        values["metadata"] = dict(branch.labels)
    values["clock"] = _clock(head.clock)
    if parent is None:
        values["state"] = _state(held(database, line))
        return values
    own = next(place for place, (number, _) in enumerate(line) if number == parent.id)
    above = [(number, min(last, branch.base)) for number, last in line[own:]]
    values["parent"] = {"world": parent.name, "call": branch.base, "sha256": digest(held(database, above))}
    values["changes"] = _changes(database, held(database, line, line[:own]), above)
    return values


def held(database: Database, line: versions.Lineage, within: versions.Lineage | None = None) -> list[Held]:
    """Every entity that a lineage ever had, or that some branches of it touched, by service, kind and place."""
    ids: dict[tuple[int, str], None] = {}
    for branch, last in line if within is None else within:
        ids.update(dict.fromkeys(database.connection.execute(_IDS, (branch, last)).fetchall()))
    found: list[Held] = []
    for collection, entity in ids:
        row = versions.current(database.connection, line, collection, entity)
        if row is not None:
            found.append((*database.collection_name(collection), entity, row))
    return sorted(found, key=lambda item: (item[0], item[1], item[3][0], item[2]))


def digest(state: Iterable[Held]) -> str:
    """SHA-256 over what a state holds, in order; the clock, which a file names by itself, and what is gone left out."""
    whole = hashlib.sha256()
    for service, kind, entity, (_, raw) in state:
        if raw is not None and (service, kind, entity) != CLOCK:
            whole.update(msgspec.json.encode([service, kind, entity]))
            whole.update(raw.encode())
    return whole.hexdigest()


def timestamp(at: int) -> str:
    """Unix milliseconds as RFC 3339."""
    moment = datetime.fromtimestamp(at // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at % 1000:03d}Z"


def milliseconds(text: str) -> int:
    """The opposite of `timestamp`. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return int(moment.replace(microsecond=0).timestamp()) * 1000 + moment.microsecond // 1000


def _clock(clock: Clock) -> dict[str, Any]:
    settings = clock.settings
    values: dict[str, Any] = {"run": settings.run}
    if settings.start is not None:
        values["start"] = timestamp(settings.start)
    set_: dict[str, Any] = {"call": clock.seq}
    if clock.wall is not None:
        set_["wall"] = timestamp(clock.wall)
    return {**values, "step": settings.step, "set": set_}


def _state(items: Iterable[Held]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for service, kind, entity, (_, raw) in _kept(items):
        out.setdefault(service, {}).setdefault(kind, {})[entity] = None if raw is None else _decode(raw)
    return out


def _changes(database: Database, items: Iterable[Held], above: versions.Lineage) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for service, kind, entity, (ordinal, raw) in _kept(items, gone=True):
        number = database.collection(service, kind)
        assert number is not None
        old = versions.current(database.connection, above, number, entity)
        if old == (ordinal, raw):
            continue
        value = None if raw is None else _decode(raw)
        there = old is not None and old[0] == ordinal
        if raw is None and old is not None and old[1] is not None and (there or service.startswith("_")):
            out.setdefault(service, {}).setdefault(kind, {}).setdefault("deleted", []).append(entity)
        elif there or raw is not None or not service.startswith("_"):
            what = "changed" if there else "created"
            out.setdefault(service, {}).setdefault(kind, {}).setdefault(what, {})[entity] = value
    return out


def _kept(items: Iterable[Held], *, gone: bool = False) -> Iterator[Held]:
    """Without the clock, and without what is gone from internal services: nobody lists those from a place."""
    for item in items:
        if item[:3] != CLOCK and (gone or item[3][1] is not None or not item[0].startswith("_")):
            yield item


def parent_of(branch: Branch) -> str:
    """The name of a world's parent. Raises StoreError where it has none."""
    if branch.parent is None:
        raise AskedError(f"world {branch.name} has no parent; export all of it, without --since-parent")
    return branch.parent
