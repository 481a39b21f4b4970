"""Files of sent emails, and where they can be fetched for an hour."""

from datetime import UTC, datetime, timedelta
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

LASTS = timedelta(hours=1)
HOST = "cdn.resend.app"


@operation("GET /emails/{email_id}/attachments")
def listed(ctx: Context, email_id: str) -> dict[str, Any]:
    """All files of an email."""
    ctx.get("email", email_id)
    found = ctx.list("attachment", _email=email_id, newest_first=False)
    page: dict[str, Any] = ctx.page([_shown(ctx, one) for one in found])
    return page


@operation("GET /emails/{email_id}/attachments/{attachment_id}")
def retrieve(ctx: Context, email_id: str, attachment_id: str) -> Entity:
    """One of them."""
    ctx.get("email", email_id)
    found = ctx.find("attachment", attachment_id)
    if found is None or found["_email"] != email_id:
        raise ctx.not_found("attachment", attachment_id)
    return _shown(ctx, found)


@operation("GET /{email_id}/attachments/{attachment_id}")
def fetch(ctx: Context, email_id: str, attachment_id: str) -> Response:
    """The file itself, at the address that was told for it and as long as it is good."""
    found = ctx.find("attachment", attachment_id)
    if found is None or found["_email"] != email_id or ctx.query.get("Signature") != found.get("_signature"):
        return Response(403, "<Error><Code>AccessDenied</Code><Message>Access denied</Message></Error>", _XML)
    if ctx.now_ms() / 1000 > int(ctx.query.get("Expires") or 0):
        return Response(403, "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>", _XML)
    return ctx.download(found)


@operation("GET /emails/receiving/{email_id}/attachments")
def received(ctx: Context, email_id: str) -> dict[str, Any]:
    """All files of an email that came in."""
    ctx.get("received", email_id)
    page: dict[str, Any] = ctx.page([_shown(ctx, one) for one in ctx.list("attachment", _email=email_id)])
    return page


@operation("GET /emails/receiving/{email_id}/attachments/{attachment_id}")
def received_one(ctx: Context, email_id: str, attachment_id: str) -> Entity:
    """One of them."""
    ctx.get("received", email_id)
    found = ctx.find("attachment", attachment_id)
    if found is None or found["_email"] != email_id:
        raise Refusal.of("not_found", resource="Attachment")
    return _shown(ctx, found)


_XML = {"Content-Type": "application/xml"}


def _shown(ctx: Context, found: Entity) -> Entity:
    """A file with an address of its own, good for an hour."""
    if not found.get("_signature"):
        found = ctx.update(found, _signature=ctx.token(43))
    until = datetime.fromtimestamp(ctx.now_ms() // 1000, UTC) + LASTS
    address = f"https://{HOST}/{found['_email']}/attachments/{found.id}"
    told = {
        "download_url": f"{address}?Expires={int(until.timestamp())}&Signature={found['_signature']}",
        "expires_at": until.isoformat().replace("+00:00", "Z"),
    }
    return Entity("attachment", found.id, {**found, **told})
