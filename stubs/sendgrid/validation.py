"""What is wrong with a request to send, in SendGrid's words: all of it at once, as its API tells it.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit import Context

from .fields import Fault, fault, headers, is_address, send_at, type_name
from .personalizations import MOST, personalizations

_EXAMPLE = '{"email" : "example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}'


def faults(ctx: Context, body: Mapping[str, Any]) -> list[Fault]:
    """All that is wrong with a request; nothing for one that can be sent."""
    return [
        *personalizations(ctx, body), *_sender(body), *_replies(body), *_subject(body), *_content(body),
        *_attachments(body), *_categories(body), *headers(body.get("headers"), "headers"),
        *send_at(ctx, body.get("send_at"), "send_at"), *_batch(ctx, body), *_groups(ctx, body), *_template(ctx, body),
    ]  # fmt: skip


def _sender(body: Mapping[str, Any]) -> Iterator[Fault]:
    sender = body.get("from")
    if not isinstance(sender, dict) or not sender.get("email"):
        yield fault(
            "The from object must be provided for every email send. It is an object that requires the email parameter, but may "
            f"also contain a name parameter.  e.g. {_EXAMPLE}.", "from.email", "message.from",
        )  # fmt: skip
    elif not is_address(sender["email"]):
        yield fault("The from email does not contain a valid address.", "from.email", "message.from")


def _replies(body: Mapping[str, Any]) -> Iterator[Fault]:
    one, several = body.get("reply_to"), body.get("reply_to_list")
    if one is not None and several is not None:
        yield fault("The reply_to and reply_to_list parameters are mutually exclusive. Use one or the other.", "reply_to_list",
                    "message.reply_to_list")  # fmt: skip
        return
    if one is not None and not (isinstance(one, dict) and is_address(one.get("email"))):
        yield fault("The reply_to email does not contain a valid address.", "reply_to.email", "message.reply_to")
    if several is None:
        return
    if not isinstance(several, list) or len(several) > MOST:
        yield fault(
            f"The reply_to_list must be an array of at most {MOST} email objects.",
            "reply_to_list",
            "message.reply_to_list",
        )
        return
    for place, each in enumerate(several):
        if not (isinstance(each, dict) and is_address(each.get("email"))):
            yield fault("Does not contain a valid address.", f"reply_to_list.{place}.email", "message.reply_to_list")


def _subject(body: Mapping[str, Any]) -> Iterator[Fault]:
    subject = body.get("subject")
    if subject is not None and not isinstance(subject, str):
        yield fault(
            "The subject of your email must be a string at least one character in length.", "subject", "message.subject"
        )
        return
    listed = body.get("personalizations")
    each = isinstance(listed, list) and listed and all(isinstance(one, dict) and one.get("subject") for one in listed)
    if not subject and not each and not body.get("template_id"):
        yield fault(
            "The subject is required. You can get around this requirement if you use a template with a subject defined or if every "
            "personalization has a subject defined.", "subject", "message.subject",
        )  # fmt: skip


def _content(body: Mapping[str, Any]) -> Iterator[Fault]:
    content = body.get("content")
    if not isinstance(content, list) or not content:
        if not body.get("template_id") or (content is not None and content != []):
            yield fault(
                "Unless a valid template_id is provided, the content parameter is required. There must be at least one defined "
                "content block. We typically suggest both text/plain and text/html blocks are included, but only one block is "
                "required.", "content", "message.content",
            )  # fmt: skip
        return
    kinds = []
    for place, one in enumerate(content):
        kind, value = (one.get("type"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(kind, str) or not kind:
            yield fault("Your content type must be a string with length of at least one character.", f"content.{place}.type",
                        "message.content.type")  # fmt: skip
        elif any(char in kind for char in ";\r\n"):
            yield fault("Cannot contain ';', or CRLF characters.", f"content.{place}.type", "message.content.type")
        if not isinstance(value, str) or not value:
            yield fault("The content value must be a string at least one character in length.", f"content.{place}.value",
                        "message.content.value")  # fmt: skip
        kinds.append(str(kind).lower())
    ranks = [{"text/plain": 0, "text/html": 1}.get(kind, 2) for kind in kinds]
    if ranks != sorted(ranks):
        yield fault(
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: text/plain needs to "
            "be first, followed by text/html, followed by any other content.", "content", "message.content",
        )  # fmt: skip


def _attachments(body: Mapping[str, Any]) -> Iterator[Fault]:
    listed = body.get("attachments")
    if listed is None:
        return
    if not isinstance(listed, list):
        yield fault(f"Invalid type. Expected: array, given: {type_name(listed)}.", "attachments")
        return
    for place, one in enumerate(listed):
        one = one if isinstance(one, dict) else {}  # noqa: PLW2901 - anything else lacks all of it
        where = f"attachments.{place}"
        content = one.get("content")
        if not isinstance(content, str) or not content:
            yield fault("The attachment content must be a string at least one character in length.", f"{where}.content",
                        "message.attachments.content")  # fmt: skip
        elif decoded(content) is None:
            yield fault(
                "The attachment content must be base64 encoded.", f"{where}.content", "message.attachments.content"
            )
        if "filename" not in one:
            yield fault("filename is required.", f"{where}.filename", "message.attachments.filename")
        yield from _attachment_names(one, where)
        if one.get("disposition") not in {None, "inline", "attachment"}:
            yield fault(
                'The disposition of your attachment can be either "inline" or "attachment". '
                f"You provided {one['disposition']}.", f"{where}.disposition", "message.attachments.disposition",
            )  # fmt: skip


def _attachment_names(one: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for name in ("filename", "type", "content_id"):
        value = one.get(name)
        if value is not None and not isinstance(value, str):
            yield fault(
                f"The {name} of your attachment must be a string.", f"{where}.{name}", f"message.attachments.{name}"
            )
        elif value is not None and any(char in value for char in ("\r\n" if name == "filename" else ";\r\n")):
            yield fault(f"The {name} of your attachment cannot contain CRLF characters.", f"{where}.{name}",
                        f"message.attachments.{name}")  # fmt: skip


def decoded(content: str) -> bytes | None:
    """An attachment's bytes; None for what is no base64."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _categories(body: Mapping[str, Any]) -> Iterator[Fault]:
    listed = body.get("categories")
    if listed is None:
        return
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        yield fault("Categories must be an array of strings.", "categories", "message.categories")
        return
    if len(listed) > 10:
        yield fault(
            f"There is a limit of 10 categories for each email that is sent. You provided {len(listed)} categories.", "categories",
            "message.categories",
        )  # fmt: skip
    for place, one in enumerate(listed):
        if len(one) > 255:
            yield fault(f"Each category must not be longer than 255 characters. {one} exceeds this limit", f"categories.{place}",
                        "message.categories")  # fmt: skip
        if one in listed[:place]:
            yield fault(f"The categories must be a unique list, and you have included {one} more than once.",
                        f"categories.{place}", "message.categories")  # fmt: skip


