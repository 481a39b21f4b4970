"""Randomness as a function of the world's seed, the call's number and a purpose: the same calls, the same bytes."""

import random
from functools import lru_cache
from hashlib import blake2b

ALNUM = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def digest(seed: int, seq: int, purpose: str, count: int) -> bytes:
    """64 bytes that depend on nothing but the arguments."""
    return blake2b(f"{seed}\x1f{seq}\x1f{purpose}\x1f{count}".encode()).digest()


def generator(seed: int, seq: int, purpose: str) -> random.Random:
    """A generator for one purpose of one call."""
    return random.Random(int.from_bytes(digest(seed, seq, purpose, -1)[:16]))  # noqa: S311 - repeatable, not secret


def token(seed: int, seq: int, purpose: str, count: int, *, n: int, alphabet: str) -> str:
    """`n` characters of `alphabet` (2 to 256 different ones, single-byte), each equally likely."""
    table, surplus = _table(alphabet)
    text = digest(seed, seq, f"{purpose}\x1f0", count).translate(table, surplus)  # nearly always enough
    block = 1
    while len(text) < n:
        text += digest(seed, seq, f"{purpose}\x1f{block}", count).translate(table, surplus)
        block += 1
    return text[:n].decode("latin-1")


@lru_cache(maxsize=64)
def _table(alphabet: str) -> tuple[bytes, bytes]:
    """A byte -> character table, and the bytes to leave out so that no character is likelier than another."""
    letters = alphabet.encode("latin-1")
    if not 2 <= len(letters) <= 256:
        raise ValueError("an alphabet has 2 to 256 characters")
    fair = 256 - 256 % len(letters)
    return bytes(letters[byte % len(letters)] for byte in range(256)), bytes(range(fair, 256))
