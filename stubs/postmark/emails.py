"""Sending: one message or a batch, with a template or without; and what becomes of each."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, TemplateError, job, operation, template

from .bounces import bounce
from .checking import check, files, headers, refused, said, stream
from .suppressions import inactive
from .webhooks import tell

MOST = 500
BATCH = 50_000_000  # bytes of a whole batch
TEST_TOKEN = "POSTMARK_API_TEST"  # noqa: S105 - Postmark's own, for trying requests out
TESTING = "bounce-testing.postmarkapp.com"  # whose local parts are kinds of bounces
Make = Callable[[Context, Mapping[str, Any]], dict[str, Any]]


@operation("POST /email")
def send(ctx: Context) -> dict[str, Any]:
    """Send one message."""
    return _sent(ctx, said(ctx))


@operation("POST /email/batch")
def send_batch(ctx: Context) -> list[dict[str, Any]] | Response:
    """Send up to 500; each has its own outcome."""
    return _batch(ctx, ctx.body, _sent)


@operation("POST /email/withTemplate")
def send_templated(ctx: Context) -> dict[str, Any]:
    """Send one message whose texts a template makes."""
    return _templated(ctx, said(ctx))


@operation("POST /email/batchWithTemplates")
def send_templated_batch(ctx: Context) -> list[dict[str, Any]] | Response:
    """Send up to 500 by templates; each has its own outcome."""
    return _batch(ctx, said(ctx).get("Messages"), _templated)


def _batch(ctx: Context, listed: Any, make: Make) -> list[dict[str, Any]] | Response:
    if not isinstance(listed, list):
        raise refused(403, "The JSON input you provided is syntactically correct, but isn't the one we expect.")
    if len(listed) > MOST:
        raise refused(410, f"Your batched request exceeds {MOST} messages.")
    if len(ctx.call.body) > BATCH:
        return Response(413, {"ErrorCode": 300, "Message": "The request exceeds 50 MB."})
    replies = []
    for one in listed:
        try:
            if not isinstance(one, dict):
                raise refused(403, "The JSON input you provided is syntactically correct, but isn't the one we expect.")
            replies.append(make(ctx, one))
        except Refusal as refusal:
            replies.append({"ErrorCode": refusal.code, "Message": refusal.message})
    return replies


def _templated(ctx: Context, message: Mapping[str, Any]) -> dict[str, Any]:
    wanted = message.get("TemplateAlias") or message.get("TemplateId")
    if not wanted:
        raise refused(403, "The 'TemplateId' or 'TemplateAlias' is required.")
    check(ctx, message, templated=True)
    found = named(ctx, str(wanted))
    if found is None:
        raise refused(
            1101, "The 'TemplateId' or 'TemplateAlias' associated with this request is not valid or was not found."
        )
    model = message.get("TemplateModel")
    if not isinstance(model, dict):
        raise refused(1113, "The 'TemplateModel' is required and must be an object.")
    try:
        subject, text, html = rendered(ctx, found, model)
    except TemplateError as error:
        raise refused(1108, f"The template could not be rendered: {error}") from None
    return _sent(ctx, {**message, "Subject": subject, "TextBody": text, "HtmlBody": html})


def named(ctx: Context, wanted: str) -> Entity | None:
    """A template by its id or alias."""
    found = ctx.find("template", wanted)
    return found or next(iter(ctx.list("template", Alias=wanted, limit=1)), None)


def rendered(ctx: Context, found: Mapping[str, Any], model: Mapping[str, Any]) -> tuple[str, str, str]:
    """Subject, text and HTML of a template, within its layout where it has one. Raises TemplateError."""
    subject = template(found["Subject"] or "").render(model, escape=False, within=ctx.rendering)
    text = template(found["TextBody"] or "").render(model, escape=False, within=ctx.rendering)
    html = template(found["HtmlBody"] or "").render(model, within=ctx.rendering)
    layout = named(ctx, found["LayoutTemplate"]) if found["LayoutTemplate"] else None
    if layout is not None:
        mark = "{{{@content}}}"
        frames = [(layout["TextBody"] or mark), (layout["HtmlBody"] or mark)]
        text, html = (
            body
            and ctx.replaced(
                template(frame.replace(mark, "\0")).render(model, escape=escape, within=ctx.rendering), "\0", body
            )
            for frame, body, escape in zip(frames, (text, html), (False, True), strict=True)
        )
    return subject, text, html


def _sent(ctx: Context, message: Mapping[str, Any]) -> dict[str, Any]:
    found = check(ctx, message)
    by = stream(ctx, message)
    recipients = [address for field in ("To", "Cc", "Bcc") for _, address in found[field]]
    lost = inactive(ctx, by, recipients)
    if len(lost) == len(recipients):
        raise refused(
            406, "You tried to send to recipient(s) that have been marked as inactive. Found inactive addresses: "
            f"{', '.join(lost)}. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual "
            "suppression.",
        )  # fmt: skip
    identity = ctx.new_id("message")
    reply = {field: message[field] for field in ("To", "Cc", "Bcc") if message.get(field)}
    reply |= {"SubmittedAt": ctx.now(), "MessageID": identity, "ErrorCode": 0, "Message": "OK"}
    if lost:
        reply["Message"] = (
            f"Message OK, but will not deliver to these inactive addresses: {', '.join(lost)}. Inactive recipients are ones that have generated a hard bounce, a spam complaint, or a manual suppression."
        )
        ctx.emit("mail.inactive", {"id": identity, "to": lost})
    if ctx.header("X-Postmark-Server-Token") == TEST_TOKEN:
        return {**reply, "Message": "Test job accepted"}
    attached = files(message)
    wanted = [address for address in recipients if address not in lost]
    ctx.create(
        "message", identity, MessageID=identity, MessageStream=by, Tag=message.get("Tag") or None, From=message["From"],
        To=_shown(found["To"]), Cc=_shown(found["Cc"]), Bcc=_shown(found["Bcc"]), Recipients=recipients,
        ReceivedAt=ctx.now(), Subject=message.get("Subject") or "", Attachments=[one.filename for one in attached],
        Status="Sent", TrackOpens=bool(message.get("TrackOpens")), TrackLinks=message.get("TrackLinks") or "None",
        Metadata=message.get("Metadata") or {}, Sandboxed=False, TextBody=message.get("TextBody") or None,
        HtmlBody=message.get("HtmlBody") or None, MessageEvents=[],
    )  # fmt: skip
    own = {name: value for name, value in headers(message).items() if name.lower() != "message-id"}
    kept = next((value for name, value in headers(message).items() if name.lower() == "x-pm-keepid"), "")
    given = next((value for name, value in headers(message).items() if name.lower() == "message-id"), "")
    ctx.mail(
        found["To"], cc=found["Cc"], bcc=found["Bcc"], only=wanted, sender=found["From"][0], reply_to=found["ReplyTo"],
        subject=message.get("Subject") or "", text=message.get("TextBody") or "", html=message.get("HtmlBody") or "",
        headers={**own, "X-PM-Message-Id": identity, **({"X-PM-Tag": message["Tag"]} if message.get("Tag") else {})},
        attachments=attached, message_id=given if given and kept.lower() == "true" else f"<{identity}@mtasv.net>",
        bounces=f"pm_bounces+{identity}@pm.mtasv.net", then="mailed", payload={"message": identity},
    )  # fmt: skip
    return reply


@job("mailed")
def mailed(ctx: Context, payload: dict[str, Any]) -> None:
    """Tell what became of a mail: delivered, or bounced, as addresses of the bounce test domain do in any case."""
    message, mail = ctx.get("message", payload["message"]), payload["mail"]
    events = list(message["MessageEvents"])
    for address in mail["to"]:
        local, _, domain = address.rpartition("@")
        if domain.lower() == TESTING:
            events.append(bounce(ctx, message, address, local, f"smtp;550 5.1.1 {local} of the bounce test domain"))
        elif mail["state"] == "delivered":
            details = {
                "DeliveryMessage": f"smtp;250 {mail['reason']}",
                "DestinationServer": domain,
                "DestinationIP": "203.0.113.25",
            }
            events.append({"Recipient": address, "Type": "Delivered", "ReceivedAt": ctx.now(), "Details": details})
            tell(ctx, message["MessageStream"], "Delivery", {
                "MessageID": message.id, "Recipient": address, "DeliveredAt": ctx.now(), "Details": details["DeliveryMessage"],
                "Tag": message["Tag"] or "", "ServerID": 1, "Metadata": message["Metadata"],
            })  # fmt: skip
        else:
            kind = "Transient" if mail["state"] == "deferred" else "HardBounce"
            events.append(bounce(ctx, message, address, kind, f"smtp;{mail['status']} {mail['reason']}"))
    ctx.update(message, MessageEvents=events)


def _shown(boxes: list[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"Email": address, "Name": name or None} for name, address in boxes]