def _batch(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    value = body.get("batch_id")
    if value is None:
        return
    if not isinstance(value, str):
        yield fault("The batch_id must be a string.", "batch_id", "message.batch_id")
    elif ctx.find("batch", value) is None:
        yield fault("The batch_id is invalid. It must be generated via the API and be valid for your account.", "batch_id",
                    "message.batch_id")  # fmt: skip


def _groups(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    asm = body.get("asm")
    if asm is None:
        return
    group = asm.get("group_id") if isinstance(asm, dict) else None
    if not isinstance(group, int) or isinstance(group, bool):
        yield fault("The ASM group ID must be an integer.", "asm.group_id", "message.asm.group_id")
        return
    if ctx.find("group", str(group)) is None:
        yield fault(f"The ASM group ID must be a valid Group ID on your account. You provided {group}.", "asm.group_id",
                    "message.asm.group_id")  # fmt: skip
    shown = asm.get("groups_to_display")
    if shown is not None and (not isinstance(shown, list) or not all(isinstance(one, int) for one in shown)):
        yield fault("The ASM Group IDs to display must be an array of integers.", "asm.groups_to_display",
                    "message.asm.groups_to_display")  # fmt: skip
    elif shown is not None and len(shown) > 25:
        yield fault("There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.", "asm.groups_to_display",
                    "message.asm.groups_to_display")  # fmt: skip


def _template(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    wanted = body.get("template_id")
    if wanted is None:
        return
    found = ctx.find("template", wanted) if isinstance(wanted, str) else None
    if found is None:
        yield fault(
            "The template_id must be a valid GUID, you provided '" + str(wanted) + "'.",
            "template_id",
            "message.template_id",
        )
