"""Contacts, the segments that they are in and the topics that they are subscribed to."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import addresses, subscribing
from .telling import of_contact

_FIELDS = ("first_name", "last_name", "unsubscribed", "properties")


def create(ctx: Context, given: dict[str, Any], *segments: str, quiet: bool = False) -> Entity:
    """Make a contact, or give the one that has this address already, with what is new."""
    email = given["email"]
    if not addresses.bare(email):
        raise addresses.wrong("email")
    wanted = [*segments, *subscribing.segments(ctx, given.get("segments"))]
    topics = subscribing.chosen(ctx, given.get("topics"))
    fields = {name: given[name] for name in _FIELDS if name in given}
    known = subscribing.with_email(ctx, email)
    if known is not None:
        return change(ctx, known, fields, wanted, topics)
    made = ctx.create(
        "contact",
        object="contact",
        **{"first_name": None, "last_name": None, "unsubscribed": False, "properties": {}, **fields},
        email=email,
        _email=email.lower(),
        _segments=list(dict.fromkeys(wanted)),
        _topics=topics,
    )
    if not quiet:
        of_contact(ctx, "created", made, made["_segments"])
    return made


def change(
    ctx: Context, known: Entity, fields: dict[str, Any], segments: list[str], topics: dict[str, str] | None = None
) -> Entity:
    """Change a contact, put it into segments, subscribe it."""
    if "properties" in fields:
        fields = {**fields, "properties": {**known["properties"], **(fields["properties"] or {})}}
    told = ctx.update(
        known,
        **fields,
        _segments=list(dict.fromkeys([*known["_segments"], *segments])),
        _topics={**known["_topics"], **(topics or {})},
    )
    if told != known:
        of_contact(ctx, "updated", told, told["_segments"])
    return told


@operation("POST /contacts")
def created(ctx: Context) -> dict[str, Any]:
    """A contact of the account; of an audience, too, where one is named."""
    audience = ctx.body.get("audience_id")
    return _ref(create(ctx, ctx.body, *([subscribing.segment(ctx, audience).id] if audience else [])))


@operation("GET /contacts")
def listed(ctx: Context) -> Any:
    """All contacts, or those of a segment."""
    if ctx.query.get("segment_id"):
        return ctx.page(_shown(subscribing.members(ctx, subscribing.segment(ctx, ctx.query["segment_id"]).id)))
    return ctx.page(_shown(ctx.list("contact")))


@operation("GET /contacts/{id}")
def retrieve(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's name
    """One contact, by id or address."""
    return subscribing.contact(ctx, id)


@operation("PATCH /contacts/{id}")
def update(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Change one."""
    return _ref(_updated(ctx, subscribing.contact(ctx, id)))


