"""Two worlds compared, as JSON values: what each holds otherwise, and in their stubs' words what each did otherwise.

The command line's `world diff --json` and the API say the same, from here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from childproof.catalog import Catalog
from childproof.ledger import Ledger
from childproof.model import Change, Effect
from childproof.world import MISSING, Comparison, differences


class Words(msgspec.Struct, frozen=True):
    """What a service's effects since the worlds parted came to: of each side, and of the second against the first."""

    a: str
    b: str
    difference: str


Sides = Mapping[str, tuple[list[Effect], list[Effect]]]


def effects_of(
    ledger: Ledger, found: Comparison, *, at: int | None = None
) -> dict[str, tuple[list[Effect], list[Effect]]]:
    """What both did since they parted, by service. `at`: the first is compared as it was after that call."""
    left = _effects(ledger, found.a, found.base, at)
    right = _effects(ledger, found.b, found.base)
    return {service: (left.get(service, []), right.get(service, [])) for service in sorted({*left, *right})}


def worded(catalog: Catalog, sides: Sides) -> dict[str, Words]:
    """Effects in the words of the stubs that there are."""
    words = {}
    for service, (ours, theirs) in sides.items():
        if service in catalog:
            stub = catalog.get(service)
            words[service] = Words(stub.outcomes(ours), stub.outcomes(theirs), stub.compare_outcomes(ours, theirs))
    return words


def values(found: Comparison, words: Mapping[str, Words]) -> dict[str, Any]:
    """A comparison; the keys stand in docs/worlds.md."""
    services = []
    for service in sorted({*words, *(change.service for change in found.changes)}):
        mine = [change for change in found.changes if change.service == service]
        told = words.get(service, Words("", "", ""))
        services.append(
            {
                "service": service,
                "outcomes": {"a": told.a, "b": told.b, "difference": told.difference},
                "added": [_entity(change, change.after) for change in mine if change.before is None],
                "removed": [_entity(change, change.before) for change in mine if change.after is None],
                "changed": [
                    {"kind": change.kind, "id": change.id, "fields": _fields(change)}
                    for change in mine
                    if change.before is not None and change.after is not None
                ],
            }
        )
    ancestor = {"world": found.ancestor, "call": found.base}
    return {"version": 1, "a": found.a, "b": found.b, "ancestor": ancestor, "services": services}


def _effects(ledger: Ledger, world: str, after: int, last: int | None = None) -> dict[str, list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for entry in ledger.entries(world=world, after_seq=after):
        for effect in entry.effects if last is None or entry.seq <= last else ():
            found.setdefault(effect.service, []).append(effect)
    return found


def _entity(change: Change, value: dict[str, Any] | None) -> dict[str, Any]:
    return {"kind": change.kind, "id": change.id, "value": value}


def _fields(change: Change) -> list[dict[str, Any]]:
    fields = []
    for difference in differences(change.before, change.after):
        field: dict[str, Any] = {"path": list(difference.keys)}
        if difference.before is not MISSING:
            field["before"] = difference.before
        if difference.after is not MISSING:
            field["after"] = difference.after
        fields.append(field)
    return fields
