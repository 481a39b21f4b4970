"""Conditional requests (RFC 9110, section 13): entity tags and dates on replies, and what a call makes depend on them."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import msgspec

from childproof.model import Call, Reply
from childproof.stubkit.clock import http_date
from childproof.stubkit.declared.settings import Etags
from childproof.stubkit.document.shape import CREATED, UPDATED
from childproof.stubkit.entity import Entity, public
from childproof.stubkit.refusal import Refusal

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context
    from childproof.stubkit.service import Plan

_READING = frozenset({"GET", "HEAD"})
_encode = msgspec.json.Encoder(order="sorted").encode


def check(ctx: "Context", plan: "Plan", etags: Etags) -> None:
    """Refuse a change whose conditions don't hold: `precondition_failed`, `precondition_required`."""
    call = ctx.call
    if call.method in _READING or etags.of_reply:
        return
    match, none_match = call.header("if-match"), call.header("if-none-match")
    since = call.header("if-unmodified-since")
    if call.method in etags.required and plan.item and match is None and none_match is None and since is None:
        raise Refusal.of("precondition_required", param="If-Match", method=call.method)
    if match is None and none_match is None and since is None:
        return
    entity = subject(ctx, plan)
    tag = "" if entity is None else tag_of(entity, etags)
    met = True
    if match is not None:
        met = entity is not None and (match.strip() == "*" or (not etags.weak and tag in _tags(match)))
    elif since is not None and entity is not None:
        changed, bound = changed_at(entity), _date(since)
        met = changed is None or bound is None or changed // 1000 * 1000 <= bound
    if met and none_match is not None and entity is not None:
        met = none_match.strip() != "*" and not _among(tag, none_match)
    if not met:
        raise Refusal.of("precondition_failed", param="If-Match" if match is not None else "If-None-Match")


def tagged(ctx: "Context", plan: "Plan", etags: Etags, reply: Reply, made: Any) -> Reply:
    """A reply with its entity tag; 304 without a body, where the client has it already."""
    reading = ctx.call.method in _READING
    if not 200 <= reply.status < 300 or reply.stream is not None or ctx.call.method == "DELETE":
        return reply
    entity = None if etags.of_reply else made if isinstance(made, Entity) else subject(ctx, plan)
    if entity is None and not reading:
        return reply
    tag = tag_of(entity, etags) if entity is not None else _tag(reply.body, etags)
    told = [("ETag", tag)]
    dated = made if etags.of_reply and isinstance(made, dict) else entity
    changed = changed_at(dated) if dated is not None else None
    if changed is not None and etags.dates:
        told.append(("Last-Modified", http_date(changed)))
    if reading and _fresh(ctx.call, tag, changed):
        kept = [
            (name, value) for name, value in reply.headers if name.lower() not in {"content-type", "content-length"}
        ]
        return Reply(304, (*kept, *told), b"")
    return Reply(reply.status, (*reply.headers, *told), reply.body)


def subject(ctx: "Context", plan: "Plan") -> Entity | None:
    """The entity that a call is about, as it is now; None where the path names none."""
    if plan.resource is None or not plan.item:
        return None
    return ctx.find(plan.resource.name, ctx.path[plan.item])


def tag_of(entity: Entity, etags: Etags) -> str:
    """The tag of an entity: another one whenever anything that is shown of it is another."""
    return _tag(_encode(public(entity)), etags)


def changed_at(entity: Mapping[str, Any]) -> int | None:
    """When an entity was changed last, by its own fields (unix ms); None where it has no such."""
    for names in (UPDATED, CREATED):
        for name, value in entity.items():
            if name.lower() in names and value is not None:
                return _unix_ms(value)
    return None


def _tag(raw: bytes, etags: Etags) -> str:
    return f'{"W/" if etags.weak else ""}"{sha256(raw).hexdigest()[:32]}"'


def _fresh(call: Call, tag: str, changed: int | None) -> bool:
    wanted = call.header("if-none-match")
    if wanted is not None:  # then If-Modified-Since doesn't count (section 13.1.3)
        return wanted.strip() == "*" or _among(tag, wanted)
    since = call.header("if-modified-since")
    bound = _date(since) if since is not None else None
    return bound is not None and changed is not None and changed // 1000 * 1000 <= bound


def _tags(header: str) -> list[str]:
    return [part.strip() for part in header.split(",")]


def _among(tag: str, header: str) -> bool:
    """Whether a tag is one of a header's, compared weakly (section 8.8.3.2)."""
    return tag.removeprefix("W/") in {one.removeprefix("W/") for one in _tags(header)}


def _date(text: str) -> int | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)


def _unix_ms(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value > 10**11 else value * 1000  # no service of today counts seconds that far
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp() * 1000)
