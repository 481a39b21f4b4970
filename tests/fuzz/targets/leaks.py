"""The leak guard (`engine/guard.py`, `engine/unwrap.py`) over any bytes: it never raises, and a canary doesn't get by.

The canary stands between the fuzzer's bytes, wrapped as the first byte says: URL-encoded, base64 (either alphabet), hex,
escaped as in JSON, twice if need be, and the body compressed or not. What the guard can't look into counts as found.
"""

import base64
import gzip
import zlib
from collections.abc import Callable

from childproof.engine.guard import find_leak
from childproof.engine.vault import Canary
from childproof.model import Call, Hidden, Protocol

_CANARY = b"canary-7f3a9c-of-the-fuzzer"
_CANARIES = [Canary("fuzz", Hidden(_CANARY.decode()))]
_MAX_BODY = 100_000
_WRAPS: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: text,
    lambda text: b"".join(b"%%%02X" % byte for byte in text),
    base64.b64encode,
    base64.urlsafe_b64encode,
    lambda text: text.hex().encode(),
    lambda text: b"".join(b"\\u00%02x" % byte for byte in text),
)
_CODINGS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("", lambda body: body),
    ("gzip", lambda body: gzip.compress(body, mtime=0)),
    ("deflate", zlib.compress),
)


def check(data: bytes) -> None:
    """The bytes as a body, a query and a header by themselves; then around the canary."""
    if len(data) < 2:
        return
    text = data[2:].decode("latin-1")
    for coding in ("", "gzip", "deflate", "br"):
        _find(data[2:], text, coding)
    wrapped = _WRAPS[data[0] % 6](_CANARY)
    if data[0] & 0x80:
        wrapped = _WRAPS[data[1] % 6](wrapped)
    half = len(data) // 2
    body = data[2:half] + b" " + wrapped + b" " + data[half:]
    coding, compress = _CODINGS[data[1] >> 4 & 3 if data[1] >> 4 & 3 < 3 else 0]
    assert _find(compress(body), "", coding), (data[0] % 6, data[1] % 6, body)
    assert _find(b"", f"{text[:half]} {wrapped.decode()} {text[half:]}", "")


def _find(body: bytes, text: str, coding: str) -> bool:
    headers = (("content-encoding", coding), ("x-data", text), ("content-type", "multipart/form-data; boundary=x"))
    call = Call(
        Protocol.HTTP,
        "api.example",
        443,
        method="POST",
        scheme="https",
        path="/x",
        query=text,
        headers=headers,
        body=body,
    )
    return find_leak(call, frozenset(), _CANARIES, _MAX_BODY) is not None
