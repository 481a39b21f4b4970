"""Whole messages that clients wrote themselves: what their headers say, and the same without what only the service reads."""

import base64
import binascii
import re
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import getaddresses

from childproof.stubkit import Context

from .messages import Letter
from .refusals import invalid

_OWN = re.compile(rb"(?im)^(?:X-SES-[A-Z-]+|Bcc|Message-ID|Return-Path):.*\r?\n(?:[ \t].*\r?\n)*")
_END = re.compile(rb"\r?\n\r?\n")


def letter(
    ctx: Context,
    data: str,
    *,
    source: str,
    destinations: list[str],
    configuration_set: str,
    tags: list[tuple[str, str]],
) -> Letter:
    """A letter of a message in base64. What the request says itself goes before the message's own headers."""
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise invalid(ctx, "Raw message data is not valid base64.") from None
    try:
        message = message_from_bytes(raw, policy=policy.compat32)
        headers = {name.lower(): str(value) for name, value in reversed(message.items())}
    except (MessageError, ValueError, LookupError, RecursionError):
        raise invalid(ctx, "Invalid MIME message.") from None
    sender = source or headers.get("from", "")
    if not headers.get("from"):
        raise invalid(ctx, "Missing required header 'From'.")
    named = {name: _addresses(headers.get(name, "")) for name in ("to", "cc", "bcc")}
    own = [
        tuple(part.strip().partition("=")[::2])
        for part in headers.get("x-ses-message-tags", "").split(",")
        if "=" in part
    ]
    stamp = _without_own(raw)
    return Letter(
        sender=sender,
        to=tuple(destinations) or named["to"],
        cc=() if destinations else named["cc"],
        bcc=() if destinations else named["bcc"],
        subject=_decoded(headers.get("subject", "")),
        return_path=headers.get("return-path", ""),
        raw=stamp,
        headers={"from": headers["from"]},
        configuration_set=configuration_set or headers.get("x-ses-configuration-set", "").strip(),
        tags=(*tags, *((str(name), str(value)) for name, value in own)),
    )


def _without_own(raw: bytes) -> bytes:
    """The message without the headers that are for the service alone."""
    end = _END.search(raw)
    head, rest = (raw[: end.start()] + b"\r\n", raw[end.start() :]) if end is not None else (raw, b"")
    head = _OWN.sub(b"", head)
    return head.rstrip(b"\r\n") + rest if rest else head


def _addresses(value: str) -> tuple[str, ...]:
    try:
        return tuple(address for _, address in getaddresses([value]) if address)
    except (ValueError, TypeError):
        return ()


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (ValueError, LookupError, MessageError):
        return value
