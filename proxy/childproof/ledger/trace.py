"""Traces: what follows from one call shares a trace id, in the form of W3C Trace Context."""

import hashlib


def trace_of(call_id: str) -> str:
    """The trace that a call begins: 32 hexadecimal digits that follow from its id, as the id does from the world."""
    return hashlib.blake2b(call_id.encode(), digest_size=16).hexdigest()
