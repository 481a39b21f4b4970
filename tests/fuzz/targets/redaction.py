"""Secrets masked before anything is stored (`ledger/redaction.py`): any text, any JSON, any header.

Nothing is raised, JSON stays JSON of the same shape, and a key in a known format does not get through, whatever stands
around it.
"""

import json
from typing import Any

import msgspec

from childproof.ledger.redaction import redact, redact_headers, redact_json

_KEY = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"  # as a vendor's documentation prints it; in two parts for scanners


def check(data: bytes) -> None:
    """As text, as a header, as JSON, and around a key."""
    text = data.decode("utf-8", "replace")
    redact(redact(text))
    wire = data.decode("latin-1")
    redact_headers(((wire[:20], wire), ("authorization", wire), ("cookie", wire)))
    half = len(text) // 2
    around = redact(f"{text[:half]} {_KEY} {text[half:]}")
    assert _KEY not in around, around
    try:
        value = msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return
    again = redact_json(data)
    assert _shape(msgspec.json.decode(again)) == _shape(value)
    hidden = json.dumps({"a": value, "note": f"see {_KEY} there"}).encode()
    assert _KEY.encode() not in redact_json(hidden)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {"keys": len(value), "items": list(map(_shape, value.values()))}
    if isinstance(value, list):
        return list(map(_shape, value))
    return "leaf"
