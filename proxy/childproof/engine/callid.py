"""What a call is called, and the trace that it belongs to."""

import hashlib
import re

from childproof.ledger import trace_of
from childproof.model import Call
from childproof.world import Transaction

# W3C Trace Context, section 3.2: version, trace id, parent id, flags; a later version may go on after a dash.
_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def identify(tx: Transaction, trace: str = "") -> str:
    """Give this transaction's call its id, and the trace that it belongs to, or begins where `trace` is empty."""
    call_id = call_id_of(tx)
    tx.call_id = call_id
    tx.trace = trace or trace_of(call_id)
    return call_id


def call_id_of(tx: Transaction) -> str:
    """Unique across worlds, and the same whenever the same call is made again in a world of that name and seed."""
    digest = hashlib.blake2b(f"{tx.world}\0{tx.seed}\0{tx.seq}".encode(), digest_size=8).hexdigest()
    return f"call_{digest}"


def brought_trace(call: Call) -> str:
    """The trace id of a call's own `traceparent`, "" without a valid one.

    It joins the agent's telemetry to ours, and is trusted for nothing else.
    """
    written = call.header("traceparent")
    if written is None:
        return ""
    found = _TRACEPARENT.fullmatch(written.strip())
    return found[2] if found is not None and not (found[1] == "00" and found[3]) else ""
