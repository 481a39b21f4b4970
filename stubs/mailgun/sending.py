"""A message on its way: who may be sent to, whom suppressions keep it from, lists and batches one by one."""

import re
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Attachment, Context, Entity, job, people

from . import common
from .common import wrong
from .telling import tell

_PLACE = re.compile(
    r"%(?P<name>recipient(?:\.[A-Za-z0-9_.-]+|_[a-z]+)?|unsubscribe_url|tag_unsubscribe_url|mailing_list_unsubscribe_url|unsubscribe_email)%"
)
_REASONS = {
    "bounce": ("suppress-bounce", 605, "Not delivering to previously bounced address"),
    "complaint": ("suppress-complaint", 607, "Not delivering to a user who marked your messages as spam"),
    "unsubscribe": ("suppress-unsubscribe", 606, "Not delivering to unsubscribed address"),
}


def allowed(ctx: Context, domain: Entity, recipients: list[str]) -> None:
    """Refuse a domain that may not send, and strangers where it is the account's sandbox."""
    if domain["state"] != "active":
        raise wrong(
            f"Domain {domain['name']} is not allowed to send: The domain is unverified and requires DNS configuration. "
            "Log in to your control panel to view required DNS records.",
            403,
        )
    if domain["type"] == "sandbox":
        own = people(ctx).first(1)[0].email
        if any(common.bare(one).lower() != own for one in recipients):
            raise wrong(
                f"Domain {domain['name']} is not allowed to send: Free accounts are for test purposes only. Please upgrade or add "
                "the address to authorized recipients in Account Settings.",
                403,
            )  # fmt: skip


@job("deliver")
def due(ctx: Context, payload: dict[str, Any]) -> None:
    """A message whose time has come, unless the queue was cleared."""
    message = ctx.find("message", payload["message"])
    if message is not None and not message.get("cleared"):
        deliver(ctx, message)


def deliver(ctx: Context, message: Entity) -> None:
    """Send a message to everybody who may have it: together, or each apart where it is a batch or a mailing list."""
    if message["testmode"]:
        for one in (*message["to"], *message["cc"], *message["bcc"]):
            tell(ctx, "delivered", message, common.bare(one), **_status(250, "OK (test mode)"))
        ctx.emit("message.tested", {"id": message.id, "to": message["to"], "subject": message["subject"]})
        return
    variables: Mapping[str, Any] | None = message["recipient_variables"]
    kept: dict[str, list[str]] = {"to": [], "cc": [], "bcc": []}
    for field, boxes in kept.items():
        for one in message[field]:
            found = _list(ctx, common.bare(one))
            if found is not None:
                _to_members(ctx, message, found)
            elif _passes(ctx, message, common.bare(one)):
                boxes.append(one)
    if variables is not None and not message.get("mime"):
        known = {address.lower(): own for address, own in variables.items() if isinstance(own, dict)}
        for one in kept["to"]:
            own = known.get(common.bare(one).lower(), {})
            _post(ctx, message, {"to": [one], "cc": kept["cc"], "bcc": kept["bcc"]}, own)
        return
    if any(kept.values()):
        kept["to"] = kept["to"] or kept["cc"] or kept["bcc"]
        _post(ctx, message, kept, None)


@job("settled")
def settled(ctx: Context, payload: dict[str, Any]) -> None:
    """What the mailbox, or whoever takes the mail, made of it: an event for each recipient."""
    message = ctx.find("message", payload["message"])
    if message is None:
        return
    mail: Mapping[str, Any] = payload["mail"]
    more = {"mailing-list": payload["list"]} if payload.get("list") else {}
    for one in payload["to"]:
        status = _status(mail["status"], mail["reason"])
        if mail["state"] == "delivered":
            tell(ctx, "delivered", message, one, **status, **more)
        elif mail["state"] == "deferred":
            tell(ctx, "failed", message, one, severity="temporary", reason="generic", **status, **more)
        else:
            tell(ctx, "failed", message, one, severity="permanent", reason="bounce", **status, **more)
            _bounced(ctx, message["domain"], one, mail)


def attachments(ctx: Context, message: Entity) -> list[Attachment]:
    """The files of a stored message. Those within the HTML are named by their file names (`cid:logo.png`)."""
    found = []
    for one in ctx.list("attachment", message=message.id, newest_first=False):
        content = ctx.content(one)
        if content is not None:
            inline = bool(one["inline"])
            name = content.filename
            found.append(Attachment(name, content.data, content.content_type, name if inline else "", inline))
    return found


