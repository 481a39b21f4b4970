"""What a world has of a service before anything is done there: planted with the first call, and no change of anybody's.

Which entities these were, and how they looked, is a row of the world itself, so that every branch knows its own.
"""

import hashlib
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import msgspec

from . import versions
from .database import Database
from .pending import Planted
from .transaction import Transaction

SERVICE = "_seeded"
_ID = "done"
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def planted(tx: Transaction, service: str) -> bool:
    """Whether a world has what it begins with of a service."""
    return tx.keeps(SERVICE, service, _ID)


def remember(tx: Transaction, service: str, entities: Iterable[Planted]) -> None:
    """Note what was planted of a service."""
    kinds: dict[str, dict[str, str]] = {}
    for entity in entities:
        kinds.setdefault(entity.kind, {})[entity.id] = _digest(entity.raw)
    tx.put(SERVICE, service, _ID, {"at": tx.now(), "entities": kinds})


class Fresh:
    """What of one service was planted in a lineage."""

    def __init__(self, database: Database, lineage: versions.Lineage, service: str) -> None:
        self._database = database
        self._lineage = lineage
        self._service = service

    @cached_property
    def _noted(self) -> dict[str, dict[str, str]]:
        collection = self._database.collection(SERVICE, self._service)
        row = (
            None if collection is None else versions.current(self._database.connection, self._lineage, collection, _ID)
        )
        found: dict[str, dict[str, str]] = {} if row is None or row[1] is None else _decode(row[1]).get("entities", {})
        return found

    def untouched(self, kind: str, entity: str, raw: str | None) -> bool:
        """Whether an entity is as it was planted; where there is none, whether none was planted either."""
        noted = self._noted.get(kind, {}).get(entity)
        return noted is None if raw is None else noted == _digest(raw)


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()[:16]
