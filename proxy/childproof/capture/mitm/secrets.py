"""Real credentials in the place of placeholders on the way out, and masked wherever a reply brings one back.

They are put into a copy of the request that only the upstream connection sees. A mask is as long as what it covers, so
that a reply's framing stays what it was.
"""

import base64
import binascii
import html
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from mitmproxy import http

from childproof.model import Injection

_MASK = b"*"
_PIECE = 1 << 20  # bytes of a reply that are unpacked at a time
# With these a server would answer in parts, or in a coding that can't be searched.
_NOT_SENT = ("range", "if-range")


class Unsearchable(Exception):
    """A reply whose body can't be searched for the credential that went out with its call."""


def inject(request: http.Request, injections: Sequence[Injection]) -> tuple[http.Request, list[str]]:
    """A copy of the request with the credentials, and what its reply is to be searched for.

    That is all of the rule's credentials, also those that this call doesn't carry: a server may have kept one from an
    earlier call and show it now.
    """
    copy = request.copy()
    sought = [one.value.reveal() for one in injections]
    for one in injections:
        if request.scheme != "https" and not one.plain_http:
            continue
        values = copy.headers.get_all(one.header)
        filled = [_filled(value, one) for value in values]
        if filled != values:
            copy.headers.set_all(one.header, filled)
            # As a whole too, where it stands within Basic credentials.
            sought += [
                new.partition(" ")[2] for old, new in zip(values, filled, strict=True) if _is_basic(new) and new != old
            ]
    for name in _NOT_SENT:
        copy.headers.pop(name, None)
    copy.headers["accept-encoding"] = "identity"
    return copy, sought


def _filled(value: str, one: Injection) -> str:
    """A header's value with the credential; also within the base64 of Basic credentials (RFC 7617)."""
    scheme, _, rest = value.partition(" ")
    if _is_basic(value):
        try:
            plain = base64.b64decode(rest.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return value
        if one.placeholder not in plain:
            return value
        return f"{scheme} {base64.b64encode(plain.replace(one.placeholder, one.value.reveal()).encode()).decode()}"
    return value.replace(one.placeholder, one.value.reveal())


def _is_basic(value: str) -> bool:
    return value[:6].lower() == "basic "


def spellings(value: str) -> Iterator[bytes]:
    """How a server may write the value back: as it is, URL-encoded, escaped for JSON or HTML, in hex or base64."""
    raw = value.encode()
    yield raw
    for safe in ("", "/", "~()*!'"):
        yield quote(value, safe=safe).encode()
        yield re.sub(rb"%..", lambda match: match[0].lower(), quote(value, safe=safe).encode())
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value)[1:-1].replace("/", "\\/").encode()
    yield html.escape(value).encode()
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift, start in ((0, 0), (1, 2), (2, 3)):
        # Of the characters that other bytes have a part in, none is looked for.
        whole = base64.b64encode(bytes(shift) + raw)[start : (shift + len(raw)) * 8 // 6]
        yield whole
        yield whole.translate(bytes.maketrans(b"+/", b"-_"))


class Mask:
    """Covers the values of one call's credentials in its reply, however that is cut into chunks. Feed it in order."""

    def __init__(self, values: Sequence[str]) -> None:
        words = {word for value in values for word in spellings(value)}
        self._words = sorted(words, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._words)))
        self._firsts = frozenset(word[0] for word in self._words)
        self._held = b""

    def whole(self, data: bytes) -> bytes:
        """A text that is all there: a header's value, a reason phrase."""
        return self._pattern.sub(lambda match: _MASK * len(match[0]), data)

    def text(self, text: str) -> str:
        """The same for text."""
        return self.whole(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def feed(self, data: bytes) -> bytes:
        """What may be sent on by now: all but an end that may be the beginning of something."""
        masked = self.whole(self._held + data)
        keep = self._begun(masked)
        self._held = masked[len(masked) - keep :]
        return masked[: len(masked) - keep]

    def rest(self) -> bytes:
        """What was held back, once there is no more to come."""
        held, self._held = self._held, b""
        return held

    def _begun(self, data: bytes) -> int:
        """The length of the longest end of `data` with which a spelling begins."""
        longest = min(len(data), len(self._words[0]) - 1)
        for size in range(longest, 0, -1):
            start = len(data) - size
            if data[start] in self._firsts and any(word.startswith(data[start:]) for word in self._words):
                return size
        return 0


class Unpacker:
    """A gzip or deflate body as it is, piece by piece. Raises Unsearchable for other codings and for broken data."""

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower()
        if self._coding not in ("gzip", "x-gzip", "deflate"):
            raise Unsearchable(
                f"the reply is encoded as {self._coding[:20]!a}, though nothing but identity was asked for"
            )
        self._decoder = zlib.decompressobj(47)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The pieces that `data` completes."""
        while data:
            try:
                yield self._decoder.decompress(data, _PIECE)
            except zlib.error as error:
                raise Unsearchable(f"the reply is no {self._coding}: {error}") from None
            data = self._decoder.unconsumed_tail
            if self._decoder.eof:
                data = self._decoder.unused_data
                self._decoder = zlib.decompressobj(47)  # another member (RFC 1952, section 2.2)
