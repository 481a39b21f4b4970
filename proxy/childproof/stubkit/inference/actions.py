"""What an action on an entity changes: `POST /things/{id}/archive` sets `status: archived`, `archived: true`, `archived_at`.

Only what is plain from the entity's own schema is taken: a listed value, a boolean or a time whose name is the verb's
participle. Everything else stays as it is; the action then merges what its body names and replies the entity.
"""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit.document.naming import folded, words
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import types

_PARTICIPLES = {
    "send": ("sent",), "pay": ("paid",), "lose": ("lost",), "win": ("won",), "hold": ("held", "onhold"),
    "withdraw": ("withdrawn",), "cancel": ("canceled", "cancelled"), "void": ("voided", "void"), "ban": ("banned",),
    "start": ("started", "running", "active", "inprogress"), "stop": ("stopped", "inactive"), "run": ("running",),
    "open": ("open", "opened"), "reopen": ("reopened", "open"), "close": ("closed", "close"),
    "activate": ("activated", "active", "enabled"), "enable": ("enabled", "active"), "resume": ("resumed", "active", "running"),
    "deactivate": ("deactivated", "inactive", "disabled"), "disable": ("disabled", "inactive"),
    "suspend": ("suspended",), "pause": ("paused",), "complete": ("completed", "complete", "done"),
    "finish": ("finished", "done", "completed"), "lock": ("locked",), "publish": ("published", "live"),
    "finalize": ("finalized", "final", "open"), "confirm": ("confirmed",), "capture": ("captured",),
    "refund": ("refunded",), "read": ("read",), "hide": ("hidden",), "accept": ("accepted",), "decline": ("declined",),
    "fulfill": ("fulfilled",), "ship": ("shipped",), "submit": ("submitted",), "trash": ("trashed", "trash"),
    "restart": ("running", "active"), "reject": ("rejected",), "terminate": ("terminated",), "abort": ("aborted",),
}  # fmt: skip
_BACK = {  # verb -> the one that it undoes
    "unarchive": "archive", "restore": "delete", "unlock": "lock", "unpublish": "publish", "unpause": "pause",
    "unsuspend": "suspend", "unban": "ban", "unhide": "hide", "unstar": "star", "unpin": "pin", "unblock": "block",
    "undelete": "delete", "untrash": "trash", "unfollow": "follow", "unmute": "mute", "deactivate": "activate",
    "disable": "enable", "reopen": "close", "unread": "read", "unlink": "link",
}  # fmt: skip
_STATES = frozenset({"status", "state", "phase", "stage", "lifecyclestate", "currentstate"})
_FIRST = ("active", "open", "enabled", "draft", "available", "published")  # where undoing leads, if the schema lists it
_PLURALISH = ("s", "ing")
NOW = "now"


def state_change(api: OpenApi, known: Mapping[str, dict[str, Any]], verb: str) -> dict[str, Any]:
    """The fields that an action sets, by its verb and the entity's properties; `now` for a time. {} where nothing tells."""
    named = words(verb)
    if not named:
        return {}
    word = named[0]
    done, undone = participles(word), participles(_BACK[word]) if word in _BACK else ()
    out: dict[str, Any] = {}
    for name, node in known.items():
        node = api.resolve(node)  # noqa: PLW2901 - what the property is
        value = _listed(node, name, done) or (
            _listed(node, name, _FIRST) if undone and _has(node, name, undone) else None
        )
        if value is not None:
            out[name] = value
            continue
        plain = folded(name).removeprefix("is")
        kinds = types(api, node)
        if "boolean" in kinds and plain in {*done, *undone}:
            out[name] = plain in done
        elif "string" in kinds or "integer" in kinds:
            base = next(
                (plain.removesuffix(end) for end in ("at", "on", "time", "date", "timestamp") if plain.endswith(end)),
                "",
            )
            if base and base in done:
                out[name] = NOW
            elif base and base in undone and "null" in kinds:
                out[name] = None
    return out


def participles(verb: str) -> tuple[str, ...]:
    """What a thing is after an action: `archive` -> `archived`; several where there are several spellings or words."""
    if verb in _PARTICIPLES:
        return _PARTICIPLES[verb]
    if verb.endswith("e"):
        return (f"{verb}d",)
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return (f"{verb[:-1]}ied",)
    doubled = len(verb) > 2 and verb[-1] not in "aeiouwxy" and verb[-2] in "aeiou" and verb[-3] not in "aeiou"
    return (f"{verb}ed", f"{verb}{verb[-1]}ed") if doubled else (f"{verb}ed",)


def is_verb(segment: str) -> bool:
    """Whether a path's last segment may name an action rather than something that an entity has."""
    if not segment or "{" in segment or "." in segment:
        return False
    first = words(segment)[:1]
    return bool(first) and (first[0] in _PARTICIPLES or first[0] in _BACK or not segment.lower().endswith(_PLURALISH))


def _listed(node: Mapping[str, Any], name: str, wanted: tuple[str, ...]) -> Any:
    """The value that a state's property lists for one of some words, as it spells it."""
    if folded(name) not in _STATES and not folded(name).endswith(("status", "state")):
        return None
    listed = node.get("enum")
    spelled = {folded(one): one for one in listed if isinstance(one, str)} if isinstance(listed, list) else {}
    return next((spelled[word] for word in wanted if word in spelled), None)


def _has(node: Mapping[str, Any], name: str, wanted: tuple[str, ...]) -> bool:
    return _listed(node, name, wanted) is not None
