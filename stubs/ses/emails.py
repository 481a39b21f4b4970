"""Sending by the v2 API."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Attachment, Context, Refusal, operation

from .account import spend
from .messages import Letter, letter
from .raw import letter as raw_letter
from .refusals import invalid
from .rendering import Unrendered, data_of, filled
from .sending import check, failed_rendering, send, taken
from .templates import content_of
from .templates import get as get_template

_MOST_BULK = 50
_STATUS = {"MessageRejected": "MESSAGE_REJECTED", "SendingPausedException": "ACCOUNT_SENDING_PAUSED",
           "TooManyRequestsException": "ACCOUNT_THROTTLED"}  # fmt: skip
_KINDS = ("Simple", "Raw", "Template")


@operation("POST /v2/email/outbound-emails")
def send_one(ctx: Context) -> dict[str, Any]:
    """A mail: of texts, of a template, or a whole message."""
    content = ctx.body["Content"]
    kinds = [kind for kind in _KINDS if kind in content]
    if len(kinds) != 1:
        raise invalid(ctx, "Exactly one of Simple, Raw or Template must be specified in Content.")
    if kinds == ["Raw"]:
        return {"MessageId": send(ctx, _raw(ctx, content["Raw"]["Data"]))}
    destination, tags = ctx.body.get("Destination") or {}, ctx.body.get("EmailTags", [])
    if kinds == ["Simple"]:
        simple = content["Simple"]
        texts = {name.lower(): part["Data"] for name, part in simple["Body"].items()}
        if not texts:
            raise invalid(ctx, "Body must have a Text or an Html part.")
        parts = {"subject": simple["Subject"]["Data"], **texts}
        return {"MessageId": send(ctx, _letter(ctx, destination, parts, tags, simple))}
    template = content["Template"]
    name, source = _source(ctx, template)
    empty = _letter(ctx, destination, {}, tags, template)
    try:
        parts = filled(ctx, source, data_of(ctx, template.get("TemplateData")))
    except Unrendered as error:
        return {"MessageId": failed_rendering(ctx, empty, check(ctx, empty), name, str(error))}
    return {"MessageId": send(ctx, _letter(ctx, destination, parts, tags, template))}


@operation("POST /v2/email/outbound-bulk-emails")
def send_many(ctx: Context) -> dict[str, Any]:
    """A mail of a template for each entry, with a status for each."""
    template = ctx.body["DefaultContent"].get("Template")
    if template is None:
        raise invalid(ctx, "DefaultContent must have a Template.")
    entries = ctx.body["BulkEmailEntries"]
    if len(entries) > _MOST_BULK:
        raise invalid(ctx, f"Recipient count exceeds {_MOST_BULK}.")
    name, source = _source(ctx, template)
    usual = data_of(ctx, template.get("TemplateData"))
    return {"BulkEmailEntryResults": [_one(ctx, template, (name, source), usual, entry) for entry in entries]}


def _one(
    ctx: Context,
    template: Mapping[str, Any],
    named: tuple[str, dict[str, str]],
    usual: dict[str, Any],
    entry: Mapping[str, Any],
) -> dict[str, str]:
    name, source = named
    tags = [*ctx.body.get("DefaultEmailTags", []), *entry.get("ReplacementTags", [])]
    own = entry.get("ReplacementEmailContent", {}).get("ReplacementTemplate", {}).get("ReplacementTemplateData")
    more = entry.get("ReplacementHeaders", [])
    content = {**template, "Headers": [*template.get("Headers", []), *more]}
    empty = _letter(ctx, entry["Destination"], {}, tags, content)
    try:
        data = {**usual, **data_of(ctx, own)}
        chosen = check(ctx, empty)
        try:
            parts = filled(ctx, source, data)
        except Unrendered as error:
            return {"Status": "SUCCESS", "MessageId": failed_rendering(ctx, empty, chosen, name, str(error))}
        spend(ctx, len(empty.recipients), "TooManyRequestsException")
        return {
            "Status": "SUCCESS",
            "MessageId": taken(ctx, _letter(ctx, entry["Destination"], parts, tags, content), chosen),
        }
    except Refusal as refusal:
        unknown = "CONFIGURATION_SET_NOT_FOUND" if refusal.code == "NotFoundException" else "INVALID_PARAMETER"
        return {"Status": _STATUS.get(refusal.code or "", unknown), "Error": str(refusal.message)}


def _source(ctx: Context, template: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """A template's name and parts: one that is stored, or one that stands in the request."""
    inline = template.get("TemplateContent")
    if inline is not None:
        return "", {
            "subject": inline.get("Subject", ""),
            "text": inline.get("Text", ""),
            "html": inline.get("Html", ""),
        }
    name = template.get("TemplateName") or str(template.get("TemplateArn", "")).rpartition("/")[2]
    if not name:
        raise invalid(ctx, "TemplateName, TemplateArn or TemplateContent must be specified.")
    return name, content_of(get_template(ctx, name))


def _letter(
    ctx: Context,
    destination: Mapping[str, Any],
    parts: Mapping[str, str],
    tags: list[dict[str, str]],
    content: Mapping[str, Any],
) -> Letter:
    body = ctx.body
    if not body.get("FromEmailAddress"):
        raise invalid(ctx, "Missing required field FromEmailAddress.")
    options = body.get("ListManagementOptions", {})
    return letter(
        body,
        destination,
        parts,
        tags,
        sender=body["FromEmailAddress"],
        return_path=body.get("FeedbackForwardingEmailAddress", ""),
        headers={one["Name"]: one["Value"] for one in content.get("Headers", [])},
        attachments=tuple(_attachment(ctx, one) for one in content.get("Attachments", [])),
        list_name=options.get("ContactListName", ""),
        topic=options.get("TopicName", ""),
    )


def _attachment(ctx: Context, given: Mapping[str, Any]) -> Attachment:
    try:
        content = base64.b64decode(given["RawContent"], validate=True)
    except (binascii.Error, ValueError):
        raise invalid(ctx, f"The content of the attachment {given['FileName']} is not valid base64.") from None
    kind = given.get("ContentType") or "application/octet-stream"
    inline = given.get("ContentDisposition") == "INLINE"
    return Attachment(given["FileName"], content, kind, given.get("ContentId", ""), inline)


def _raw(ctx: Context, data: str) -> Letter:
    body = ctx.body
    destination = body.get("Destination") or {}
    recipients = [one for name in ("ToAddresses", "CcAddresses", "BccAddresses") for one in destination.get(name, ())]
    tags = [(tag["Name"], tag["Value"]) for tag in body.get("EmailTags", [])]
    return raw_letter(
        ctx,
        data,
        source=body.get("FromEmailAddress", ""),
        destinations=recipients,
        configuration_set=body.get("ConfigurationSetName", ""),
        tags=tags,
    )
