"""A message taken apart (RFC 5322, MIME), however broken it is: what can be read is read, the rest is a defect.

The standard library does the work, but its header parser raises for some inputs that real senders make, takes
quadratic time for long ones, and hands out surrogates for bytes that are no text; all of that stops here.
"""

import email
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from typing import Any

LONGEST_HEADER = 20_000  # characters that are decoded; what is longer is kept as it came
MOST_PARTS = 1000
DEEPEST = 50  # levels of multiparts within multiparts
_ENCODED = re.compile(r"=\?[^?\s]+\?[bBqQ]\?[^?]*\?=")


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment, or anything else that isn't the message's own text: its name, type and decoded content."""

    filename: str
    type: str
    content: bytes
    inline: bool
    content_id: str


@dataclass(slots=True)
class Parsed:
    """A message's parts. Addresses are `{name, address}`; headers pairs in their order, decoded. No surrogates anywhere."""

    headers: list[list[str]] = field(default_factory=list)
    subject: str = ""
    message_id: str = ""
    date: str = ""
    sender: list[dict[str, str]] = field(default_factory=list)
    to: list[dict[str, str]] = field(default_factory=list)
    cc: list[dict[str, str]] = field(default_factory=list)
    reply_to: list[dict[str, str]] = field(default_factory=list)
    text: str | None = None
    html: str | None = None
    attachments: list[Part] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)


def parse(raw: bytes) -> Parsed:
    """Take a message apart. Never raises for whatever bytes."""
    parsed = Parsed()
    try:
        message = email.message_from_bytes(raw, policy=policy.compat32)
    except (RecursionError, MessageError, ValueError, LookupError) as error:
        parsed.defects.append(f"unreadable: {type(error).__name__}")
        parsed.text = raw.decode("utf-8", "replace")
        return parsed
    _read_headers(message, parsed)
    _read_parts(message, parsed)
    return parsed


def _read_headers(message: Message, parsed: Parsed) -> None:
    # `raw_items` is the only way to the values that runs none of the parser's own decoding
    raw: list[tuple[str, Any]] = list(message.raw_items())
    parsed.headers = [[_clean(name), decoded(str(value))] for name, value in raw]
    first: dict[str, str] = {}
    for name, value in parsed.headers:
        first.setdefault(name.lower(), value)
    parsed.subject = first.get("subject", "")
    parsed.message_id = first.get("message-id", "").strip()
    parsed.date = first.get("date", "").strip()
    plain = {name.lower(): _unfolded(str(value)) for name, value in reversed(raw)}
    parsed.sender = addresses(plain.get("from", ""))
    parsed.to = addresses(plain.get("to", ""))
    parsed.cc = addresses(plain.get("cc", ""))
    parsed.reply_to = addresses(plain.get("reply-to", ""))


def decoded(value: str) -> str:
    """A header's value as people read it: unfolded, encoded words (RFC 2047) decoded as far as they are sound."""
    value = _unfolded(value)
    if len(value) > LONGEST_HEADER or not _ENCODED.search(value):
        return _clean(value)
    try:
        return _clean(str(make_header(decode_header(value))))
    except (ValueError, LookupError, MessageError):
        return _clean(value)


def addresses(value: str) -> list[dict[str, str]]:
    """The addresses of a header. Split before encoded words are decoded: a decoded name may hold a comma."""
    if not value or len(value) > LONGEST_HEADER:
        return []
    try:
        found = getaddresses([value])
    except (ValueError, LookupError, TypeError):
        return []
    return [{"name": decoded(name), "address": _clean(address)} for name, address in found if address]


def _read_parts(message: Message, parsed: Parsed) -> None:
    for number, part in enumerate(_leaves(message, parsed.defects)):
        if number >= MOST_PARTS:
            parsed.defects.append(f"more than {MOST_PARTS} parts")
            return
        parsed.defects.extend(type(defect).__name__ for defect in part.defects)
        kind = part.get_content_type()
        filename = _guarded(part.get_filename, "")
        disposition = _guarded(part.get_content_disposition, "")
        if not filename and disposition != "attachment":
            if kind == "text/plain" and parsed.text is None:
                parsed.text = _text(part)
                continue
            if kind == "text/html" and parsed.html is None:
                parsed.html = _text(part)
                continue
        content = _content(part)
        if not content and not filename and kind.startswith("text/"):
            continue
        parsed.attachments.append(
            Part(
                filename=decoded(filename),
                type=_clean(kind),
                content=content,
                inline=disposition != "attachment",
                content_id=_clean(str(part.get("Content-ID", ""))).strip().strip("<>"),
            )
        )


def _leaves(message: Message, defects: list[str], depth: int = 0) -> Iterator[Message]:
    """The parts that are no multipart. A message within the message is one part, not taken apart."""
    # asked in this order: of a part that is no multipart, `get_payload` decodes the text, which can raise
    if not message.is_multipart() or message.get_content_maintype() == "message":
        yield message
        return
    children = message.get_payload()
    assert isinstance(children, list)
    defects.extend(type(defect).__name__ for defect in message.defects)
    if depth >= DEEPEST:
        defects.append(f"parts nested deeper than {DEEPEST} levels")
        return
    for child in children:
        if isinstance(child, Message):
            yield from _leaves(child, defects, depth + 1)


def _content(part: Message) -> bytes:
    if part.is_multipart():
        inner = part.get_payload()
        first = inner[0] if isinstance(inner, list) and inner else None
        return _guarded(first.as_bytes, b"") if isinstance(first, Message | EmailMessage) else b""
    content: Any = _guarded(lambda: part.get_payload(decode=True), b"")
    return content if isinstance(content, bytes) else b""


def _text(part: Message) -> str:
    content = _content(part)
    charset = _guarded(part.get_content_charset, "") or "utf-8"
    try:
        text = content.decode(charset, "replace")
    except (LookupError, ValueError):
        text = content.decode("utf-8", "replace")
    return _clean(text.replace("\r\n", "\n"), lines=True)


def _guarded[T](read: Callable[[], Any], otherwise: T) -> T:
    """What the standard library makes of a part, or `otherwise` where it stumbles over its input."""
    try:
        found = read()
    except (ValueError, LookupError, TypeError, AttributeError, MessageError, RecursionError):
        return otherwise
    return otherwise if found is None else found


def _unfolded(value: str) -> str:
    return re.sub(r"\r?\n(?=[ \t])|[\r\n]+", "", value)


def _clean(text: str, *, lines: bool = False) -> str:
    """Text without surrogates: bytes that stood in a header bare are read as UTF-8, which most of them are."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        text = text.encode("utf-8", "surrogateescape" if _escapes(text) else "replace").decode("utf-8", "replace")
    return text if lines else text.strip("\r\n")


def _escapes(text: str) -> bool:
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in text)
