"""Frozen values that every layer speaks in, and the one normaliser of host names and addresses. No I/O."""

from .address import is_address, is_global, parse_address
from .body import BodyError, parse_form, parse_json
from .call import Call, Envelope, Protocol, Violation
from .hostname import HostError, matches_pattern, normalize_host
from .record import NO_UPSTREAM, Change, Effect, Fidelity, Upstream, Written
from .replacing import replace
from .reply import Forward, Outcome, Reply, header
from .secret import Hidden, Injection, SecretSource
from .stream import Frame, Part, Step, Stream, Talk
from .verdict import Action, Verdict, Would

__all__ = [
    "NO_UPSTREAM",
    "Action",
    "BodyError",
    "Call",
    "Change",
    "Effect",
    "Envelope",
    "Fidelity",
    "Forward",
    "Frame",
    "Hidden",
    "HostError",
    "Injection",
    "Outcome",
    "Part",
    "Protocol",
    "Reply",
    "SecretSource",
    "Step",
    "Stream",
    "Talk",
    "Upstream",
    "Verdict",
    "Violation",
    "Would",
    "Written",
    "header",
    "is_address",
    "is_global",
    "matches_pattern",
    "normalize_host",
    "parse_address",
    "parse_form",
    "parse_json",
    "replace",
]
