"""Bounding and redacting a request or a reply for the ledger."""

import base64
import hashlib
import zlib

from childproof.model import header, replace

from .entry import Recorded
from .redaction import redact, redact_headers

LIMIT = 64 * 1024
# Looked at beyond the limit, so that a secret across the cut is still seen whole. Longer than a PEM key.
MARGIN = 8 * 1024
BINARY = "base64:"


def record(
    headers: tuple[tuple[str, str], ...], body: bytes, *, limit: int = LIMIT, whole: int | None = None
) -> Recorded:
    """What may be kept of a request or a reply: credentials masked, at most `limit` bytes of text.

    A gzip or deflate body is recorded unpacked, since a packed secret is no less one; with any other content coding
    only size and hash are kept. `whole` is the body's real size where `body` is only its beginning, of at least
    `limit` + `MARGIN` bytes: then there is no hash.
    """
    if whole is not None and whole > len(body):
        return replace(record(headers, body, limit=limit), size=whole, sha256="", cut=True)
    kept = redact_headers(headers)
    if not body:
        return Recorded(kept, "", 0)
    coding = (header(headers, "content-encoding") or "identity").strip().lower()
    size = len(body)
    plain = _unpack(body, coding, limit + MARGIN)
    if plain is None:
        return Recorded(kept, f"[{size} bytes of {coding}]", size, hashlib.sha256(body).hexdigest(), cut=True)
    text = _text(plain[: limit + MARGIN])
    cut = len(plain) > limit
    if cut:
        # The last MARGIN bytes may end in half a secret that the redaction couldn't know.
        text = text.encode()[:-MARGIN][:limit].decode(errors="ignore")
    return Recorded(kept, text, size, hashlib.sha256(body).hexdigest() if cut else "", cut=cut)


def _text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        # A cut may have gone through a character.
        text = body[: error.start].decode() if error.start > len(body) - 4 and len(body) > MARGIN else ""
    if not text or "\0" in text:
        clean = redact(body.decode("latin-1")).encode("latin-1", "replace")
        return BINARY + base64.b64encode(clean).decode()
    return redact(text)


def _unpack(body: bytes, coding: str, most: int) -> bytes | None:
    """The body without its content coding, at most `most` bytes and one; None where the coding is unknown or broken."""
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    for bits in (47, -15):  # gzip or zlib by its header; then bare deflate, which some senders mean by the name
        try:
            return zlib.decompressobj(bits).decompress(body, most + 1)
        except zlib.error:
            continue
    return None
