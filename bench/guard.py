"""How long the leak guard looks at a body, in CPU seconds: ordinary ones, and some that are made to be slow.

python bench/guard.py [MIB]
"""

import base64
import json
import os
import time
from collections.abc import Iterator

from bench.row import Row
from childproof.engine import DEFAULT_MAX_BODY
from childproof.engine.guard import find_leak
from childproof.engine.vault import Canary
from childproof.model import Call, Hidden, Protocol

CANARIES = [Canary(f"canary-{number}", Hidden(f"canary-{number}-0123456789abcdef")) for number in range(10)]
FORM, JSON, PARTS = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"


def bodies(size: int) -> dict[str, tuple[bytes, str]]:
    """Bodies of `size` bytes with their content types."""
    rows = [
        {"name": "a value", "number": number, "text": "lorem ipsum dolor sit amet " * 3}
        for number in range(size // 120)
    ]
    return {
        "JSON": (json.dumps(rows).encode(), JSON),
        "no structure": (os.urandom(size), "application/octet-stream"),
        "base64": (base64.b64encode(os.urandom(size * 3 // 4)), JSON),
        "base64, three layers": (_thrice(os.urandom(size * 27 // 64)), JSON),
        "hex": (os.urandom(size // 2).hex().encode(), JSON),
        "beginnings of tokens": (b"ghp_" * (size // 4), JSON),
        "beginnings of JWTs": (b"eyJ" * (size // 3), JSON),
        "beginnings of keys": (b"-----BEGIN " * (size // 11), JSON),
        "quotes": (b'"' * size, JSON),
        "escaped quotes": (b'"\\' * (size // 2), JSON),
        "URL-encoded": (b"%41" * (size // 3), FORM),
        "parts": (b"\r\n\r\n" * (size // 4), PARTS),
    }


def _thrice(data: bytes) -> bytes:
    for _ in range(3):
        data = base64.b64encode(data)
    return data


def rows() -> Iterator[Row]:
    """A small body, then one of each kind at the largest size that is judged by default."""
    for name, (body, kind) in {"short JSON": (b'{"a": 1}' * 250, JSON), **bodies(DEFAULT_MAX_BODY)}.items():
        call = Call(
            Protocol.HTTP, "a.example", 443, method="POST", path="/x", headers=(("content-type", kind),), body=body
        )
        started = time.process_time()
        found = find_leak(call, frozenset(), CANARIES, DEFAULT_MAX_BODY)
        spent = (time.process_time() - started) * 1000
        size = f"{len(body) / 1024**2:.0f} MiB" if len(body) > 1024**2 // 2 else f"{len(body) / 1000:.0f} KB"
        yield Row(f"leak guard, {size} of {name}{', denied' if found else ''}", f"{spent:.1f} ms", "< 5 s")
