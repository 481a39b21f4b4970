"""Sending by the classic API."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Refusal, operation

from .account import spend
from .messages import Letter, bare, letter
from .raw import letter as raw_letter
from .refusals import invalid
from .rendering import Unrendered, data_of, filled
from .sending import check, failed_rendering, send, taken
from .templates import content_of
from .templates import get as get_template

_MOST_BULK = 50
_STATUS = {"MessageRejected": "MessageRejected", "ConfigurationSetDoesNotExist": "ConfigurationSetDoesNotExist",
           "AccountSendingPausedException": "AccountSendingPaused", "Throttling": "AccountThrottled",
           "ConfigurationSetSendingPausedException": "ConfigurationSetSendingPaused"}  # fmt: skip


def _letter(
    ctx: Context, destination: Mapping[str, Any], parts: Mapping[str, str], tags: list[dict[str, str]]
) -> Letter:
    body = ctx.body
    return letter(body, destination, parts, tags, sender=body["Source"], return_path=body.get("ReturnPath", ""))


@operation("POST /#Action=SendEmail")
def simple(ctx: Context) -> dict[str, Any]:
    """A mail of a subject and texts."""
    message = ctx.body["Message"]
    texts = {name.lower(): content["Data"] for name, content in message["Body"].items()}
    if not texts:
        raise invalid(ctx, "Message body empty.", "ValidationError")
    parts = {"subject": message["Subject"]["Data"], **texts}
    return {"MessageId": send(ctx, _letter(ctx, ctx.body["Destination"], parts, ctx.body.get("Tags", [])))}


@operation("POST /#Action=SendRawEmail")
def raw(ctx: Context) -> dict[str, Any]:
    """A whole message that the client wrote."""
    body = ctx.body
    tags = [(tag["Name"], tag["Value"]) for tag in body.get("Tags", [])]
    made = raw_letter(
        ctx,
        body["RawMessage"]["Data"],
        source=body.get("Source", ""),
        destinations=body.get("Destinations", []),
        configuration_set=body.get("ConfigurationSetName", ""),
        tags=tags,
    )
    return {"MessageId": send(ctx, made)}


@operation("POST /#Action=SendTemplatedEmail")
def templated(ctx: Context) -> dict[str, Any]:
    """A mail of a template. One that can't be filled in is taken all the same, and nobody gets it."""
    template = get_template(ctx, ctx.body["Template"])
    data = data_of(ctx, ctx.body["TemplateData"])
    empty = _letter(ctx, ctx.body["Destination"], {}, ctx.body.get("Tags", []))
    try:
        parts = filled(ctx, content_of(template), data)
    except Unrendered as error:
        return {"MessageId": failed_rendering(ctx, empty, check(ctx, empty), template["name"], str(error))}
    return {"MessageId": send(ctx, _letter(ctx, ctx.body["Destination"], parts, ctx.body.get("Tags", [])))}


@operation("POST /#Action=SendBulkTemplatedEmail")
def bulk(ctx: Context) -> dict[str, Any]:
    """A mail of a template for each destination, with a status for each."""
    template = get_template(ctx, ctx.body["Template"])
    usual = data_of(ctx, ctx.body["DefaultTemplateData"])
    given = ctx.body["Destinations"]
    if len(given) > _MOST_BULK:
        raise invalid(ctx, f"Recipient count exceeds {_MOST_BULK}.")
    return {"Status": [_one(ctx, template, usual, one) for one in given]}


def _one(ctx: Context, template: Any, usual: dict[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    tags = [*ctx.body.get("DefaultTags", []), *given.get("ReplacementTags", [])]
    empty = _letter(ctx, given["Destination"], {}, tags)
    try:
        data = {**usual, **data_of(ctx, given.get("ReplacementTemplateData"))}
        chosen = check(ctx, empty)
        try:
            parts = filled(ctx, content_of(template), data)
        except Unrendered as error:
            return {
                "Status": "Success",
                "MessageId": failed_rendering(ctx, empty, chosen, template["name"], str(error)),
            }
        spend(ctx, len(empty.recipients), "Throttling")
        return {"Status": "Success", "MessageId": taken(ctx, _letter(ctx, given["Destination"], parts, tags), chosen)}
    except Refusal as refusal:
        return {"Status": _STATUS.get(refusal.code or "", "InvalidParameterValue"), "Error": str(refusal.message)}


@operation("POST /#Action=SendBounce")
def bounce(ctx: Context) -> dict[str, Any]:
    """Tell the sender of a mail that was received that it bounced. No mail is received here: the id has to be one of ours."""
    original = ctx.body["OriginalMessageId"]
    record = ctx.find("sent", original)
    if record is None:
        raise Refusal(400, "MessageRejected", f"Message {original} does not exist.")
    recipients = ", ".join(one["Recipient"] for one in ctx.body["BouncedRecipientInfoList"])
    text = (
        ctx.body.get("Explanation")
        or f"An error occurred while trying to deliver the mail to the following recipients:\n{recipients}"
    )
    told = Letter(
        sender=ctx.body["BounceSender"],
        to=(bare(record["sender"]),),
        subject="Delivery Status Notification (Failure)",
        text=text,
    )
    return {"MessageId": send(ctx, told)}
