"""Emails: sent one by one or in batches, at once or later."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Upload, operation

from . import addresses, sending, times
from .subscribing import opted_out
from .telling import of_email
from .templates import filled

MOST = 100  # emails of a batch
_FIELDS = ("html", "text")
_OBJECT = {"object": "email"}
_WORDS: dict[type, str] = {str: "string", dict: "object", list: "array"}
_KINDS: dict[str, tuple[type, ...]] = {  # of the fields of an email in a batch, each of which is refused for itself
    **dict.fromkeys(("from", "subject", "html", "text", "scheduled_at", "topic_id"), (str,)),
    **dict.fromkeys(("to", "cc", "bcc", "reply_to"), (str, list)),
    **dict.fromkeys(("headers", "template"), (dict,)),
    "tags": (list,),
}
_LONGEST_KEY = 256


@operation("POST /emails")
def send(ctx: Context) -> dict[str, Any]:
    """Send an email, or keep it until its time."""
    _check_key(ctx)
    return {"id": accept(ctx, ctx.body).id}


@operation("POST /emails/batch")
def send_batch(ctx: Context) -> dict[str, Any]:
    """Send up to 100 emails; one that is wrong refuses all of them, unless the validation is to be permissive."""
    _check_key(ctx)
    given: Any = ctx.body
    if not isinstance(given, list) or not given:
        raise Refusal(422, "validation_error", "The request body must be an array with at least one email.")
    if len(given) > MOST:
        raise Refusal(422, "validation_error", f"The batch must not have more than {MOST} emails.")
    permissive = (ctx.header("x-batch-validation") or "strict").lower() == "permissive"
    made: list[dict[str, str]] = []
    wrong: list[dict[str, Any]] = []
    for index, one in enumerate(given):
        try:
            made.append({"id": _of_batch(ctx, one).id})
        except Refusal as refusal:
            if not permissive:
                raise
            wrong.append({"index": index, "message": refusal.message or f"Missing `{refusal.param}` field."})
    return {"data": made, "errors": wrong} if permissive else {"data": made}


@operation("GET /emails/{email_id}")
def retrieve(ctx: Context, email_id: str) -> Entity:
    """An email with what has become of it."""
    return ctx.get("email", email_id)


@operation("PATCH /emails/{email_id}")
def update(ctx: Context, email_id: str) -> dict[str, Any]:
    """Put off an email that hasn't been sent."""
    email = _waiting(ctx, email_id)
    if "scheduled_at" not in ctx.body:
        raise Refusal.of("missing", param="scheduled_at")
    _schedule(ctx, email, ctx.body["scheduled_at"])
    return {**_OBJECT, "id": email.id}


@operation("POST /emails/{email_id}/cancel")
def cancel(ctx: Context, email_id: str) -> dict[str, Any]:
    """Take back an email that hasn't been sent."""
    email = _waiting(ctx, email_id)
    ctx.update(email, last_event="canceled")
    return {**_OBJECT, "id": email.id}


def accept(ctx: Context, given: dict[str, Any], **more: Any) -> Entity:
    """Check an email, store it, and send it now or when its time has come. Raises Resend's refusals."""
    given = filled(ctx, given)
    for name in ("from", "to", "subject"):
        if not given.get(name):
            raise Refusal.of("missing", param=name)
    if given.get("html") is None and given.get("text") is None:
        raise Refusal(422, "missing_required_field", "Missing `html` or `text` field.")
    sender = addresses.sender(given["from"])
    boxes = {name: addresses.mailboxes(given.get(name), name) for name in ("to", "cc", "bcc", "reply_to")}
    tags = sending.tags(given.get("tags"))
    files = sending.files(given.get("attachments"))
    sending.allowed_sender(ctx, sender, [*boxes["to"], *boxes["cc"], *boxes["bcc"]])
    when = given.get("scheduled_at")
    if when is not None:
        times.moment(ctx, when)
    email = ctx.create(
        "email",
        **_OBJECT,
        **boxes,
        **{"from": sender},
        subject=given["subject"],
        **{name: given.get(name) for name in _FIELDS},
        tags=tags,
        last_event="queued",
        scheduled_at=None,
        message_id=None,
        _headers={name: str(value) for name, value in (given.get("headers") or {}).items()},
        _derives_text=given.get("text") is None,
        **more,
    )
    for one in files:
        shown = ctx.create(
            "attachment", object="attachment", filename=one.filename or None, content_type=one.type, content_id=one.content_id or None,
            content_disposition="inline" if one.inline else "attachment", size=len(one.content), _email=email.id,
        )  # fmt: skip
        ctx.attach(shown, Upload("", one.filename, one.type, one.content))
    if when is not None:
        return _schedule(ctx, email, when)
    if given.get("topic_id") and all(opted_out(ctx, addresses.bare(one), given["topic_id"]) for one in boxes["to"]):
        told = {"message": "The recipient has opted out of this topic.", "type": "OptedOut"}
        email = ctx.update(email, last_event="suppressed")
        of_email(ctx, "suppressed", email, suppressed=told)
        return email
    return sending.deliver(ctx, email)


def _check_key(ctx: Context) -> None:
    key = ctx.header("idempotency-key")
    if key is not None and not 1 <= len(key) <= _LONGEST_KEY:
        raise Refusal(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")


def _of_batch(ctx: Context, given: Any) -> Entity:
    if not isinstance(given, dict):
        raise Refusal(422, "validation_error", "Each email of a batch must be an object.")
    if "attachments" in given:
        raise Refusal(422, "validation_error", "The `attachments` field is not supported in batches.")
    for name, kinds in _KINDS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, kinds):
            raise Refusal(422, "validation_error", f"The `{name}` field must be a `{_WORDS[kinds[0]]}`.")
    template = given.get("template") or {"id": ""}
    if not isinstance(template.get("id"), str) or not isinstance(template.get("variables") or {}, dict):
        raise Refusal(422, "validation_error", "Invalid `template` field.")
    if not all(isinstance(tag, dict) for tag in given.get("tags") or ()):
        raise Refusal(422, "validation_error", "Invalid `tags` field.")
    return accept(ctx, given)


def _schedule(ctx: Context, email: Entity, when: str) -> Entity:
    time = times.moment(ctx, when)
    at = times.written(time)
    email = ctx.update(email, last_event="scheduled", scheduled_at=at)
    ctx.schedule(int(time.timestamp() * 1000) - ctx.now_ms(), "send", {"email": email.id, "at": at})
    of_email(ctx, "scheduled", email)
    return email


def _waiting(ctx: Context, email_id: str) -> Entity:
    email = ctx.get("email", email_id)
    if email["last_event"] == "canceled":
        raise Refusal(422, "validation_error", "Email is already canceled.")
    if email["last_event"] != "scheduled":
        raise Refusal(422, "validation_error", "Email is not scheduled: only emails that are scheduled can be changed.")
    return email