def _to_members(ctx: Context, message: Entity, found: Entity) -> None:
    """Send to each member of a mailing list who is subscribed, as a message of their own."""
    told = {"address": found["address"], "list-id": found["address"].replace("@", "."), "sid": found.id}
    for member in ctx.list("member", _list=found.id, subscribed=True, newest_first=False):
        address = member["address"]
        if _passes(ctx, message, address):
            name = member["name"]
            whom = f"{name} <{address}>" if name else address
            own = {**member["vars"], "name": name}
            _post(ctx, message, {"to": [whom], "cc": [], "bcc": []}, own, told)


def _post(
    ctx: Context, message: Entity, boxes: Mapping[str, list[str]], own: Mapping[str, Any] | None, told: Any = None
) -> None:
    everybody = [common.bare(one) for field in ("to", "cc", "bcc") for one in boxes[field]]
    payload = {"message": message.id, "to": list(dict.fromkeys(everybody)), "list": told}
    if message.get("mime"):
        content = ctx.content(message)
        sender = common.bare(message["from"]) or f"postmaster@{message['domain']}"
        ctx.mail_raw(sender, payload["to"], content.data if content else b"", then="settled", payload=payload)
        return

    def filled(text: str) -> str:
        return _filled(ctx, text, boxes["to"][0], own)

    headers = {name: filled(value) for name, value in message["headers"].items()}
    reply_to = [value for name, value in headers.items() if name.lower() == "reply-to"]
    if told is not None:
        headers |= {"List-Id": f"<{told['list-id']}>", "Sender": told["address"]}
    text = message["text"]
    ctx.mail(
        boxes["to"],
        cc=boxes["cc"],
        bcc=[one for one in boxes["bcc"] if one not in boxes["to"]],
        sender=message["from"],
        reply_to=reply_to,
        subject=filled(message["subject"]),
        text=filled(text),
        html=filled(message["html"]),
        alternatives=[("text/x-amp-html", filled(message["amp"]))] if message["amp"] else (),
        headers=headers,
        attachments=attachments(ctx, message),
        message_id=message["message_id"],
        then="settled",
        payload=payload,
    )


def _filled(ctx: Context, text: str, mailbox: str, own: Mapping[str, Any] | None) -> str:
    """A text for one recipient: `%recipient.name%` by their variables, `%recipient_email%`, links to leave."""
    if "%" not in text:
        return text
    address, name = common.bare(mailbox), common.name_of(mailbox)
    first, _, last = name.partition(" ")
    known = {
        "recipient": mailbox, "recipient_email": address, "recipient_name": name, "recipient_fname": first, "recipient_lname": last,
        "unsubscribe_url": f"https://email.mailgun.net/u/{address}", "tag_unsubscribe_url": f"https://email.mailgun.net/u/{address}?tag",
        "mailing_list_unsubscribe_url": f"https://email.mailgun.net/u/{address}?list", "unsubscribe_email": f"u+{address.replace('@', '=')}@mailgun.net",
    }  # fmt: skip

    def one(place: re.Match[str]) -> str:
        wanted = place["name"]
        if not wanted.startswith("recipient."):
            return known.get(wanted, place[0])
        value: Any = own
        for step in wanted.removeprefix("recipient.").split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        return place[0] if own is None else "" if value is None else str(value)

    return ctx.replaced(text, _PLACE, one)


def _passes(ctx: Context, message: Entity, address: str) -> bool:
    """Whether nothing keeps a message from somebody; else the failure is told."""
    for kind, (reason, code, words) in _REASONS.items():
        found = next(iter(ctx.list(kind, _domain=message["domain"], _key=address.lower(), limit=1)), None)
        if found is None:
            continue
        if kind == "unsubscribe" and "*" not in found["tags"] and not set(found["tags"]) & set(message["tags"]):
            continue
        told = {"severity": "permanent", "reason": reason, **_status(code, "", words)}
        tell(ctx, "failed", message, address, **told)
        return False
    return True


def _status(code: int, message: str, description: str = "") -> dict[str, Any]:
    status = {"code": code, "message": message, "description": description, "attempt-no": 1, "tls": True}
    return {"delivery-status": {**status, "mx-host": "", "session-seconds": 0.1, "certificate-verified": True}}


def _bounced(ctx: Context, domain: str, address: str, mail: Mapping[str, Any]) -> None:
    """Suppress an address that was refused, unless it is allowed whatever happens."""
    hosts = {address.lower(), address.rpartition("@")[2].lower()}
    if any(one["_key"] in hosts for one in ctx.list("allowed", _domain=domain)):
        return
    if not ctx.list("bounce", _domain=domain, _key=address.lower(), limit=1):
        ctx.create(
            "bounce", address=address, code=str(mail["status"]), error=mail["reason"], created_at=common.written(ctx.now_ms()),
            _domain=domain, _key=address.lower(),
        )  # fmt: skip


def _list(ctx: Context, address: str) -> Entity | None:
    return next(iter(ctx.list("list", address=address.lower(), limit=1)), None)
