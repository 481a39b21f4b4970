"""A message as it goes over the wire (RFC 5322, MIME): in ASCII, the same whenever the same call is made again.

Written by hand rather than with `email.message`, which parses every header that it is given: a call may send a thousand
messages, and they have to be written while it waits.
"""

import base64
import quopri
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from email.header import Header
from email.utils import formataddr, parseaddr
from functools import lru_cache
from urllib.parse import quote

import msgspec

Mailbox = (
    str | tuple[str, str]
)  # `jenny@home.example`, `Jenny <jenny@home.example>`, or ("Jenny", "jenny@home.example")
LONGEST = 900  # characters of a line that is left as it is (RFC 5322, section 2.1.1: at most 998)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NAME = re.compile(r"[!-9;-~]+")  # RFC 5322, section 2.2
_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
OWN = frozenset(
    ["from", "to", "cc", "bcc", "reply-to", "subject", "mime-version", "content-type", "content-transfer-encoding",
     "content-disposition", "content-id"]
)  # fmt: skip


class Attachment(msgspec.Struct, frozen=True):
    """A file that goes with a mail. `inline` ones are shown within the HTML, which names them by `content_id`."""

    filename: str
    content: bytes
    type: str = "application/octet-stream"
    content_id: str = ""
    inline: bool = False


class Letter(msgspec.Struct, frozen=True):
    """What is to be written. `alternatives` are (media type, text), plainest first; `headers` stand beside our own.

    `cc` is for the header alone, as `to` is; who gets the mail is for the envelope to say.
    """

    sender: Mailbox
    to: tuple[Mailbox, ...]
    subject: str
    alternatives: tuple[tuple[str, str], ...]
    cc: tuple[Mailbox, ...] = ()
    reply_to: tuple[Mailbox, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


class _Part(msgspec.Struct, frozen=True):
    headers: tuple[tuple[str, str], ...]
    body: bytes


def named(mailbox: Mailbox) -> tuple[str, str]:
    """Name and bare address."""
    if isinstance(mailbox, tuple):
        return mailbox
    return parseaddr(mailbox) if "<" in mailbox else ("", mailbox.strip())


def bare(mailbox: Mailbox) -> str:
    """The address without its name."""
    return named(mailbox)[1]


def custom(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Headers of a sender's own: those that say how the message is made, and names that are none, are left out."""
    return tuple((name, text) for name, text in headers.items() if name.lower() not in OWN and _NAME.fullmatch(name))


def composed(letter: Letter, *, date: str, message_id: str, boundary: Callable[[], str]) -> bytes:
    """The message. `Date` and `Message-ID` among its own headers stand in the place of the given ones."""
    given = {name.lower() for name, _ in letter.headers}
    head = [("From", _mailboxes([letter.sender]))]
    head += [
        (name, _mailboxes(boxes))
        for name, boxes in (("To", letter.to), ("Cc", letter.cc), ("Reply-To", letter.reply_to))
        if boxes
    ]
    head.append(("Subject", _text(letter.subject)))
    head += [(name, text) for name, text in (("Date", date), ("Message-ID", message_id)) if name.lower() not in given]
    head += [(name, _text(text)) for name, text in letter.headers]
    part = _content(letter, boundary)
    head += [("MIME-Version", "1.0"), *part.headers]
    return _lines(head) + b"\r\n" + part.body


def _content(letter: Letter, boundary: Callable[[], str]) -> _Part:
    parts = [_written(kind, text) for kind, text in letter.alternatives] or [_written("text/plain", "")]
    part = parts[0] if len(parts) == 1 else _multipart("alternative", parts, boundary)
    shown = [_attached(one) for one in letter.attachments if one.inline]
    files = [_attached(one) for one in letter.attachments if not one.inline]
    if shown:
        part = _multipart("related", [part, *shown], boundary)
    return _multipart("mixed", [part, *files], boundary) if files else part


def _multipart(kind: str, parts: Iterable[_Part], boundary: Callable[[], str]) -> _Part:
    mark = boundary()
    line = b"--" + mark.encode()
    body = b"".join(line + b"\r\n" + _lines(part.headers) + b"\r\n" + part.body + b"\r\n" for part in parts)
    return _Part((("Content-Type", f'multipart/{kind}; boundary="{mark}"'),), body + line + b"--\r\n")


def _written(kind: str, text: str) -> _Part:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines[-1]:
        lines.append("")
    plain = "\r\n".join(lines)
    if plain.isascii() and max(map(len, lines)) <= LONGEST and "\0" not in plain:
        headers = (("Content-Type", f'{kind}; charset="us-ascii"'), ("Content-Transfer-Encoding", "7bit"))
        return _Part(headers, plain.encode())
    coded = quopri.encodestring("\n".join(lines).encode("utf-8", "replace")).replace(b"\n", b"\r\n")
    return _Part(
        (("Content-Type", f'{kind}; charset="utf-8"'), ("Content-Transfer-Encoding", "quoted-printable")), coded
    )


def _attached(one: Attachment) -> _Part:
    kind = one.type if _TYPE.fullmatch(one.type.partition(";")[0].strip()) else "application/octet-stream"
    headers = [
        ("Content-Type", _CONTROL.sub(" ", kind)),
        ("Content-Transfer-Encoding", "base64"),
        ("Content-Disposition", ("inline" if one.inline else "attachment") + _filename(one.filename)),
    ]
    if one.content_id:
        headers.append(("Content-ID", f"<{_CONTROL.sub('', one.content_id).strip('<>')}>"))
    return _Part(tuple(headers), _base64(one.content))


@lru_cache(maxsize=2)
def _base64(content: bytes) -> bytes:
    """In lines. The same file may go with a thousand letters."""
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def _filename(name: str) -> str:
    """The parameter of that name (RFC 2183; RFC 2231 for what isn't ASCII)."""
    name = _CONTROL.sub(" ", name)
    if not name:
        return ""
    if not name.isascii():
        return f"; filename*=utf-8''{quote(name, safe='', errors='replace')}"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'; filename="{escaped}"'


def _mailboxes(boxes: Sequence[Mailbox]) -> str:
    return ",\r\n ".join(
        formataddr((_CONTROL.sub(" ", name), _CONTROL.sub("", box))) for name, box in map(named, boxes)
    )


def _text(value: str) -> str:
    value = _CONTROL.sub(" ", value)
    if value.isascii() and len(value) <= LONGEST:
        return value
    return Header(value.encode("utf-8", "replace").decode(), "utf-8", maxlinelen=75).encode(linesep="\r\n")


def _lines(headers: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {text}\r\n" for name, text in headers).encode("ascii", "replace")
