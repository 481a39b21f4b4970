"""A world from plain values as `exporting` made them: the same state, order, clock, seed and number of calls."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from childproof.errors import AskedError

from . import versions
from .clock import Clock, ClockSettings
from .database import Database
from .exporting import CLOCK, digest, held, milliseconds

_STEP = "INSERT INTO step(world, seq, at) VALUES (?, ?, ?)"
_encode = msgspec.json.Encoder().encode


class Entity(NamedTuple):
    """A row to be: `place` counts the entity among those the file creates of its kind; None keeps its old one."""

    service: str
    kind: str
    id: str
    place: int | None
    value: dict[str, Any] | None


def fill(database: Database, world: int, values: dict[str, Any], parent: versions.Lineage) -> None:
    """Store what a file holds in a new, empty world; `parent` is the past that it shares. Within a transaction.

    Raises StoreError where the parent isn't the one that the file was made from.
    """
    calls = values["calls"]
    if parent:
        _check_parent(database, values, parent)
    # The file tells of one call: the last one, unless that was the parent's.
    if calls > values.get("parent", {"call": 0})["call"]:
        database.connection.execute(_STEP, (world, calls, milliseconds(values["time"]) if "time" in values else 0))
    start = 0 if not parent else calls
    rows: list[tuple[object, ...]] = []
    for entity in _entities(values):
        number = database.intern(entity.service, entity.kind)
        old = versions.current(database.connection, parent, number, entity.id)
        if entity.place is not None:
            ordinal = versions.ordinal_of(start, entity.place)
        elif old is not None and old[1] is not None:
            ordinal = old[0]
        else:
            raise AskedError(f"{values['parent']['world']} has no {entity.kind} {entity.id} that could have changed")
        if ordinal >= versions.ordinal_of(calls + 1, 0):
            raise AskedError(f"{entity.kind}: more entities of one kind than a world of {calls} calls can hold")
        first = entity.place is not None and entity.value is not None
        raw = None if entity.value is None else _encode(entity.value).decode()
        rows.append((world, number, entity.id, calls, ordinal, first, raw))
    rows.append(_clock_row(database, world, values, parent))
    database.connection.executemany(versions.INSERT, rows)


def _entities(values: dict[str, Any]) -> Iterator[Entity]:
    for service, kinds in values.get("state", {}).items():
        for kind, entities in kinds.items():
            for place, (entity, value) in enumerate(entities.items()):
                if (service, kind, entity) != CLOCK:
                    yield Entity(service, kind, entity, place, value)
    for service, kinds in values.get("changes", {}).items():
        for kind, parts in kinds.items():
            for entity in parts.get("deleted", ()):
                yield Entity(service, kind, entity, None, None)
            for entity, value in parts.get("changed", {}).items():
                yield Entity(service, kind, entity, None, value)
            for place, (entity, value) in enumerate(parts.get("created", {}).items()):
                yield Entity(service, kind, entity, place, value)


def _check_parent(database: Database, values: dict[str, Any], parent: versions.Lineage) -> None:
    wanted = values["parent"]
    if digest(held(database, parent)) != wanted["sha256"]:
        raise AskedError(
            f"world {wanted['world']} after call {wanted['call']} isn't the one that this file was made from; "
            "import that first, or export all of the world, without --since-parent"
        )


def _clock_row(database: Database, world: int, values: dict[str, Any], parent: versions.Lineage) -> tuple[object, ...]:
    written = values["clock"]
    start = written.get("start")
    settings = ClockSettings(None if start is None else milliseconds(start), written["run"], written.get("step", 1000))
    wall = written["set"].get("wall")
    clock = Clock(settings, None if wall is None else milliseconds(wall), written["set"]["call"])
    number = database.intern(*CLOCK[:2])
    old = versions.current(database.connection, parent, number, CLOCK[2])
    ordinal, first = (old[0], 0) if old is not None else (versions.ordinal_of(0, 0), 1)
    return world, number, CLOCK[2], values["calls"], ordinal, first, _encode(clock.to_json()).decode()