@operation("DELETE /contacts/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete one."""
    return _gone(ctx, subscribing.contact(ctx, id))


@operation("POST /audiences/{audience_id}/contacts")
def created_in(ctx: Context, audience_id: str) -> dict[str, Any]:
    """A contact of an audience."""
    return _ref(create(ctx, ctx.body, subscribing.segment(ctx, audience_id).id))


@operation("GET /audiences/{audience_id}/contacts")
def listed_in(ctx: Context, audience_id: str) -> Any:
    """Those of an audience."""
    return ctx.page(_shown(subscribing.members(ctx, subscribing.segment(ctx, audience_id).id)))


@operation("GET /segments/{segment_id}/contacts")
def listed_of(ctx: Context, segment_id: str) -> Any:
    """Those of a segment."""
    return ctx.page(_shown(subscribing.members(ctx, subscribing.segment(ctx, segment_id).id)))


@operation("GET /audiences/{audience_id}/contacts/{contact_id}")
def retrieve_in(ctx: Context, audience_id: str, contact_id: str) -> Entity:
    """One of an audience."""
    return _within(ctx, audience_id, contact_id)


@operation("PATCH /audiences/{audience_id}/contacts/{contact_id}")
def update_in(ctx: Context, audience_id: str, contact_id: str) -> dict[str, Any]:
    """Change one of an audience."""
    return _ref(_updated(ctx, _within(ctx, audience_id, contact_id)))


@operation("DELETE /audiences/{audience_id}/contacts/{contact_id}")
def delete_in(ctx: Context, audience_id: str, contact_id: str) -> dict[str, Any]:
    """Delete one of an audience."""
    return _gone(ctx, _within(ctx, audience_id, contact_id))


@operation("GET /contacts/{contact_id}/segments")
def segments(ctx: Context, contact_id: str) -> Any:
    """The segments that a contact is in."""
    found = [ctx.find("segment", one) for one in subscribing.contact(ctx, contact_id)["_segments"]]
    return ctx.page([{name: one[name] for name in ("id", "name", "created_at")} for one in found if one is not None])


@operation("POST /contacts/{contact_id}/segments/{segment_id}")
def enter(ctx: Context, contact_id: str, segment_id: str) -> dict[str, Any]:
    """Put a contact into a segment."""
    found = subscribing.contact(ctx, contact_id)
    change(ctx, found, {}, [subscribing.segment(ctx, segment_id).id])
    return {"object": "contact_segment", "id": segment_id, "contact_id": found.id, "segment_id": segment_id}


@operation("DELETE /contacts/{contact_id}/segments/{segment_id}")
def leave(ctx: Context, contact_id: str, segment_id: str) -> dict[str, Any]:
    """Take a contact out of one."""
    found = subscribing.contact(ctx, contact_id)
    if segment_id not in found["_segments"]:
        raise ctx.not_found("segment", segment_id)
    left = ctx.update(found, _segments=[one for one in found["_segments"] if one != segment_id])
    of_contact(ctx, "updated", left, left["_segments"])
    told = {"object": "contact_segment", "id": segment_id, "contact_id": found.id, "segment_id": segment_id}
    return {**told, "deleted": True}


@operation("GET /contacts/{contact_id}/topics")
def topics(ctx: Context, contact_id: str) -> Any:
    """All topics, each with what a contact has chosen."""
    found = subscribing.contact(ctx, contact_id)
    return ctx.page(
        [
            {
                **{name: topic[name] for name in ("id", "name", "description")},
                "subscription": subscribing.subscription(found, topic),
            }
            for topic in ctx.list("topic")
        ]
    )


@operation("PATCH /contacts/{contact_id}/topics")
def choose(ctx: Context, contact_id: str) -> dict[str, Any]:
    """Subscribe a contact to topics, or take it off: a list, or one under `topics`."""
    found = subscribing.contact(ctx, contact_id)
    given: Any = ctx.body
    given = given.get("topics") if isinstance(given, dict) else given
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Refusal.of("missing", param="topics")
    wanted = subscribing.chosen(ctx, given)
    change(ctx, found, {}, [], wanted)
    shown = [{"id": topic, "subscription": what} for topic, what in wanted.items()]
    return {"object": "contact_topics", "id": found.id, "contact_id": found.id, "topics": shown}


def _updated(ctx: Context, found: Entity) -> Entity:
    fields = {name: ctx.body[name] for name in _FIELDS if name in ctx.body}
    email = ctx.body.get("email")
    if email is not None:
        if not addresses.bare(email):
            raise addresses.wrong("email")
        other = subscribing.with_email(ctx, email)
        if other is not None and other.id != found.id:
            raise Refusal(422, "validation_error", "Another contact has this email address already.")
        fields |= {"email": email, "_email": email.lower()}
    return change(ctx, found, fields, [])


def _gone(ctx: Context, found: Entity) -> dict[str, Any]:
    ctx.delete(found)
    of_contact(ctx, "deleted", found, found["_segments"])
    return {"object": "contact", "id": found.id, "contact": found.id, "deleted": True}


def _within(ctx: Context, audience_id: str, contact_id: str) -> Entity:
    found = subscribing.contact(ctx, contact_id)
    if subscribing.segment(ctx, audience_id).id not in found["_segments"]:
        raise ctx.not_found("contact", contact_id)
    return found


def _ref(found: Entity) -> dict[str, Any]:
    return {"object": "contact", "id": found.id}


_ITEM = ("id", "email", "first_name", "last_name", "created_at", "unsubscribed")


def _shown(found: list[Entity]) -> list[dict[str, Any]]:
    return [{name: one.get(name) for name in _ITEM} for one in found]
