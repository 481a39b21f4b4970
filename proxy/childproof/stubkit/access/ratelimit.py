"""Rate limits and their headers: counts per window of world time, kept in the world."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from childproof.stubkit.declared.settings import RateLimit, fill
from childproof.stubkit.refusal import Refusal
from childproof.world.transaction import Transaction

RATES = "_rates"
Headers = list[tuple[str, str]]


def count_call(
    tx: Transaction, service: str, rates: Sequence[RateLimit], *, token: str, endpoint: str
) -> tuple[Headers, Refusal | None]:
    """Count one call against each limit: the headers of its reply, and the refusal (`rate_limited`) beyond a limit.

    `token` and `endpoint` are who calls and what, for limits that count them apart.
    """
    told: Headers = []
    refusal: Refusal | None = None
    for number, rate in enumerate(rates):
        if not rate.counts(endpoint, token):
            continue
        window = tx.now() // rate.per
        place = _place(number, rate, token, endpoint)
        row = tx.get(RATES, service, place) or {}
        count = int(row["count"]) + 1 if row.get("window") == window else 1
        tx.put(RATES, service, place, {"window": window, "count": count})
        values = _window(tx, rate, count)
        if count > rate.calls and refusal is None:
            refusal = Refusal.of("rate_limited", **values)
            return _told(rate, values, refused=True), refusal
        told = _merged(told, _told(rate, values, refused=False))
    return told, refusal


def uncounted(
    tx: Transaction, service: str, rates: Sequence[RateLimit], status: int, *, token: str, endpoint: str
) -> Headers:
    """Take a call back whose reply is `free`; the headers that then hold instead of those told before."""
    told: Headers = []
    for number, rate in enumerate(rates):
        if status not in rate.free or not rate.counts(endpoint, token):
            continue
        place = _place(number, rate, token, endpoint)
        row = tx.get(RATES, service, place) or {}
        window, count = tx.now() // rate.per, max(0, int(row.get("count", 0)) - 1)
        tx.put(RATES, service, place, {"window": window, "count": count})
        told = _merged(told, _told(rate, _window(tx, rate, count), refused=False))
    return told


def standing(tx: Transaction, service: str, rates: Sequence[RateLimit], *, token: str) -> dict[str, Mapping[str, Any]]:
    """How a caller stands with the limits that have names, without counting anything."""
    found: dict[str, Mapping[str, Any]] = {}
    for number, rate in enumerate(rates):
        if not rate.name or rate.name in found or (rate.whose and (rate.whose == "known") != bool(token)):
            continue
        row = tx.get(RATES, service, _place(number, rate, token, "")) or {}
        count = int(row["count"]) if row.get("window") == tx.now() // rate.per else 0
        found[rate.name] = _window(tx, rate, count)
    return found


def _window(tx: Transaction, rate: RateLimit, count: int) -> Mapping[str, Any]:
    end = (tx.now() // rate.per + 1) * rate.per
    return _values(rate, max(0, rate.calls - count), -(-end // 1000), -(-(end - tx.now()) // 1000))


def limit_headers(tx: Transaction, rates: Sequence[RateLimit], retry_after: int) -> Headers:
    """The headers of a reply to one call too many: the dialect's, with nothing remaining, and `Retry-After` (seconds)."""
    told: Headers = []
    if rates:
        told = _told(rates[0], _values(rates[0], 0, tx.now() // 1000 + retry_after, retry_after), refused=False)
    if retry_after and not any(name.lower() == "retry-after" for name, _ in told):
        told.append(("Retry-After", str(retry_after)))
    return told


def _values(rate: RateLimit, remaining: int, reset: int, reset_after: int) -> Mapping[str, Any]:
    return {
        "limit": rate.calls, "remaining": remaining, "used": rate.calls - remaining, "reset": reset, "reset_after": reset_after,
        "window": rate.per // 1000,
    }  # fmt: skip


def _told(rate: RateLimit, values: Mapping[str, Any], *, refused: bool) -> Headers:
    told = [(name, fill(template, values)) for name, template in rate.headers.items()]
    if refused and not any(name.lower() == "retry-after" for name, _ in told):
        told.append(("Retry-After", str(values["reset_after"])))
    return told


def _merged(told: Headers, more: Headers) -> Headers:
    known = {name.lower() for name, _ in told}
    return [*told, *((name, value) for name, value in more if name.lower() not in known)]


def _place(number: int, rate: RateLimit, token: str, endpoint: str) -> str:
    """Where a limit's count is kept. Keys are never stored in the clear."""
    parts = ["window" if number == 0 else f"window {number}"]
    if "token" in rate.by:
        parts.append(sha256(token.encode()).hexdigest()[:16])
    if "endpoint" in rate.by:
        parts.append(endpoint)
    return " ".join(parts)
