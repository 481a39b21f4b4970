"""Limits of rules, counted in the world, so that a fork carries them and N parallel calls get exactly N.

A window opens with its first call and lasts for the rule's period; calls over the limit are denied until it ends.
"""

from dataclasses import dataclass

from childproof.world import Transaction

SERVICE = "_limits"


@dataclass(frozen=True, slots=True)
class Spent:
    """A limit that is used up. `retry_after` is in whole seconds, at least 1."""

    calls: int
    per_ms: int
    retry_after: int

    @property
    def reason(self) -> str:
        """In words, for the denial."""
        return f"the limit of {self.calls} calls per {duration(self.per_ms)} is used up"


def take(tx: Transaction, rule: str, calls: int, per_ms: int) -> Spent | None:
    """Count this call against the rule's limit; None when it is within it."""
    now = tx.now()
    window = tx.get(SERVICE, "window", rule)
    if window is None or now - window["opened"] >= per_ms:
        window = {"opened": now, "calls": 0}
    if window["calls"] >= calls:
        left = window["opened"] + per_ms - now
        return Spent(calls, per_ms, max(1, -(-left // 1000)))
    tx.put(SERVICE, "window", rule, {"opened": window["opened"], "calls": window["calls"] + 1})
    return None


def duration(ms: int) -> str:
    """Milliseconds in the unit that people would write: `1h`, `30s`, `250ms`."""
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")):
        if ms >= size and ms % size == 0:
            return f"{ms // size}{unit}"
    return f"{ms}ms"
