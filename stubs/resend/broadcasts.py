"""Broadcasts: one mail to everybody in a segment who wants it, now or at a time."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from . import addresses, sending, subscribing, times
from .telling import tell
from .templates import substituted

_FIELDS = ("name", "subject", "preview_text", "html", "text")
_OBJECT = {"object": "broadcast"}


@operation("POST /broadcasts")
def create(ctx: Context) -> dict[str, Any]:
    """A draft; with `send`, on its way at once."""
    body = ctx.body
    if not (body.get("segment_id") or body.get("audience_id")):
        raise Refusal.of("missing", param="segment_id")
    if body.get("scheduled_at") and not body.get("send"):
        raise Refusal(422, "validation_error", "The `scheduled_at` field can only be used if `send` is true.")
    made = ctx.create(
        "broadcast",
        **{**_OBJECT, **dict.fromkeys((*_FIELDS, "reply_to", "topic_id")), **_read(ctx)},
        status="draft",
        scheduled_at=None,
        sent_at=None,
    )
    if body.get("send"):
        _go(ctx, made, body.get("scheduled_at"))
    return {**_OBJECT, "id": made.id}


@operation("PATCH /broadcasts/{id}")
def update(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's name
    """Change a draft."""
    found = ctx.get("broadcast", id)
    if found["status"] != "draft":
        raise Refusal(422, "validation_error", "Broadcasts that have been sent or scheduled can't be updated.")
    ctx.update(found, **_read(ctx))
    return {**_OBJECT, "id": found.id}


@operation("DELETE /broadcasts/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Delete a draft, or one that waits: it won't be sent."""
    found = ctx.get("broadcast", id)
    if found["status"] not in {"draft", "scheduled"}:
        raise Refusal(422, "validation_error", "Only broadcasts in the draft or scheduled status can be deleted.")
    ctx.delete(found)
    return {**_OBJECT, "id": found.id, "deleted": True}


@operation("POST /broadcasts/{id}/send")
def send(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - as above
    """Send a draft, or have it wait."""
    found = ctx.get("broadcast", id)
    if found["status"] != "draft":
        raise Refusal(422, "validation_error", "Only broadcasts in the draft status can be sent.")
    _go(ctx, found, ctx.body.get("scheduled_at"))
    return {"id": found.id}


@job("broadcast")
def due(ctx: Context, payload: dict[str, Any]) -> None:
    """One whose time has come, unless it was deleted."""
    found = ctx.find("broadcast", payload["broadcast"])
    if found is not None and found["status"] == "scheduled":
        _send(ctx, found)


def _read(ctx: Context) -> dict[str, Any]:
    body = ctx.body
    fields: dict[str, Any] = {name: body[name] for name in _FIELDS if name in body}
    if "from" in body:
        fields["from"] = addresses.sender(body["from"])
    if "reply_to" in body:
        fields["reply_to"] = addresses.mailboxes(body["reply_to"], "reply_to") or None
    if body.get("topic_id"):
        fields["topic_id"] = ctx.get("topic", body["topic_id"]).id
    wanted = body.get("segment_id") or body.get("audience_id")
    if wanted:
        fields |= dict.fromkeys(("segment_id", "audience_id"), subscribing.segment(ctx, wanted).id)
    return fields


def _go(ctx: Context, found: Entity, when: str | None) -> None:
    if not (found["html"] or found["text"]):
        raise Refusal(422, "missing_required_field", "Missing `html` or `text` field.")
    sending.allowed_sender(ctx, found["from"], [one["email"] for one in _wanting(ctx, found)])
    if when is None:
        _send(ctx, found)
        return
    time = times.moment(ctx, when)
    ctx.move(found, "scheduled", scheduled_at=times.written(time))
    ctx.schedule(int(time.timestamp() * 1000) - ctx.now_ms(), "broadcast", {"broadcast": found.id})


def _wanting(ctx: Context, found: Entity) -> list[Entity]:
    """Those of its segment who are subscribed, the oldest first."""
    topic = ctx.find("topic", found["topic_id"]) if found["topic_id"] else None
    return [
        one
        for one in reversed(subscribing.members(ctx, found["segment_id"]))
        if not one["unsubscribed"] and (topic is None or subscribing.subscription(one, topic) == "opt_in")
    ]


def _send(ctx: Context, found: Entity) -> None:
    everybody = _wanting(ctx, found)
    for one in everybody:
        email = ctx.create(
            "email", object="email", **{"from": found["from"]}, to=[one["email"]], cc=[], bcc=[], reply_to=found["reply_to"] or [],
            subject=_personal(found["subject"], one), html=_personal(found["html"], one), text=_personal(found["text"], one),
            tags=[], last_event="queued", scheduled_at=None, message_id=None, _derives_text=not found["text"],
            _headers={"List-Unsubscribe": f"<{_unsubscribe(one)}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
            _broadcast=found.id,
        )  # fmt: skip
        sending.deliver(ctx, email)
    sent = ctx.move(found, "sent", sent_at=ctx.now())
    told = {name: sent[name] for name in ("id", "name", "subject", "segment_id", "sent_at")}
    tell(ctx, "broadcast.sent", {**told, "recipients": len(everybody)})


def _personal(text: str | None, contact: Entity) -> str | None:
    """A text for one contact: `{{{FIRST_NAME|there}}}`, `{{{contact.first_name|there}}}`, its properties, the link to leave."""
    if text is None:
        return None
    known: dict[str, Any] = {
        **contact["properties"],
        "FIRST_NAME": contact["first_name"],
        "LAST_NAME": contact["last_name"],
        "EMAIL": contact["email"],
        "first_name": contact["first_name"],
        "last_name": contact["last_name"],
        "email": contact["email"],
        "RESEND_UNSUBSCRIBE_URL": _unsubscribe(contact),
    }
    return substituted(text, lambda name: known.get(name.removeprefix("contact.")))


def _unsubscribe(contact: Entity) -> str:
    return f"https://unsubscribe.resend.com/?token={contact.id}"
