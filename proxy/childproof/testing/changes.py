"""What a world's calls changed, entity by entity, and which of it nobody had asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from childproof.control.mailboxes import SERVICE

from .calls import Call
from .tables import aligned, columns, cut

MOST = 20
_OF_A_MAIL = ("attachment", "source", "delivery", "mailbox")
OWN = "~"  # in the name of a kind that a stub keeps for itself: what was deleted, beside the deletion
_RECORDS = ("event", "events")  # what a service writes down of each change


class Changed(msgspec.Struct, frozen=True):
    """An entity that isn't as it was: before the first call that changed it, and after the last."""

    service: str
    kind: str
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    call: Call  # the last that changed it

    @property
    def how(self) -> str:
        """In words: made, deleted, or the fields that differ."""
        if self.before is None:
            return "made"
        if self.after is None:
            return "deleted"
        names = [name for name in {**self.before, **self.after} if self.before.get(name) != self.after.get(name)]
        told = [f"{name}: {self.before.get(name)!r} → {self.after.get(name)!r}" for name in names]
        text = ", ".join(told)
        return text if len(text) <= 60 else f"changed: {', '.join(names)}"


def changed(calls: Sequence[Call]) -> list[Changed]:
    """All entities that calls changed, but those that are as they were in the end."""
    found: dict[tuple[str, str, str], Changed] = {}
    for call in calls:
        for one in call.line["changes"]:
            key = one["service"], one["kind"], one["id"]
            before = found[key].before if key in found else one["before"]
            found[key] = Changed(*key, before, one["after"], call)
    return [one for one in found.values() if one.before != one.after]


def outside(calls: Sequence[Call], allowed: Mapping[str, Sequence[str] | str]) -> list[Changed]:
    """What calls changed beyond `allowed`: service -> kinds, or `*`."""
    return [
        one
        for one in changed(calls)
        if not one.service.startswith("_")
        and one.kind not in _RECORDS
        and OWN not in one.kind
        and not _is_allowed(one, allowed)
    ]


def message(found: Sequence[Changed], allowed: Mapping[str, Sequence[str] | str]) -> str:
    """What was changed beside what was to be, and by which calls."""
    named = ", ".join(
        f"{service}: {kinds if isinstance(kinds, str) else ', '.join(kinds)}" for service, kinds in allowed.items()
    )
    head = f"expected {f'no change but of {named}' if named else 'no change'}; {len(found)} other{'s' if len(found) != 1 else ''}"
    rows = [("service", "kind", "id", "what", "by")]
    rows += [
        (one.service, one.kind, one.id, one.how, f"{one.call.method or one.call.protocol} {one.call.place}")
        for one in found[:MOST]
    ]
    wide = columns() - 6 - sum(max(len(row[place]) + 2 for row in rows) for place in (0, 1, 2))
    what, by = (max(len(row[place]) for row in rows) for place in (3, 4))
    by = max(20, min(by, wide - min(what, wide // 2) - 2))
    rows = [(*row[:3], cut(row[3], max(20, wide - by - 2)), cut(row[4], by)) for row in rows]
    more = [f"  … and {len(found) - MOST} more"] if len(found) > MOST else []
    return "\n".join([head, "", *(f"  {line}" for line in aligned(rows)), *more])


def _is_allowed(one: Changed, allowed: Mapping[str, Sequence[str] | str]) -> bool:
    kinds = allowed.get(one.service, ())
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    return (
        "*" in kinds or one.kind in kinds or (one.service == SERVICE and one.kind in _OF_A_MAIL and "message" in kinds)
    )
