"""What is wrong with a message, in Postmark's words: its error codes 300, 400, 406, 411 and those of templates and streams.

https://postmarkapp.com/developer/api/overview#error-codes
"""

import base64
import binascii
import re
from collections.abc import Mapping
from email.utils import getaddresses
from typing import Any

from childproof.stubkit import Attachment, Context, Refusal

MOST_RECIPIENTS = 50
BIGGEST = 10_000_000  # bytes of one message
BODY = 5_000_000  # characters of each body
SUBJECT = 2000
TAG = 1000
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_FORBIDDEN = frozenset(["vbs", "exe", "bin", "bat", "chm", "com", "cpl", "crt", "hlp", "hta", "inf", "ins", "isp", "jse", "lnk", "mdb", "pcd", "pif", "reg", "scr", "sct", "shs", "vbe", "vba", "wsf", "wsh", "wsl", "msc", "msi", "msp", "mst"])  # fmt: skip
Boxes = list[tuple[str, str]]  # name and address


def refused(code: int, message: str, status: int = 422) -> Refusal:
    """A refusal with one of Postmark's codes."""
    return Refusal(status, code, message)  # type: ignore[arg-type]  # its codes are numbers


def said(ctx: Context) -> Mapping[str, Any]:
    """The body of a call: an object. Raises Refusal."""
    if not isinstance(ctx.body, dict):
        raise Refusal.of("no_object")
    return ctx.body


def boxes(message: Mapping[str, Any], field: str) -> Boxes:
    """The mailboxes of a field: names and addresses with commas between. Raises Refusal."""
    value = message.get(field)
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        raise refused(403, f"The '{field}' must be a text.")
    found = [(name, address) for name, address in getaddresses([value]) if name or address]
    for _, address in found:
        if not _ADDRESS.fullmatch(address):
            raise refused(300, f"Invalid '{field}' address: '{value}'.")
    if not found:
        raise refused(300, f"Invalid '{field}' address: '{value}'.")
    return found


def is_address(text: str) -> bool:
    """Whether mail could be sent there."""
    return _ADDRESS.fullmatch(text) is not None


def check(ctx: Context, message: Mapping[str, Any], *, templated: bool = False) -> dict[str, Boxes]:
    """The mailboxes of a message that can be sent; `From` has exactly one. Raises Refusal."""
    sender = boxes(message, "From")
    if len(sender) != 1:
        raise refused(300, "The 'From' address is required.")
    found = {field: boxes(message, field) for field in ("To", "Cc", "Bcc")}
    number = sum(map(len, found.values()))
    if not number:
        raise refused(300, "Zero recipients specified")
    if number > MOST_RECIPIENTS:
        raise refused(
            300,
            f"The message has {number} recipients. At most {MOST_RECIPIENTS} are allowed in To, Cc and Bcc together.",
        )
    replies = boxes(message, "ReplyTo")
    if not templated and not message.get("TextBody") and not message.get("HtmlBody"):
        raise refused(300, "Provide either email TextBody or HtmlBody or both.")
    for field in ("TextBody", "HtmlBody"):
        if len(str(message.get(field) or "")) > BODY:
            raise refused(300, f"The '{field}' may not be larger than 5 MB.")
    for field, most in (("Subject", SUBJECT), ("Tag", TAG)):
        value = message.get(field)
        if value is not None and not isinstance(value, str):
            raise refused(403, f"The '{field}' must be a text.")
        if len(value or "") > most:
            raise refused(300, f"The '{field}' may not be longer than {most} characters.")
    _metadata(message.get("Metadata"))
    headers(message)
    files(message)
    stream(ctx, message)
    return {"From": sender, "ReplyTo": replies, **found}


def stream(ctx: Context, message: Mapping[str, Any]) -> str:
    """The id of the stream that a message goes by. Raises Refusal."""
    wanted = str(message.get("MessageStream") or "outbound")
    found = ctx.find("stream", wanted)
    if found is None and wanted not in {"outbound", "broadcast"}:
        raise refused(1235, f"The 'MessageStream' provided does not exist on this server: '{wanted}'.")
    if found is not None and (found["ArchivedAt"] or found["MessageStreamType"] == "Inbound"):
        raise refused(1236, f"Sending through the message stream '{wanted}' is not possible.")
    return wanted


def headers(message: Mapping[str, Any]) -> dict[str, str]:
    """The message's own headers. Raises Refusal."""
    listed = message.get("Headers") or []
    if isinstance(listed, dict):  # some clients send an object
        listed = [{"Name": name, "Value": value} for name, value in listed.items()]
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and isinstance(one.get("Name"), str) for one in listed
    ):
        raise refused(403, "The 'Headers' must be a list of objects with Name and Value.")
    return {one["Name"]: str(one.get("Value") or "") for one in listed}


def files(message: Mapping[str, Any]) -> list[Attachment]:
    """The attachments. Raises Refusal."""
    listed = message.get("Attachments") or []
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise refused(403, "The 'Attachments' must be a list of objects.")
    found = []
    for one in listed:
        name = str(one.get("Name") or "")
        if not name or one.get("Content") is None:
            raise refused(300, "Each attachment must have a 'Name', 'Content' and 'ContentType'.")
        if name.rpartition(".")[2].lower() in _FORBIDDEN and "." in name:
            raise refused(411, f"Message contains an attachment of a forbidden type: '{name}'.")
        try:
            content = base64.b64decode("".join(str(one["Content"]).split()), validate=True)
        except (binascii.Error, ValueError):
            raise refused(300, f"The content of the attachment '{name}' is not valid base64.") from None
        identity = str(one.get("ContentID") or "").removeprefix("cid:")
        found.append(
            Attachment(
                name, content, str(one.get("ContentType") or "application/octet-stream"), identity, bool(identity)
            )
        )
    if sum(len(one.content) for one in found) > BIGGEST:
        raise refused(300, "The message may not be larger than 10 MB, with its attachments.")
    return found


def _metadata(value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise refused(403, "The 'Metadata' must be an object.")
    if len(value) > 10:
        raise refused(300, "At most 10 metadata fields are allowed.")
    for name, text in value.items():
        if len(name) > 20 or len(str(text)) > 80:
            raise refused(300, f"The metadata field '{name}' is too long: names have at most 20 characters, values 80.")
