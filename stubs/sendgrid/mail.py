"""Sending: `POST /mail/send`, and what becomes of each personalization, now or at its `send_at`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from childproof.stubkit import Attachment, Context, Entity, Refusal, Response, TemplateError, job, operation, template

from .suppressions import Dropped, sort
from .telling import about, count, tell
from .validation import decoded, faults

BIGGEST = 30_000_000  # bytes of a whole request
_TAG = re.compile(r"<[^>]*>")
_GAP = re.compile(r"\n{3,}")


@operation("POST /mail/send")
def send(ctx: Context) -> Response:
    """Check everything, then send or schedule each personalization."""
    body = ctx.body
    if not isinstance(body, dict):
        raise Refusal.of("no_object")
    if len(ctx.call.body) > BIGGEST:
        too_large = "The total size of your email must be less than 30MB. This includes the message itself, headers, and the combined size of any attachments."
        return Response(413, {"errors": [{"message": too_large, "field": None, "help": None}]})
    wrong = faults(ctx, body)
    if not wrong:
        wrong = _unrenderable(ctx, body)
    if wrong:
        return Response(400, {"errors": wrong})
    settings = body.get("mail_settings") or {}
    if (settings.get("sandbox_mode") or {}).get("enable"):
        return Response(200)
    message_id = ctx.token(22)
    count(ctx, requests=1)
    shared = {name: value for name, value in body.items() if name != "personalizations"}
    processed: list[dict[str, Any]] = []
    for one in body["personalizations"]:
        due = one.get("send_at", body.get("send_at"))
        if due is not None and due * 1000 > ctx.now_ms():
            kept = ctx.create(
                "scheduled", request=shared, personalization=one, message_id=message_id, batch=body.get("batch_id")
            )
            ctx.schedule(due * 1000 - ctx.now_ms(), "send", {"scheduled": kept.id})
            ctx.emit("mail.scheduled", {"id": kept.id, "send_at": due, "to": [to["email"] for to in one["to"]]})
        else:
            processed += deliver(ctx, shared, one, message_id)
    tell(ctx, processed)
    return Response(202, headers={"X-Message-Id": message_id})


@job("send")
def send_later(ctx: Context, payload: dict[str, Any]) -> None:
    """Send what was scheduled, unless its batch was canceled; while it is paused, wait for up to 72 hours."""
    kept = ctx.find("scheduled", payload["scheduled"])
    if kept is None:
        return
    batch = ctx.find("batch", kept["batch"]) if kept["batch"] else None
    status = batch["status"] if batch is not None else None
    if status == "pause":
        ctx.update(kept, waits=True)
        return
    ctx.delete(kept)
    if status == "cancel":
        ctx.emit("mail.canceled", {"id": kept.id})
        return
    tell(ctx, deliver(ctx, kept["request"], kept["personalization"], kept["message_id"]))


def deliver(ctx: Context, request: Mapping[str, Any], one: Mapping[str, Any], message_id: str) -> list[dict[str, Any]]:
    """Mail one personalization to all who aren't suppressed; the events of it so far."""
    subject, text, html, others = _texts(ctx, request, one)
    settings = request.get("mail_settings") or {}
    footer = settings.get("footer") or {}
    if footer.get("enable"):
        text, html = text and text + str(footer.get("text") or ""), html and html + str(footer.get("html") or "")
    boxes = {kind: [_box(each) for each in one.get(kind) or []] for kind in ("to", "cc", "bcc")}
    recipients = [address for kind in boxes.values() for _, address in kind]
    group = (request.get("asm") or {}).get("group_id")
    wanted, dropped = sort(ctx, recipients, group=group, settings=settings)
    shown = {
        "category": request.get("categories"),
        "custom": {**(request.get("custom_args") or {}), **(one.get("custom_args") or {})},
        "group": group,
        "template": request.get("template_id"),
        "message_id": message_id,
    }
    smtp_id = f"<{message_id}@geopod-ismtpd-1>"
    subject = one.get("subject") or subject or ""
    told = [about(ctx, "dropped", box.address, smtp_id, shown, reason=box.reason) for box in dropped]
    _count_drops(ctx, dropped)
    for box in dropped:
        ctx.emit("mail.dropped", {"id": message_id, "to": box.address, "reason": box.reason})
    if not wanted:
        return told
    sender = request["from"] if "from" not in one else one["from"]
    headers = {**(request.get("headers") or {}), **(one.get("headers") or {})}
    replies = [request["reply_to"]] if request.get("reply_to") else request.get("reply_to_list") or []
    ctx.mail(
        boxes["to"], cc=boxes["cc"], bcc=boxes["bcc"], only=wanted,
        subject=subject, text=text, html=html, alternatives=others,
        sender=_box(sender), reply_to=[_box(each) for each in replies], headers=headers,
        attachments=_files(request.get("attachments") or []), message_id=smtp_id,
        then="mailed", payload={"smtp_id": smtp_id, "shown": shown},
    )  # fmt: skip
    count(ctx, processed=len(wanted))
    return told + [about(ctx, "processed", address, smtp_id, shown) for address in wanted]


