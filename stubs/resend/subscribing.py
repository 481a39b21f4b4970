"""Who wants what: the segments that contacts are in, and the topics that they have opted in to or out of."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal


def contact(ctx: Context, id_or_email: str) -> Entity:
    """A contact by its id or its address."""
    found = ctx.find("contact", id_or_email) or with_email(ctx, id_or_email)
    if found is None:
        raise ctx.not_found("contact", id_or_email)
    return found


def with_email(ctx: Context, email: str) -> Entity | None:
    """The contact with an address, whatever its case."""
    return next(iter(ctx.list("contact", _email=email.lower(), limit=1)), None)


def segment(ctx: Context, id: str) -> Entity:  # noqa: A002 - the concept's name
    """A segment; audiences are segments by their older name."""
    return ctx.get("segment", id)


def members(ctx: Context, segment_id: str) -> list[Entity]:
    """The contacts of a segment, the newest first."""
    return [one for one in ctx.list("contact") if segment_id in one["_segments"]]


def subscription(one: Entity | None, topic: Entity) -> str:
    """`opt_in` or `opt_out`: what a contact has chosen, else the topic's default."""
    chosen: dict[str, str] = one["_topics"] if one is not None else {}
    return chosen.get(topic.id) or str(topic["default_subscription"])


def opted_out(ctx: Context, email: str, topic_id: str) -> bool:
    """Whether somebody doesn't want mail about a topic."""
    return subscription(with_email(ctx, email), ctx.get("topic", topic_id)) == "opt_out"


def chosen(ctx: Context, given: Any) -> dict[str, str]:
    """Topics as a request names them: `[{id, subscription}]`."""
    found: dict[str, str] = {}
    for one in given or ():
        if not isinstance(one, dict):
            raise Refusal(422, "validation_error", "Invalid `topics` field.")
        topic = ctx.get("topic", str(one.get("id", "")))
        if one.get("subscription") not in {"opt_in", "opt_out"}:
            raise Refusal(422, "validation_error", "The `subscription` field must be one of: opt_in or opt_out.")
        found[topic.id] = one["subscription"]
    return found


def segments(ctx: Context, given: Any) -> list[str]:
    """Segments as a request names them: ids, or `[{id}]`."""
    ids = [str(one.get("id", "")) if isinstance(one, dict) else str(one) for one in given or ()]
    return list(dict.fromkeys(segment(ctx, id).id for id in ids))  # noqa: A001 - as above
