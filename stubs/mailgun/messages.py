"""Messages: taken from a form or as MIME, checked, stored for retrieval, and sent now or at their time."""

import hashlib
import re
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Upload, from_json, operation

from . import common, sending, stored_templates
from .common import wrong
from .telling import tell

MOST = 1000  # recipients of one call
MOST_TAGS = 10
FURTHEST = 7 * 86_400_000  # ms that a delivery may be put off
QUEUED = "Queued. Thank you."
_BODIES = ("text", "html", "amp-html", "template")
_OPTIONS = 16 * 1024  # bytes of all o:, h:, v: and t: parameters together


@operation("POST /v3/{domain_name}/messages")
def send(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Send a message that comes in parts."""
    domain = common.domain(ctx, domain_name)
    fields = ctx.fields()
    _check_options(fields)
    given = dict(fields)
    given = stored_templates.filled(ctx, domain, given)
    if not given.get("from"):
        raise Refusal.of("missing", param="from")
    sender = common.mailboxes([given["from"]], "from")[0]
    boxes = {name: common.mailboxes(_all(fields, name), name) for name in ("to", "cc", "bcc")}
    if not boxes["to"]:
        raise Refusal.of("missing", param="to")
    if not any(given.get(name) for name in _BODIES):
        raise wrong("Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified")
    common_fields = _common(ctx, domain, fields, boxes)
    files = [*_files(ctx, "attachment", inline=False), *_files(ctx, "inline", inline=True)]
    key, message_id = _identity(ctx, domain, common_fields["headers"])
    message = ctx.create(
        "message",
        key,
        key=key,
        message_id=message_id,
        **{"from": sender},
        **boxes,
        subject=given.get("subject", ""),
        text=given.get("text", ""),
        html=given.get("html", ""),
        amp=given.get("amp-html", ""),
        template=given.get("template"),
        template_variables=given.get("t:variables"),
        attachments=[
            {"filename": one.filename, "content-type": one.content_type, "size": len(one.data)} for _, one in files
        ],
        size=len(ctx.call.body),
        **common_fields,
    )
    for inline, one in files:
        ctx.attach(ctx.create("attachment", message=key, inline=inline), one)
    return _accepted(ctx, message, given.get("o:deliverytime"))


@operation("POST /v3/{domain_name}/messages.mime")
def send_mime(ctx: Context, domain_name: str) -> dict[str, Any]:
    """Send a message that the client has written whole."""
    domain = common.domain(ctx, domain_name)
    fields = ctx.fields()
    _check_options(fields)
    boxes = {"to": common.mailboxes(_all(fields, "to"), "to"), "cc": [], "bcc": []}
    if not boxes["to"]:
        raise Refusal.of("missing", param="to")
    files = ctx.files("message")
    raw = files[0].data if files else dict(fields).get("message", "").encode()
    if not raw:
        raise Refusal.of("missing", param="message")
    head = _head(raw)
    common_fields = _common(ctx, domain, fields, boxes)
    key, message_id = _identity(ctx, domain, head)
    if "message-id" not in head:
        raw = f"Message-Id: {message_id}\r\n".encode() + raw
    message = ctx.create(
        "message", key, key=key, message_id=message_id, **{"from": head.get("from", "")}, **boxes,
        subject=head.get("subject", ""), text="", html="", amp="", template=None, template_variables=None, attachments=[],
        size=len(raw), mime=True, **common_fields,
    )  # fmt: skip
    ctx.attach(message, Upload("", "message.mime", "message/rfc822", raw))
    return _accepted(ctx, message, dict(fields).get("o:deliverytime"))


def _accepted(ctx: Context, message: Entity, when: str | None) -> dict[str, Any]:
    """Accept a message for each recipient, and send it: now, or when its time has come."""
    at = _time(ctx, when)
    for one in (*message["to"], *message["cc"], *message["bcc"]):
        tell(ctx, "accepted", message, common.bare(one))
    if at > ctx.now_ms():
        ctx.emit("message.scheduled", {"id": message.id, "to": message["to"], "subject": message["subject"]})
        ctx.schedule(at - ctx.now_ms(), "deliver", {"message": message.id})
    else:
        sending.deliver(ctx, message)
    return {"id": message["message_id"], "message": QUEUED}


def _common(
    ctx: Context, domain: Entity, fields: tuple[tuple[str, str], ...], boxes: dict[str, list[str]]
) -> dict[str, Any]:
    """What both kinds of messages have: options, headers, variables. Raises Mailgun's refusals."""
    everybody = [one for name in ("to", "cc", "bcc") for one in boxes[name]]
    if len(everybody) > MOST:
        raise wrong(f"to parameter has too many recipients: at most {MOST} are allowed")
    sending.allowed(ctx, domain, everybody)
    tags = [value for name, value in fields if name == "o:tag" and value]
    if len(tags) > MOST_TAGS:
        raise wrong(f"o:tag parameter has too many values: at most {MOST_TAGS} tags are allowed")
    for tag in dict.fromkeys(tags):
        _seen(ctx, domain, tag)
    return {
        "domain": domain["name"],
        "tags": list(dict.fromkeys(tags)),
        "headers": {name[2:]: value for name, value in fields if name.startswith("h:")},
        "variables": {name[2:]: value for name, value in fields if name.startswith("v:")},
        "recipient_variables": _json(dict(fields).get("recipient-variables"), "recipient-variables"),
        "testmode": common.yes(dict(fields).get("o:testmode")),
    }


def _all(fields: tuple[tuple[str, str], ...], name: str) -> list[str]:
    return [value for field, value in fields if field == name]


def _check_options(fields: tuple[tuple[str, str], ...]) -> None:
    if sum(len(name) + len(value) for name, value in fields if name[:2] in {"o:", "h:", "v:", "t:"}) > _OPTIONS:
        raise wrong("Send options (parameters starting with o:, h:, v:, or t:) are limited to 16KB total")


def _json(given: str | None, name: str) -> Any:
    if not given:
        return None
    found = from_json(given, dict)
    if found is None:
        raise wrong(f"'{name}' parameter is not a valid JSON")
    return found


def _identity(ctx: Context, domain: Entity, headers: dict[str, str]) -> tuple[str, str]:
    """The key that a message is stored under, and its Message-Id: its own, or a new one by time."""
    own = next((value.strip() for name, value in headers.items() if name.lower() == "message-id"), "")
    made = f"<{_stamp(ctx)}.{hashlib.sha256(ctx.token(20).encode()).hexdigest()[:16]}@{domain['name']}>"
    return ctx.new_id("message"), own or made


def _stamp(ctx: Context) -> str:
    """The world's time as it stands in a Message-Id: 20260105090000."""
    day, month, year, clock = common.written(ctx.now_ms())[5:25].split(" ")
    number = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec").index(month) + 1
    return f"{year}{number:02}{day}{clock.replace(':', '')}"


def _time(ctx: Context, when: str | None) -> int:
    if not when:
        return 0
    at = common.read_time(when)
    if at is None:
        raise wrong("'o:deliverytime' parameter is not a valid date. please check documentation")
    if at > ctx.now_ms() + FURTHEST:
        raise wrong("'o:deliverytime' parameter can't be more than 7 days in the future")
    return at


def _files(ctx: Context, field: str, *, inline: bool) -> list[tuple[bool, Upload]]:
    return [(inline, one) for one in ctx.files(field)]


def _head(raw: bytes) -> dict[str, str]:
    """The headers of a message by name in lower case, unfolded; the first of each."""
    head = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[0].decode("utf-8", "replace")
    found: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", head).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), value.strip())
    return found


def _seen(ctx: Context, domain: Entity, tag: str) -> None:
    """Remember a tag, and when it was used first and last."""
    known = next(iter(ctx.list("tag", tag=tag, _domain=domain.id, limit=1)), None)
    now = common.written(ctx.now_ms())
    if known is None:
        ctx.create("tag", tag=tag, description="", _domain=domain.id, **{"first-seen": now, "last-seen": now})
    else:
        ctx.update(known, **{"last-seen": now})
