"""What a text may be hiding: the same bytes without URL encoding, base64, hex or JSON escapes, layer by layer.

Whoever wraps a secret chooses the wrapping, so all of it is bounded: layers, and the bytes that are looked at in all.
"""

import base64
import binascii
import itertools
import re
import zlib
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

LAYERS = 3
_SHORTEST = 15  # bytes: less has no encoding of anything
_RUN = re.compile(rb"[A-Za-z0-9+/_-]{16,}+={0,2}")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}){8,}+")
_SPACED_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2}[ :-]){7,}+(?:[0-9A-Fa-f]{2})?")
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|(/))")
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_SMALL = 32 * 1024  # bytes: so much is read at every alignment in deeper layers too
_MOST_ESCAPES = 400_000
_NEAR = 256  # bytes around an escape that are looked at with it, where escapes are few
# Kinds of bytes, to see quickly that a text has no long run of them.
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_BASE64 = bytes(97 if byte in _ALPHABET else 32 for byte in range(256))
_DIGITS = bytes(120 if byte in b"0123456789abcdefABCDEF" else 115 if byte in b" :-" else 32 for byte in range(256))
_URLSAFE = bytes.maketrans(b"-_", b"+/")
_APART = b" "  # not a line's end: the next layer would put the pieces together, and read all but the first out of step
_CODINGS = ("gzip", "x-gzip", "deflate")


class Unreadable(Exception):
    """The bytes can't be looked into; the message says why."""


def readings(text: bytes, budget: int) -> Iterator[tuple[str, bytes]]:
    """The text and what it may be hiding, with the name of the encoding ("" for the text itself). At most `budget` bytes.

    Raises Unreadable where the budget ends before the layers do.
    """
    seen = {hash(text)}
    layer = [("", text)]
    yield "", text
    for depth in range(LAYERS):
        below: list[tuple[str, bytes]] = []
        for name, inner in layer:
            if len(inner) < _SHORTEST:
                continue
            for encoding, found in _decoded(inner, every_offset=depth == 0 or len(inner) <= _SMALL):
                if len(found) < 8 or hash(found) in seen:
                    continue
                seen.add(hash(found))
                budget -= len(found)
                if budget < 0:
                    raise Unreadable("more encoded data in it than can be looked into")
                whole = f"{name}, {encoding}" if name else encoding
                yield whole, found
                below.append((whole, found))
        layer = below


def uncompressed(body: bytes, coding: str, most: int) -> bytes:
    """A body without its content coding. Raises Unreadable for a coding that isn't known, or more than `most` bytes."""
    coding = coding.strip().lower()
    if coding in ("", "identity") or not body:
        return body
    if coding not in _CODINGS:
        raise Unreadable(f"the body is encoded as {coding[:20]!a}")
    for bits in (47, -15):  # gzip or zlib by its header; then bare deflate, which some senders mean by the name
        decoder = zlib.decompressobj(bits)
        try:
            plain = decoder.decompress(body, most)
        except zlib.error:
            continue
        if decoder.unconsumed_tail or decoder.unused_data:
            raise Unreadable("the compressed body is larger than can be looked into, or not all of it is read")
        return plain
    raise Unreadable(f"the body is no {coding}")


def _decoded(text: bytes, *, every_offset: bool) -> Iterator[tuple[str, bytes]]:
    if b"%" in text and (found := _around(text, _PERCENT)):
        yield "URL-encoded", unquote_to_bytes(found)
    if b"\\" in text and (found := _around(text, _ESCAPE)):
        yield "escaped", _ESCAPE.sub(_unescaped, found)
    # MIME breaks base64 into lines, and JSON escapes those breaks.
    whole = text.replace(b"\\r", b"").replace(b"\\n", b"") if b"\\n" in text else text
    whole = whole.translate(None, b"\r\n")
    if b"a" * 16 in whole.translate(_BASE64):
        yield from _base64(whole, every_offset=every_offset)
    kinds = text.translate(_DIGITS)
    if b"x" * 16 in kinds:
        yield "hex", _APART.join(_from_hex(run[0], every_offset=every_offset) for run in _HEX.finditer(text))
    if b"xxs" * 7 in kinds:
        yield (
            "hex",
            _APART.join(binascii.unhexlify(run[0].translate(None, b" :-")) for run in _SPACED_HEX.finditer(text)),
        )


def _around(text: bytes, escape: re.Pattern[bytes]) -> bytes:
    """The text, or where escapes are few in it, what stands around them; empty where there are none."""
    matches = list(itertools.islice(escape.finditer(text), _MOST_ESCAPES + 1))
    if len(matches) > _MOST_ESCAPES:
        raise Unreadable("more escapes in it than can be looked into")
    if len(matches) * 2 * _NEAR > len(text):
        return text
    pieces: list[bytes] = []
    end = 0
    for match in matches:
        start = max(end, match.start() - _NEAR)
        if start > end and pieces:
            pieces.append(_APART)
        end = max(end, min(len(text), match.end() + _NEAR))
        pieces.append(text[start:end])
    return b"".join(pieces)


def _base64(text: bytes, *, every_offset: bool) -> Iterator[tuple[str, bytes]]:
    """All runs decoded and put together, once for each place at which groups of four may begin."""
    runs = [run[0].rstrip(b"=").translate(_URLSAFE) for run in _RUN.finditer(text)]
    for offset in range(4 if every_offset else 1):
        found = _APART.join(map(_from_base64, (run[offset:] for run in runs)))
        if found:
            yield "base64", found


def _from_base64(run: bytes) -> bytes:
    end = len(run) - (len(run) % 4 == 1)
    return base64.b64decode(run[:end] + b"=" * (-end % 4))


def _from_hex(run: bytes, *, every_offset: bool) -> bytes:
    shifted = binascii.unhexlify(run[1:-1]) if every_offset and len(run) > 2 else b""
    return binascii.unhexlify(run) + (b"\n" + shifted if shifted else b"")


def _unescaped(match: re.Match[bytes]) -> bytes:
    return b"/" if match[3] else bytes([int(match[1] or match[2], 16)])
