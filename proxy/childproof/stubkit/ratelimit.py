"""Rate limits and their headers: a count per window of world time, kept in the world."""

from childproof.world.transaction import Transaction

from .refusal import Refusal
from .settings import RateLimit, fill

RATES = "_rates"


def count_call(tx: Transaction, service: str, rate: RateLimit) -> list[tuple[str, str]]:
    """Count one call; the headers that tell how many are left. Raises Refusal (`rate_limited`) beyond the limit."""
    window = tx.now() // rate.per
    end = (window + 1) * rate.per
    row = tx.get(RATES, service, "window") or {}
    count = int(row["count"]) + 1 if row.get("window") == window else 1
    tx.put(RATES, service, "window", {"window": window, "count": count})
    values = {
        "limit": rate.calls,
        "remaining": max(0, rate.calls - count),
        "reset": -(-end // 1000),
        "reset_after": -(-(end - tx.now()) // 1000),
    }
    if count > rate.calls:
        raise Refusal.of("rate_limited", **values)
    return [(name, fill(template, values)) for name, template in rate.headers.items()]


def limit_headers(tx: Transaction, rate: RateLimit | None, retry_after: int) -> list[tuple[str, str]]:
    """The headers of a reply to one call too many: the dialect's, with nothing remaining, and `Retry-After` (seconds)."""
    told: list[tuple[str, str]] = []
    if rate is not None:
        values = {
            "limit": rate.calls,
            "remaining": 0,
            "reset": tx.now() // 1000 + retry_after,
            "reset_after": retry_after,
        }
        told = [(name, fill(template, values)) for name, template in rate.headers.items()]
    if retry_after and not any(name.lower() == "retry-after" for name, _ in told):
        told.append(("Retry-After", str(retry_after)))
    return told
