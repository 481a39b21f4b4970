"""A mail on its way: what of it may be sent, to whom, and what becomes of it."""

import base64
import binascii
import mimetypes
import re
from typing import Any

from childproof.stubkit import Attachment, Context, Entity, Refusal, job, people, plain_text

from . import addresses
from .telling import of_email

LARGEST = 40 * 1024 * 1024  # bytes of a mail with its files, after Base64
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_BOUNCE = {
    "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
    "message": "The recipient's email provider sent a hard bounce message.",
    "subType": "General",
    "type": "Permanent",
}


def allowed_sender(ctx: Context, sender: str, recipients: list[str]) -> None:
    """Refuse a sender whose domain isn't verified, and Resend's own domain for anybody but oneself."""
    domain = addresses.domain(sender)
    if domain == addresses.OWN:
        own = people(ctx).first(1)[0].email
        others = [one for one in recipients if addresses.bare(one).lower() != own and not addresses.meaning(one)]
        if others:
            raise Refusal(
                403, "validation_error",
                f"You can only send testing emails to your own email address ({own}). To send emails to other recipients, "
                "please verify a domain at resend.com/domains, and change the `from` address to an email using this domain.",
            )  # fmt: skip
        return
    if not any(one["status"] == "verified" for one in ctx.list("domain", name=domain)):
        raise Refusal(
            403, "validation_error",
            f"The {domain} domain is not verified. Please, add and verify your domain on https://resend.com/domains",
        )  # fmt: skip


def tags(given: Any) -> list[dict[str, str]]:
    """The tags of a mail. Raises Resend's refusal of what is no tag."""
    for tag in given or ():
        for name in ("name", "value"):
            if not _TAG.fullmatch(str(tag.get(name, ""))):
                raise Refusal(
                    422, "validation_error",
                    "Tags should only contain ASCII letters, numbers, underscores, or dashes, and have at most 256 characters.",
                )  # fmt: skip
    return [{"name": tag["name"], "value": tag["value"]} for tag in given or ()]


def files(given: Any) -> list[Attachment]:
    """The files of a mail. One that Resend would fetch (`path`) is told by its address: nothing is fetched here."""
    found: list[Attachment] = []
    for one in given or ():
        content, path = one.get("content"), one.get("path")
        if content is None and not path:
            raise Refusal(422, "invalid_attachment", "Attachment must have either a `content` or `path`.")
        name = one.get("filename") or (str(path).rpartition("/")[2] if path else "")
        kind = one.get("content_type") or mimetypes.guess_type(name)[0] or "application/octet-stream"
        content_id = one.get("content_id") or one.get("inline_content_id") or ""
        data = _content(content) if content is not None else str(path).encode()
        found.append(Attachment(name, data, kind, content_id, bool(content_id)))
    if sum(len(one.content) for one in found) * 4 // 3 > LARGEST:
        raise Refusal(
            422, "validation_error", "The total size of the email, including attachments, must not exceed 40MB."
        )
    return found


def _content(given: Any) -> bytes:
    """Base64, or the numbers of its bytes, as SDKs send buffers."""
    try:
        return bytes(given) if isinstance(given, list) else base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Refusal(
            422, "invalid_attachment", "The `content` of an attachment must be a Base64 string or a buffer."
        ) from None


def deliver(ctx: Context, email: Entity) -> Entity:
    """Send a mail now: to everybody but whom Resend's test addresses and suppressions keep it from."""
    everybody = [*email["to"], *email["cc"], *email["bcc"]]
    reached = [one for one in everybody if _reaches(ctx, one)]
    if not reached:
        sent = ctx.update(email, last_event="sent", _waiting=0)
        of_email(ctx, "sent", sent)
        return _settle(ctx, sent, reached=False)
    kept = {name: [one for one in email[name] if one in reached] for name in ("to", "cc", "bcc")}
    message_id = ctx.mail(
        kept["to"],
        cc=kept["cc"],
        bcc=kept["bcc"],
        sender=email["from"],
        reply_to=email["reply_to"],
        subject=email["subject"],
        text=email["text"] or (plain_text(email["html"]) if email["html"] and email["_derives_text"] else ""),
        html=email["html"] or "",
        headers=email.get("_headers") or {},
        attachments=attached(ctx, email),
        then="settled",
        payload={"email": email.id},
    )
    sent = ctx.update(email, last_event="sent", message_id=message_id)
    of_email(ctx, "sent", sent)
    return sent


@job("settled")
def settled(ctx: Context, payload: dict[str, Any]) -> None:
    """What the mailbox, or whoever takes the mail, made of it."""
    email = ctx.find("email", payload["email"])
    if email is None:
        return
    mail: dict[str, Any] = payload["mail"]
    if mail["state"] == "refused":
        told = {**_BOUNCE, "diagnosticCode": [f"smtp; {mail['status']} {mail['reason']}"]}
        of_email(ctx, "bounced", ctx.update(email, last_event="bounced"), bounce=told)
    elif mail["state"] == "deferred":
        of_email(ctx, "delivery_delayed", ctx.update(email, last_event="delivery_delayed"))
    else:
        _settle(ctx, email, reached=True)


@job("send")
def send(ctx: Context, payload: dict[str, Any]) -> None:
    """A mail whose time has come, unless it was canceled or put off meanwhile."""
    email = ctx.find("email", payload["email"])
    if email is not None and email["last_event"] == "scheduled" and email["scheduled_at"] == payload["at"]:
        deliver(ctx, email)


def attached(ctx: Context, email: Entity) -> list[Attachment]:
    """The files of a stored mail."""
    found: list[Attachment] = []
    for one in ctx.list("attachment", _email=email.id, newest_first=False):
        content = ctx.content(one)
        data = content.data if content is not None else b""
        inline = one["content_disposition"] == "inline"
        found.append(Attachment(one["filename"] or "", data, one["content_type"], one["content_id"] or "", inline))
    return found


def _settle(ctx: Context, email: Entity, *, reached: bool) -> Entity:
    """What a mail comes to: what the test addresses among its recipients stand for, else that it has arrived."""
    everybody = [*email["to"], *email["cc"], *email["bcc"]]
    means = {addresses.meaning(one) for one in everybody}
    if reached:
        email = ctx.update(email, last_event="delivered")
        of_email(ctx, "delivered", email)
    if "bounced" in means:
        email = ctx.update(email, last_event="bounced")
        of_email(ctx, "bounced", email, bounce=_BOUNCE)
    if "complained" in means:
        email = ctx.update(email, last_event="complained")
        of_email(ctx, "complained", email)
    if "suppressed" in means or any(_suppressed(ctx, one) for one in everybody):
        email = ctx.update(email, last_event="suppressed")
        told = {"message": "Resend has suppressed sending to this address.", "type": "OnAccountSuppressionList"}
        of_email(ctx, "suppressed", email, suppressed=told)
    return email


def _reaches(ctx: Context, mailbox: str) -> bool:
    return addresses.meaning(mailbox) not in {"bounced", "suppressed"} and not _suppressed(ctx, mailbox)


def _suppressed(ctx: Context, mailbox: str) -> bool:
    return bool(ctx.list("suppression", email=addresses.bare(mailbox).lower(), limit=1))
