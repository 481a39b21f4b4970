"""A comparison as JSON Patch (RFC 6902).

The operations are written here and not by a library: those (jsonpatch is the kept one) compute a difference of two
whole documents, while ours is known already, entity by entity and field by field.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from childproof.model import Change

from .difference import MISSING, differences


def json_patch(changes: Iterable[Change]) -> Iterator[dict[str, Any]]:
    """Operations on the document `{service: {kind: {id: entity}}}` in which every kind has its object, maybe empty."""
    for change in changes:
        place = (change.service, change.kind, change.id)
        if change.before is None:
            yield {"op": "add", "path": pointer(place), "value": change.after}
        elif change.after is None:
            yield {"op": "remove", "path": pointer(place)}
        else:
            for difference in differences(change.before, change.after):
                path = pointer((*place, *difference.keys))
                if difference.after is MISSING:
                    yield {"op": "remove", "path": path}
                else:
                    op = "add" if difference.before is MISSING else "replace"
                    yield {"op": op, "path": path, "value": difference.after}


def pointer(keys: Sequence[str | int]) -> str:
    """A JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)
