"""Files in requests: the parts of a multipart body, or a body that is a file as a whole.

The parser is `multipart`'s, which takes linear time and is given bounds; how large a body may be at all is the proxy's
to say (`limits.body`).
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import multipart

from childproof.model import BodyError, Call, parse_json
from childproof.model.body import nest_pairs

MAX_PARTS = 1000
MAX_HEADERS = 16
MAX_HEADER = 4096  # bytes of one header of a part
MAX_TEXT = 1024 * 1024  # bytes of a part that is no file
FORM = "multipart/form-data"
PLAIN = "application/octet-stream"


class Upload(msgspec.Struct, frozen=True):
    """A file as a client sent it: under which field ("" for a whole body), called what, of which media type."""

    field: str
    filename: str
    content_type: str
    data: bytes


@lru_cache(maxsize=64)
def _plain(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def media_type(call: Call) -> str:
    """The media type of a call's body, lower case and without its parameters; "" where it says none."""
    return _plain(call.header("content-type") or "")


def read_multipart(call: Call) -> tuple[dict[str, Any], tuple[Upload, ...]]:
    """The fields of a multipart body, nested as a form's, and its files. A file's field holds the file's name.

    A part that says it is JSON is read as such. Raises BodyError.
    """
    _, options = multipart.parse_options_header(call.header("content-type") or "")
    boundary = options.get("boundary", "")
    if not boundary:
        raise BodyError("invalid multipart body: its Content-Type names no boundary")
    pairs: list[tuple[str, str]] = []
    documents: dict[str, Any] = {}
    files: list[Upload] = []
    for segment, data in _segments(call.body, boundary):
        name = segment.name or ""
        if segment.filename is not None:
            media = segment.content_type or PLAIN
            called = re.split(r"[/\\]", segment.filename)[-1]  # RFC 7578, section 4.2: without directories
            files.append(Upload(name, called, media, data))
            pairs.append((name, called or "file"))
        elif len(data) > MAX_TEXT:
            raise BodyError(f"invalid multipart body: the field {name[:80]!r} has more than {MAX_TEXT} bytes")
        elif segment.content_type is not None and segment.content_type.endswith("json"):
            documents[name] = parse_json(data)
        else:
            pairs.append((name, _text(data, segment.charset, name)))
    return {**nest_pairs(pairs), **documents}, tuple(files)


def texts(call: Call) -> tuple[tuple[str, str], ...]:
    """The texts of a form's fields as they came, without its files; () for a body that is no form. Raises BodyError."""
    media = media_type(call)
    if media == "application/x-www-form-urlencoded":
        try:
            return tuple(parse_qsl(call.body.decode(), keep_blank_values=True, errors="strict"))
        except ValueError as error:
            raise BodyError(f"invalid form: {error}") from None
    if media != FORM:
        return ()
    boundary = multipart.parse_options_header(call.header("content-type") or "")[1].get("boundary", "")
    return tuple(
        (segment.name or "", _text(data, segment.charset, segment.name or ""))
        for segment, data in _segments(call.body, boundary)
        if segment.filename is None
    )


def uploads(call: Call) -> tuple[Upload, ...]:
    """The files that a call brings: those of its multipart body, or its body. Raises BodyError."""
    media = media_type(call)
    if media == FORM:
        return read_multipart(call)[1]
    return (Upload("", _named(call), media or PLAIN, call.body),) if call.body else ()


def write_multipart(pairs: Iterable[tuple[str, str]], files: Mapping[str, Mapping[str, str]]) -> tuple[bytes, str]:
    """A multipart body and its Content-Type: form pairs, and files by field, each with `name`, `type` and `text`."""
    parts = [(f'name="{name}"', value) for name, value in pairs]
    for field, file in files.items():
        media = file.get("type", PLAIN)
        parts.append(
            (f'name="{field}"; filename="{file.get("name", "file")}"\r\nContent-Type: {media}', file.get("text", ""))
        )
    boundary = "childproof" + hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
    whole = "".join(f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts)
    return f"{whole}--{boundary}--\r\n".encode(), f"{FORM}; boundary={boundary}"


def _segments(body: bytes, boundary: str) -> list[tuple[multipart.MultipartSegment, bytes]]:
    found: list[tuple[multipart.MultipartSegment, bytes]] = []
    parts: list[bytes] = []
    try:
        with multipart.PushMultipartParser(
            boundary, max_header_size=MAX_HEADER, max_header_count=MAX_HEADERS, max_segment_count=MAX_PARTS, strict=True
        ) as parser:
            segment = None
            for event in [*parser.parse(body), *parser.parse(b"")]:
                if isinstance(event, multipart.MultipartSegment):
                    segment, parts = event, []
                elif event is not None:
                    parts.append(bytes(event))
                elif segment is not None:
                    found.append((segment, b"".join(parts)))
    except (multipart.MultipartError, UnicodeDecodeError, ValueError) as error:
        raise BodyError(f"invalid multipart body: {error}") from None
    return found


def _text(data: bytes, charset: str | None, name: str) -> str:
    try:
        return data.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        raise BodyError(f"invalid multipart body: the field {name[:80]!r} is no text") from None


def _named(call: Call) -> str:
    """What the whole body is called: by its Content-Disposition, else nothing."""
    return multipart.parse_content_disposition(call.header("content-disposition") or "")[2] or ""
