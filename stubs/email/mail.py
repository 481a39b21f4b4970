"""Any SMTP message lands in the world's mailbox: taken apart, under each recipient, and as it came."""

import base64
from typing import Any

from childproof.stubkit import Context, Response, receives

from .mime import Parsed, parse


@receives("smtp")
def receive(ctx: Context) -> Response | None:
    """Deliver a message. A session that sent none (a login only) leaves nothing."""
    envelope = ctx.call.envelope
    if envelope is None or ctx.call.method == "SESSION":
        return None
    parsed = parse(ctx.call.body)
    recipients = list(dict.fromkeys(envelope.recipients))
    message_id = ctx.new_id("message")
    attachments: list[dict[str, Any]] = [
        {"id": ctx.new_id("attachment"), "filename": part.filename, "type": part.type, "size": len(part.content),
         "inline": part.inline, "content_id": part.content_id}
        for part in parsed.attachments
    ]  # fmt: skip
    ctx.create(
        "message",
        message_id,
        envelope={"from": envelope.sender, "to": recipients},
        via={
            "host": ctx.call.host,
            "port": ctx.call.port,
            "tls": envelope.tls,
            "user": envelope.user,
            "helo": envelope.helo,
            "service": envelope.service,
        },
        **_headers(parsed, recipients),
        text=parsed.text,
        html=parsed.html,
        attachments=attachments,
        size=len(ctx.call.body),
        defects=parsed.defects,
    )
    for listed, part in zip(attachments, parsed.attachments, strict=True):
        content = base64.b64encode(part.content).decode()
        ctx.create("attachment", listed["id"], message=message_id, **_without_id(listed), content=content)
    ctx.create("source", message_id, **_source(ctx.call.body))
    for recipient in recipients:
        ctx.create("delivery", message=message_id, mailbox=mailbox(recipient))
    sent = {"id": message_id, "from": envelope.sender, "to": recipients, "subject": parsed.subject or "(no subject)"}
    ctx.emit("message.sent", {**sent, "attachments": len(attachments), "size": len(ctx.call.body)})
    return Response(250, f"2.0.0 OK queued as {message_id}")


def mailbox(address: str) -> str:
    """An address as mailboxes are told apart: its domain in lower case (RFC 5321, section 2.4)."""
    local, at, domain = address.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def _headers(parsed: Parsed, recipients: list[str]) -> dict[str, Any]:
    seen = {mailbox(known["address"]) for known in (*parsed.to, *parsed.cc)}
    return {
        "message_id": parsed.message_id,
        "date": parsed.date,
        "from": parsed.sender,
        "to": parsed.to,
        "cc": parsed.cc,
        "bcc": [recipient for recipient in recipients if mailbox(recipient) not in seen],
        "reply_to": parsed.reply_to,
        "subject": parsed.subject,
        "headers": parsed.headers,
    }


def _without_id(listed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in listed.items() if name != "id"}


def _source(raw: bytes) -> dict[str, str]:
    try:
        return {"encoding": "utf-8", "content": raw.decode()}
    except UnicodeDecodeError:
        return {"encoding": "base64", "content": base64.b64encode(raw).decode()}
