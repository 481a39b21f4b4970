"""Messages that are kept: read again, sent again to others, forgotten; and the queue of those that wait."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from . import common, sending
from .common import wrong
from .telling import tell

QUEUED = "Queued. Thank you."


@operation("GET /v3/domains/{domain_name}/messages/{storage_key}")
def retrieve(ctx: Context, domain_name: str, storage_key: str) -> dict[str, Any]:
    """A message as it was sent."""
    found = _found(ctx, domain_name, storage_key)
    own = [["From", found["from"]], ["To", ", ".join(found["to"])], ["Subject", found["subject"]]]
    own += [["Message-Id", found["message_id"]], *([name, value] for name, value in found["headers"].items())]
    shown = {
        "From": found["from"], "To": ", ".join(found["to"]), "Subject": found["subject"], "Message-Id": found["message_id"],
        "Mime-Version": "1.0", "sender": common.bare(found["from"]), "from": found["from"], "subject": found["subject"],
        "recipients": ", ".join(common.bare(one) for one in (*found["to"], *found["cc"], *found["bcc"])),
        "body-plain": found["text"], "body-html": found["html"], "stripped-text": found["text"], "stripped-html": found["html"],
        "stripped-signature": "", "message-headers": own,
        "attachments": [{"name": one["filename"], "content-type": one["content-type"], "size": one["size"]} for one in found["attachments"]],
    }  # fmt: skip
    if found["template"]:
        shown["X-Mailgun-Template-Name"] = found["template"]
    if found["template_variables"]:
        shown["X-Mailgun-Template-Variables"] = found["template_variables"]
    return shown


@operation("POST /v3/domains/{domain_name}/messages/{storage_key}")
def resend(ctx: Context, domain_name: str, storage_key: str) -> dict[str, Any]:
    """Send a message once more, to others."""
    found = _found(ctx, domain_name, storage_key)
    to = common.mailboxes(common.several(ctx, "to"), "to")
    if not to:
        raise Refusal.of("missing", param="to")
    sending.allowed(ctx, common.domain(ctx, domain_name), to)
    key = ctx.new_id("message")
    again = ctx.create("message", key, **{**found, "key": key, "to": to, "cc": [], "bcc": []})
    content = ctx.content(found)
    if content is not None:
        ctx.attach(again, content)
    for one in ctx.list("attachment", message=found.id, newest_first=False):
        held = ctx.content(one)
        if held is not None:
            ctx.attach(ctx.create("attachment", message=key, inline=one["inline"]), held)
    for mailbox in to:
        tell(ctx, "accepted", again, common.bare(mailbox))
    sending.deliver(ctx, again)
    return {"id": found["message_id"], "message": QUEUED}


@operation("DELETE /v3/domains/{domain_name}/messages/{storage_key}")
def forget(ctx: Context, domain_name: str, storage_key: str) -> dict[str, Any]:
    """Delete a stored message; what was sent stays sent."""
    ctx.delete(_found(ctx, domain_name, storage_key))
    return {"message": "Message has been deleted"}


@operation("GET /v3/domains/{name}/sending_queues")
def queues(ctx: Context, name: str) -> dict[str, Any]:
    """Both queues are open."""
    common.domain(ctx, name)
    return {"regular": {"is_disabled": False, "disabled": None}, "scheduled": {"is_disabled": False, "disabled": None}}


@operation("DELETE /v3/{domain_name}/envelopes")
def clear(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Take all messages that wait off the queue."""
    name = common.domain(ctx, domain_name)["name"]
    for one in ctx.list("message", domain=name):
        ctx.update(one, cleared=True)
    return {"message": "done"}


def _found(ctx: Context, domain_name: str, storage_key: str) -> Entity:
    name = common.domain(ctx, domain_name)["name"]
    found = ctx.find("message", storage_key)
    if found is None or found["domain"] != name:
        raise wrong("Message not found", 404)
    return found
