"""Entity tags (RFC 9110, section 8.8.3): what a client has seen, told by a hash of it."""

import hashlib


def etag_of(content: bytes) -> str:
    """The strong tag of some bytes."""
    return f'"{hashlib.sha256(content).hexdigest()[:32]}"'


def fits(given: str, etag: str) -> bool:
    """Whether a list of tags as If-Match and If-None-Match have it names this one; `*` names any."""
    return given.strip() == "*" or etag in (one.strip() for one in given.split(","))
