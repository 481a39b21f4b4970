"""Limits of rules: what they count, and when they are used up. Pure; the counts stand wherever `Counters` keeps them.

A window opens with its first counted call and lasts for the limit's period, or for the world's life where there is
none. Of several limits all must have room, or none counts the call.
"""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from childproof.model import Call
from childproof.model import Protocol as CallProtocol

from .condition import EvaluationError, Expression
from .facts import Facts
from .units import bytes_text, duration

Number = int | float


class Counted(StrEnum):
    """What a limit counts."""

    CALLS = "calls"
    BYTES = "bytes"
    SUM = "sum"
    DISTINCT = "distinct"


class Limit(msgspec.Struct, frozen=True):
    """At most `most` of what is counted, in a window of `per_ms` milliseconds (None: the world's life).

    `expression` is what is summed up, or what counts once for each of its different values.
    """

    most: Number
    per_ms: int | None = None
    counted: Counted = Counted.CALLS
    expression: Expression | None = None

    @property
    def key(self) -> str:
        """Tells the limits of one rule apart. Without the number, which may be changed while calls are counted."""
        period = "" if self.per_ms is None else f" per {duration(self.per_ms)}"
        return f"{self.counted}{f' {self.expression.text}' if self.expression else ''}{period}"

    def __str__(self) -> str:
        period = "" if self.per_ms is None else f" per {duration(self.per_ms)}"
        match self.counted:
            case Counted.SUM:
                return f"{self.most} of {self._text}{period}"
            case Counted.DISTINCT:
                return f"{self.most} different {self._text}{period}"
            case Counted.BYTES:
                return f"{bytes_text(int(self.most))}{period}"
            case Counted.CALLS:
                return f"{self.most} call{'s' if self.most != 1 else ''}{period}"

    @property
    def _text(self) -> str:
        return self.expression.text if self.expression is not None else ""


class Spent(msgspec.Struct, frozen=True):
    """Why a limit refuses a call. `retry_after` is in whole seconds, at least 1; 0 where waiting doesn't help."""

    limit: Limit
    reason: str
    retry_after: int = 0


class Counters(Protocol):
    """Where counts are kept, by rule and limit."""

    def now(self) -> int:
        """The time in milliseconds."""
        ...

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """What was put there; None where nothing was."""
        ...

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep a mapping of plain values."""
        ...


class MemoryCounters:
    """Counts of one process, for cases. Time stands still."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], dict[str, Any]] = {}

    def now(self) -> int:
        """Always the same moment."""
        return 0

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """What was put there."""
        return self._kept.get((kind, key))

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep it."""
        self._kept[kind, key] = value


class _Window(msgspec.Struct, frozen=True):
    opened: int
    used: Decimal
    values: tuple[str, ...] = ()  # of this call, not yet seen in the window


def is_counted(call: Call) -> bool:
    """Whether limits count this call. An SMTP session in which no message was sent is nothing to limit."""
    return not (call.protocol is CallProtocol.SMTP and call.method == "SESSION")


def count(rule: str, limits: Sequence[Limit], call: Call, counters: Counters) -> Spent | None:
    """Count a call against all limits of its rule; None when it is within them. A call that is refused counts nowhere."""
    facts = Facts(call)
    windows: list[tuple[str, _Window]] = []
    for limit in limits:
        key = f"{rule} {limit.key}"
        found = _room(limit, key, facts, counters)
        if isinstance(found, Spent):
            return found
        windows.append((key, found))
    for key, window in windows:
        counters.put("window", key, {"opened": window.opened, "used": str(window.used)})
        for value in window.values:
            counters.put("seen", f"{key} {value}", {"opened": window.opened})
    return None


def amount(limit: Limit, facts: Facts) -> Decimal | list[str]:
    """What a call adds to a limit: a number, or the digests of the values that count. Raises EvaluationError."""
    match limit.counted:
        case Counted.CALLS:
            return Decimal(1)
        case Counted.BYTES:
            return Decimal(size(facts.call))
        case Counted.SUM:
            assert limit.expression is not None
            return _number(limit.expression.value(facts.part))
        case Counted.DISTINCT:
            assert limit.expression is not None
            value = limit.expression.value(facts.part)
            return list(dict.fromkeys(map(_digest, value if isinstance(value, list) else [value])))


def adds(limit: Limit, call: Call) -> str:
    """What a call adds to a limit, in words."""
    try:
        added = amount(limit, Facts(call))
    except EvaluationError as error:
        return f"what can't be told, so it is denied: {error}"
    if isinstance(added, list):
        return f"{len(added)} value{'s' if len(added) != 1 else ''}"
    return str(added)


def size(call: Call) -> int:
    """The bytes that a call carries: method, path, query, headers and body. What frames them isn't counted."""
    head = len(call.method) + len(call.path) + len(call.query)
    return head + sum(len(name) + len(value) for name, value in call.headers) + len(call.body)


def _room(limit: Limit, key: str, facts: Facts, counters: Counters) -> _Window | Spent:
    now = counters.now()
    row = counters.get("window", key)
    if row is None or (limit.per_ms is not None and now - row["opened"] >= limit.per_ms):
        row = {"opened": now, "used": "0"}
    opened, used = int(row["opened"]), Decimal(row["used"])
    try:
        added = amount(limit, facts)
    except EvaluationError as error:
        return Spent(limit, f"the limit of {limit} can't count this call: {error}")
    fresh: tuple[str, ...] = ()
    if isinstance(added, list):
        fresh = tuple(value for value in added if counters.get("seen", f"{key} {value}") != {"opened": opened})
        added = Decimal(len(fresh))
    if used + added <= Decimal(str(limit.most)):
        return _Window(opened, used + added, fresh)
    left = 0 if limit.per_ms is None else max(1, -(-(opened + limit.per_ms - now) // 1000))
    return Spent(limit, _full(limit, used, added), left if added <= Decimal(str(limit.most)) else 0)


def _full(limit: Limit, used: Decimal, added: Decimal) -> str:
    if limit.counted is Counted.CALLS:
        return f"the limit of {limit} is used up"
    return f"the limit of {limit} has no room for this call: {used} counted so far, {added} more with it"


def _number(value: Any) -> Decimal:
    """A number to add up. One below zero would make room for more than the limit."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        hint = "; write double(…) around it" if isinstance(value, str) else ""
        raise EvaluationError(f"the value is {_kind(value)}, not a number{hint}")
    number = Decimal(str(value))
    if not number.is_finite() or number < 0:
        raise EvaluationError(f"the value is {number}, not a number from 0 on")
    return number


def _digest(value: Any) -> str:
    """One of the different values; as a hash, since values may be long, or nobody's business."""
    if not isinstance(value, str | int | float):
        raise EvaluationError(f"the value is {_kind(value)}, not a text or number")
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=12).hexdigest()


def _kind(value: Any) -> str:
    names = {str: "a text", bool: "true or false", dict: "a mapping", list: "a list", type(None): "nothing"}
    return names.get(type(value), f"of type {type(value).__name__}")
