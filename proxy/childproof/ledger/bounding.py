"""An entry has a bounded size, whatever a call changes: what is too long is cut, and the place says so with a hash.

The world's own rows hold the whole. A long text keeps its beginning and ends with `… [cut: N characters, SHA-256 …]`; an
object that is too large as a whole is `{"cut": {"size", "sha256"}}`; what no entry can list is one last item of
kind or type `cut` that counts it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from childproof.model import Change, Effect, Written

from .redaction import redact

LIMIT = 64 * 1024  # of an entry's changes, and of its effects, in bytes of JSON
LONG = 4 * 1024
KEPT = 1024
# Looked at beyond what is kept, so that a secret across the cut is still seen whole.
MARGIN = 8 * 1024
_ROOM = 1024  # for the last item
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode
Items = Sequence[Change] | Sequence[Written] | Sequence[Effect]


def bounded(items: Items) -> bytes:
    """Changes or effects as a JSON array of at most LIMIT bytes, about."""
    raw = _encode(items)
    if len(raw) <= LIMIT:
        return raw
    kept: list[bytes] = []
    left = LIMIT - _ROOM
    for place, item in enumerate(items):
        plain = {name: _shorten(value) for name, value in _decode(_encode(item)).items()}
        line = _encode(plain)
        if len(line) > left:
            line = _encode({name: _stump(value) if isinstance(value, dict) else value for name, value in plain.items()})
        if len(line) > left:
            kept.append(_encode(_rest(items[place:])))
            break
        kept.append(line)
        left -= len(line) + 1
    return b"[" + b",".join(kept) + b"]"


def cut_text(text: str, most: int, *, margin: int = MARGIN) -> str:
    """The beginning of a text that goes on, at most `most` characters, redacted as if all of it were there."""
    # The last `margin` characters may end in half a secret that the redaction couldn't know.
    return redact(text[: most + margin])[:-margin][:most]


def _shorten(value: Any) -> Any:
    if isinstance(value, str):
        if len(value) <= LONG:
            return value
        return f"{cut_text(value, KEPT)}… [cut: {len(value)} characters, SHA-256 {_hash(value.encode())}]"
    if isinstance(value, dict):
        return {key: _shorten(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shorten(item) for item in value]
    return value


def _stump(value: dict[str, Any]) -> dict[str, Any]:
    raw = _encode(value)
    return value if len(raw) <= KEPT else {"cut": {"size": len(raw), "sha256": _hash(raw)}}


def _rest(items: Items) -> Change | Effect:
    raw = _encode(items)
    # A hash of little could be guessed back to what is redacted.
    what = {"cut": {"items": len(items), "size": len(raw), "sha256": _hash(raw) if len(raw) > LONG else ""}}
    if isinstance(items[0], Change | Written):
        return Change("", "cut", f"{len(items)} more", None, what)
    return Effect("", "cut", f"{len(items)} more", what)


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