@job("mailed")
def mailed(ctx: Context, payload: dict[str, Any]) -> None:
    """Tell what became of a mail; who bounced is suppressed from now on."""
    mail, shown, smtp_id = payload["mail"], payload["shown"], payload["smtp_id"]
    told = []
    for address in mail["to"]:
        if mail["state"] == "delivered":
            told.append(about(ctx, "delivered", address, smtp_id, shown, response=f"250 {mail['reason']}"))
        elif mail["state"] == "deferred":
            told.append(
                about(
                    ctx, "deferred", address, smtp_id, shown, response=f"{mail['status']} {mail['reason']}", attempt="1"
                )
            )
        else:
            reason = f"{mail['status']} {mail['reason']}"
            status = mail["reason"].split(" ", 1)[0]
            told.append(about(ctx, "bounce", address, smtp_id, shown, reason=reason, status=status, type="bounce"))
            ctx.create(
                "suppression", kind="bounces", email=address, created=ctx.now_ms() // 1000, reason=reason, status=status
            )
            ctx.emit("mail.bounced", {"id": shown["message_id"], "to": address, "reason": reason})
    number = len(mail["to"])
    match mail["state"]:
        case "delivered":
            count(ctx, delivered=number)
        case "deferred":
            count(ctx, deferred=number)
        case _:
            count(ctx, bounces=number)
    tell(ctx, told)


def _count_drops(ctx: Context, dropped: Iterable[Dropped]) -> None:
    for box in dropped:
        count(ctx, **{box.counted: 1})


def _texts(
    ctx: Context, request: Mapping[str, Any], one: Mapping[str, Any]
) -> tuple[str, str, str, list[tuple[str, str]]]:
    """Subject, text, HTML and other forms; by the template where there is one, with everything filled in."""
    contents = [(each["type"], each["value"]) for each in request.get("content") or []]
    subject = request.get("subject") or ""
    text = next((value for kind, value in contents if kind.lower() == "text/plain"), "")
    html = next((value for kind, value in contents if kind.lower() == "text/html"), "")
    version = _version(ctx, request)
    if version is not None:
        of = ctx.get("template", request["template_id"])
        if of["generation"] == "dynamic":
            data = one.get("dynamic_template_data") or request.get("dynamic_template_data") or {}
            html = template(version["html_content"] or "").render(data, within=ctx.rendering)
            text = template(version["plain_content"] or "").render(data, escape=False, within=ctx.rendering) or plain(
                html
            )
            subject = template(version["subject"] or "").render(data, escape=False, within=ctx.rendering) or subject
        else:
            html = ctx.replaced(version["html_content"] or "<%body%>", "<%body%>", html)
            text = ctx.replaced(version["plain_content"] or "<%body%>", "<%body%>", text)
            subject = ctx.replaced(version["subject"] or "<%subject%>", "<%subject%>", subject)
    substitutions = one.get("substitutions") or {}
    if substitutions:
        subject, text, html = (
            _substituted(ctx, each, substitutions) for each in (one.get("subject") or subject, text, html)
        )
    others = [(kind, value) for kind, value in contents if kind.lower() not in {"text/plain", "text/html"}]
    return subject, text, html, others


def _version(ctx: Context, request: Mapping[str, Any]) -> Entity | None:
    """The active version of the template that a request names."""
    wanted = request.get("template_id")
    return next(iter(ctx.list("version", template_id=wanted, active=1, limit=1)), None) if wanted else None


def _unrenderable(ctx: Context, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A template that can't be rendered is refused before anything is sent."""
    if not body.get("template_id"):
        return []
    for one in body["personalizations"]:
        try:
            subject, text, html, _ = _texts(ctx, body, one)
        except TemplateError as error:
            return [{"message": f"The template could not be rendered: {error}", "field": "template_id", "help": None}]
        if not text and not html:
            return [
                {"message": "The template_id has no active version with content.", "field": "template_id", "help": None}
            ]
        if not (one.get("subject") or subject):
            missing = "The subject is required. You can get around this requirement if you use a template with a subject defined or if every personalization has a subject defined."
            return [{"message": missing, "field": "subject", "help": None}]
    return []


def plain(html: str) -> str:
    """The text that SendGrid makes of a template that has HTML alone."""
    text = re.sub(r"(?i)<br\s*/?>|</(?:p|div|tr|h[1-6]|li)>", "\n", html)
    text = re.sub(r"(?is)<(style|script|head)\b.*?</\1>", "", text)
    text = _TAG.sub("", text).replace("&nbsp;", " ").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    return _GAP.sub("\n\n", text.replace("&#39;", "'").replace("&amp;", "&")).strip()


def _substituted(ctx: Context, text: str, substitutions: Mapping[str, str]) -> str:
    for tag, value in substitutions.items():
        if tag:
            text = ctx.replaced(text, tag, value) if tag in text else text
    return text


def _box(each: Mapping[str, Any]) -> tuple[str, str]:
    return str(each.get("name") or ""), str(each["email"])


def _files(listed: Iterable[Mapping[str, Any]]) -> list[Attachment]:
    return [
        Attachment(
            each["filename"], decoded(each["content"]) or b"", each.get("type") or "application/octet-stream",
            each.get("content_id") or "", each.get("disposition") == "inline",
        )
        for each in listed
    ]  # fmt: skip
