"""What is wrong with a request to send, in SendGrid's words: all of it at once, as its API tells it.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/errors
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.stubkit import Context

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#"
MOST = 1000  # personalizations, and recipients of all of them together
FURTHEST = 72 * 3600
CUSTOM_ARGS = 10_000  # bytes, of one personalization, merged
SUBSTITUTIONS = 10_000
RESERVED = frozenset(
    ["x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
     "subject", "reply-to", "cc", "bcc"]
)  # fmt: skip
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_EXAMPLE = '{"email" : "example@example.com"}  or {"email" : "example@example.com", "name" : "Example Recipient"}'
Fault = dict[str, Any]


def faults(ctx: Context, body: Mapping[str, Any]) -> list[Fault]:
    """All that is wrong with a request; nothing for one that can be sent."""
    return [
        *_personalizations(ctx, body), *_sender(body), *_replies(body), *_subject(body), *_content(body),
        *_attachments(body), *_categories(body), *_headers(body.get("headers"), "headers"),
        *_send_at(ctx, body.get("send_at"), "send_at"), *_batch(ctx, body), *_groups(ctx, body), *_template(ctx, body),
    ]  # fmt: skip


def is_address(value: Any) -> bool:
    """Whether mail can be sent to this."""
    return isinstance(value, str) and len(value) <= 320 and _ADDRESS.fullmatch(value) is not None


def _fault(message: str, field: str | None, anchor: str = "") -> Fault:
    return {"message": message, "field": field, "help": f"{HELP}{anchor}" if anchor else None}


def _personalizations(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    listed = body.get("personalizations")
    if not isinstance(listed, list) or not listed:
        yield _fault(
            "The personalizations field is required and must have at least one personalization.", "personalizations",
            "-Personalizations-Errors",
        )  # fmt: skip
        return
    if len(listed) > MOST:
        yield _fault(
            f"The personalization block is limited to {MOST} personalizations per API request. You have provided {len(listed)} "
            "personalizations. Please consider splitting this into multiple requests and resending your request.",
            "personalizations", "message.personalizations",
        )  # fmt: skip
        return
    total = 0
    for place, one in enumerate(listed):
        where = f"personalizations.{place}"
        if not isinstance(one, dict):
            yield _fault("Invalid type. Expected: object, given: " + _kind(one) + ".", where)
            continue
        total += sum(len(one[kind]) for kind in ("to", "cc", "bcc") if isinstance(one.get(kind), list))
        yield from _recipients(one, where)
        yield from _custom_args({**_dict(body.get("custom_args")), **_dict(one.get("custom_args"))}, one, body, where)
        yield from _headers(one.get("headers"), f"{where}.headers")
        yield from _send_at(ctx, one.get("send_at"), f"{where}.send_at")
        if "subject" in one and (not isinstance(one["subject"], str) or not one["subject"]):
            yield _fault("The subject of your email must be a string at least one character in length.", f"{where}.subject",
                         "message.personalizations.subject")  # fmt: skip
        yield from _substitutions(one.get("substitutions"), f"{where}.substitutions")
    if total > MOST:
        yield _fault(f"There is a limit of {MOST} total recipients (to + cc + bcc) per request.", "personalizations",
                     "message.recipient-errors")  # fmt: skip


def _recipients(one: Mapping[str, Any], where: str) -> Iterator[Fault]:
    if not isinstance(one.get("to"), list) or not one["to"]:
        yield _fault(
            "The to array is required for all personalization objects, and must have at least one email object with a valid "
            "email address.", f"{where}.to", "message.personalizations.to",
        )  # fmt: skip
    seen: set[str] = set()
    for kind in ("to", "cc", "bcc"):
        listed = one.get(kind)
        if listed is None or (kind == "to" and not isinstance(listed, list)):
            continue
        if not isinstance(listed, list):
            yield _fault(f"Invalid type. Expected: array, given: {_kind(listed)}.", f"{where}.{kind}")
            continue
        for place, recipient in enumerate(listed):
            address = recipient.get("email") if isinstance(recipient, dict) else None
            if not is_address(address):
                yield _fault(
                    "Does not contain a valid address.",
                    f"{where}.{kind}.{place}.email",
                    f"message.personalizations.{kind}",
                )
                continue
            if str(address).lower() in seen:
                yield _fault(
                    "Each email address in the personalization block should be unique between to, cc, and bcc. We found the "
                    f"first duplicate instance of [{address}] in the {where}.{kind} field.", where, "message.recipient-errors",
                )  # fmt: skip
                return
            seen.add(str(address).lower())


def _custom_args(
    merged: Mapping[str, Any], one: Mapping[str, Any], body: Mapping[str, Any], where: str
) -> Iterator[Fault]:
    for args, field in ((one.get("custom_args"), f"{where}.custom_args"), (body.get("custom_args"), "custom_args")):
        if args is not None and (
            not isinstance(args, dict) or not all(isinstance(value, str) for value in args.values())
        ):
            yield _fault("All values of custom arguments object must be strings", field, "message.custom_args")
            return
    if sum(len(name.encode()) + len(value.encode()) for name, value in merged.items()) > CUSTOM_ARGS:
        yield _fault(
            "The combined size of both global and personalization custom arguments may not exceed 10,000 bytes per "
            "personalization.", f"{where}.custom_args", "message.personalizations.custom_args",
        )  # fmt: skip


def _substitutions(value: Any, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        yield _fault("The substitution values must be an object of key/value pairs, where the values are all strings.", where,
                     "message.personalizations.substitutions")  # fmt: skip
    elif len(value) > SUBSTITUTIONS:
        yield _fault("You are limited to 10,000 substitutions.", where, "message.personalizations.substitutions")


def _sender(body: Mapping[str, Any]) -> Iterator[Fault]:
    sender = body.get("from")
    if not isinstance(sender, dict) or not sender.get("email"):
        yield _fault(
            "The from object must be provided for every email send. It is an object that requires the email parameter, but may "
            f"also contain a name parameter.  e.g. {_EXAMPLE}.", "from.email", "message.from",
        )  # fmt: skip
    elif not is_address(sender["email"]):
        yield _fault("The from email does not contain a valid address.", "from.email", "message.from")


def _replies(body: Mapping[str, Any]) -> Iterator[Fault]:
    one, several = body.get("reply_to"), body.get("reply_to_list")
    if one is not None and several is not None:
        yield _fault("The reply_to and reply_to_list parameters are mutually exclusive. Use one or the other.", "reply_to_list",
                     "message.reply_to_list")  # fmt: skip
        return
    if one is not None and not (isinstance(one, dict) and is_address(one.get("email"))):
        yield _fault("The reply_to email does not contain a valid address.", "reply_to.email", "message.reply_to")
    if several is None:
        return
    if not isinstance(several, list) or len(several) > MOST:
        yield _fault(
            f"The reply_to_list must be an array of at most {MOST} email objects.",
            "reply_to_list",
            "message.reply_to_list",
        )
        return
    for place, each in enumerate(several):
        if not (isinstance(each, dict) and is_address(each.get("email"))):
            yield _fault("Does not contain a valid address.", f"reply_to_list.{place}.email", "message.reply_to_list")


def _subject(body: Mapping[str, Any]) -> Iterator[Fault]:
    subject = body.get("subject")
    if subject is not None and not isinstance(subject, str):
        yield _fault(
            "The subject of your email must be a string at least one character in length.", "subject", "message.subject"
        )
        return
    listed = body.get("personalizations")
    each = isinstance(listed, list) and listed and all(isinstance(one, dict) and one.get("subject") for one in listed)
    if not subject and not each and not body.get("template_id"):
        yield _fault(
            "The subject is required. You can get around this requirement if you use a template with a subject defined or if every "
            "personalization has a subject defined.", "subject", "message.subject",
        )  # fmt: skip


def _content(body: Mapping[str, Any]) -> Iterator[Fault]:
    content = body.get("content")
    if not isinstance(content, list) or not content:
        if not body.get("template_id") or (content is not None and content != []):
            yield _fault(
                "Unless a valid template_id is provided, the content parameter is required. There must be at least one defined "
                "content block. We typically suggest both text/plain and text/html blocks are included, but only one block is "
                "required.", "content", "message.content",
            )  # fmt: skip
        return
    kinds = []
    for place, one in enumerate(content):
        kind, value = (one.get("type"), one.get("value")) if isinstance(one, dict) else (None, None)
        if not isinstance(kind, str) or not kind:
            yield _fault("Your content type must be a string with length of at least one character.", f"content.{place}.type",
                         "message.content.type")  # fmt: skip
        elif any(char in kind for char in ";\r\n"):
            yield _fault("Cannot contain ';', or CRLF characters.", f"content.{place}.type", "message.content.type")
        if not isinstance(value, str) or not value:
            yield _fault("The content value must be a string at least one character in length.", f"content.{place}.value",
                         "message.content.value")  # fmt: skip
        kinds.append(str(kind).lower())
    ranks = [{"text/plain": 0, "text/html": 1}.get(kind, 2) for kind in kinds]
    if ranks != sorted(ranks):
        yield _fault(
            "Following RFC 1341, section 7.2, if either text/html or text/plain are to be sent in your email: text/plain needs to "
            "be first, followed by text/html, followed by any other content.", "content", "message.content",
        )  # fmt: skip


def _attachments(body: Mapping[str, Any]) -> Iterator[Fault]:
    listed = body.get("attachments")
    if listed is None:
        return
    if not isinstance(listed, list):
        yield _fault(f"Invalid type. Expected: array, given: {_kind(listed)}.", "attachments")
        return
    for place, one in enumerate(listed):
        one = one if isinstance(one, dict) else {}  # noqa: PLW2901 - anything else lacks all of it
        where = f"attachments.{place}"
        content = one.get("content")
        if not isinstance(content, str) or not content:
            yield _fault("The attachment content must be a string at least one character in length.", f"{where}.content",
                         "message.attachments.content")  # fmt: skip
        elif decoded(content) is None:
            yield _fault(
                "The attachment content must be base64 encoded.", f"{where}.content", "message.attachments.content"
            )
        if "filename" not in one:
            yield _fault("filename is required.", f"{where}.filename", "message.attachments.filename")
        yield from _attachment_names(one, where)
        if one.get("disposition") not in {None, "inline", "attachment"}:
            yield _fault(
                'The disposition of your attachment can be either "inline" or "attachment". '
                f"You provided {one['disposition']}.", f"{where}.disposition", "message.attachments.disposition",
            )  # fmt: skip


def _attachment_names(one: Mapping[str, Any], where: str) -> Iterator[Fault]:
    for name in ("filename", "type", "content_id"):
        value = one.get(name)
        if value is not None and not isinstance(value, str):
            yield _fault(
                f"The {name} of your attachment must be a string.", f"{where}.{name}", f"message.attachments.{name}"
            )
        elif value is not None and any(char in value for char in ("\r\n" if name == "filename" else ";\r\n")):
            yield _fault(f"The {name} of your attachment cannot contain CRLF characters.", f"{where}.{name}",
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
        yield _fault("Categories must be an array of strings.", "categories", "message.categories")
        return
    if len(listed) > 10:
        yield _fault(
            f"There is a limit of 10 categories for each email that is sent. You provided {len(listed)} categories.", "categories",
            "message.categories",
        )  # fmt: skip
    for place, one in enumerate(listed):
        if len(one) > 255:
            yield _fault(f"Each category must not be longer than 255 characters. {one} exceeds this limit", f"categories.{place}",
                         "message.categories")  # fmt: skip
        if one in listed[:place]:
            yield _fault(f"The categories must be a unique list, and you have included {one} more than once.",
                         f"categories.{place}", "message.categories")  # fmt: skip


def _headers(value: Any, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        yield _fault("All values of the headers object must be strings.", where, "message.headers")
        return
    for name in value:
        if not name.isascii() or " " in name or not name:
            yield _fault(
                "Header keys cannot contain non-ASCII characters or empty spaces.", f"{where}.{name}", "message.headers"
            )
        elif name.lower() in RESERVED:
            yield _fault("Header cannot be one of the reserved keys.", f"{where}.{name}", "message.headers")


def _send_at(ctx: Context, value: Any, where: str) -> Iterator[Fault]:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        yield _fault(
            "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately if you include a send_at "
            "timestamp that is in the past.", where, "message.send_at",
        )  # fmt: skip
    elif value * 1000 > ctx.now_ms() + FURTHEST * 1000:
        yield _fault("Scheduling more than 72 hours in advance is forbidden.", where, "message.send_at")


def _batch(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    value = body.get("batch_id")
    if value is None:
        return
    if not isinstance(value, str):
        yield _fault("The batch_id must be a string.", "batch_id", "message.batch_id")
    elif ctx.find("batch", value) is None:
        yield _fault("The batch_id is invalid. It must be generated via the API and be valid for your account.", "batch_id",
                     "message.batch_id")  # fmt: skip


def _groups(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    asm = body.get("asm")
    if asm is None:
        return
    group = asm.get("group_id") if isinstance(asm, dict) else None
    if not isinstance(group, int) or isinstance(group, bool):
        yield _fault("The ASM group ID must be an integer.", "asm.group_id", "message.asm.group_id")
        return
    if ctx.find("group", str(group)) is None:
        yield _fault(f"The ASM group ID must be a valid Group ID on your account. You provided {group}.", "asm.group_id",
                     "message.asm.group_id")  # fmt: skip
    shown = asm.get("groups_to_display")
    if shown is not None and (not isinstance(shown, list) or not all(isinstance(one, int) for one in shown)):
        yield _fault("The ASM Group IDs to display must be an array of integers.", "asm.groups_to_display",
                     "message.asm.groups_to_display")  # fmt: skip
    elif shown is not None and len(shown) > 25:
        yield _fault("There is a limit of 25 unsubscribe groups that can be displayed to a user at a time.", "asm.groups_to_display",
                     "message.asm.groups_to_display")  # fmt: skip


def _template(ctx: Context, body: Mapping[str, Any]) -> Iterator[Fault]:
    wanted = body.get("template_id")
    if wanted is None:
        return
    found = ctx.find("template", wanted) if isinstance(wanted, str) else None
    if found is None:
        yield _fault(
            "The template_id must be a valid GUID, you provided '" + str(wanted) + "'.",
            "template_id",
            "message.template_id",
        )


def _dict(value: Any) -> dict[str, Any]:
    return {name: one for name, one in value.items() if isinstance(one, str)} if isinstance(value, dict) else {}


def _kind(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")
