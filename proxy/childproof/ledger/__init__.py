"""The record: one entry per call, complete, redacted before it is stored, in the same transaction as the call's changes."""

from .entry import CLOCK, Entry, Recorded
from .filter import ANY, Filter
from .ledger import Ledger, Mark, Tail
from .lines import LINE_KEYS, entry_line, from_line, timestamp, to_line
from .recording import record
from .redaction import redact
from .secrets import REDACTED
from .trace import trace_of

__all__ = [
    "ANY",
    "CLOCK",
    "LINE_KEYS",
    "REDACTED",
    "Entry",
    "Filter",
    "Ledger",
    "Mark",
    "Recorded",
    "Tail",
    "entry_line",
    "from_line",
    "record",
    "redact",
    "timestamp",
    "to_line",
    "trace_of",
]
