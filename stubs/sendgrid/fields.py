"""What stands in several places of a request to send, how each is checked, and how a fault is told."""

import re
from collections.abc import Iterator
from typing import Any

from childproof.stubkit import Context

HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html#"
FURTHEST = 72 * 3600
RESERVED = frozenset(
    ["x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding", "to", "from",
     "subject", "reply-to", "cc", "bcc"]
)  # fmt: skip
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
Fault = dict[str, Any]


def is_address(value: Any) -> bool:
    """Whether mail can be sent to this."""
    return isinstance(value, str) and len(value) <= 320 and _ADDRESS.fullmatch(value) is not None


def fault(message: str, field: str | None, anchor: str = "") -> Fault:
    """One of the faults that a reply tells; `anchor` is its place in SendGrid's page of them."""
    return {"message": message, "field": field, "help": f"{HELP}{anchor}" if anchor else None}


def type_name(value: Any) -> str:
    """A value's type, as SendGrid calls it."""
    names = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return names.get(type(value), "null")


def headers(value: Any, where: str) -> Iterator[Fault]:
    """What is wrong with the headers of a mail, or of one personalization."""
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        yield fault("All values of the headers object must be strings.", where, "message.headers")
        return
    for name in value:
        if not name.isascii() or " " in name or not name:
            yield fault(
                "Header keys cannot contain non-ASCII characters or empty spaces.", f"{where}.{name}", "message.headers"
            )
        elif name.lower() in RESERVED:
            yield fault("Header cannot be one of the reserved keys.", f"{where}.{name}", "message.headers")


def send_at(ctx: Context, value: Any, where: str) -> Iterator[Fault]:
    """What is wrong with the time that a mail is put off to: unix seconds, three days ahead at most."""
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool):
        yield fault(
            "The send_at parameter is expecting a Unix timestamp as an integer. We will send immediately if you include a send_at "
            "timestamp that is in the past.", where, "message.send_at",
        )  # fmt: skip
    elif value * 1000 > ctx.now_ms() + FURTHEST * 1000:
        yield fault("Scheduling more than 72 hours in advance is forbidden.", where, "message.send_at")
