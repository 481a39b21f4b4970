"""Limits of rules: counted in the world, so that a fork carries them and N parallel calls get exactly N.

What is beyond a limit is refused in the words of who would have answered: a stubbed service's own, else ours.
"""

from typing import Any

from childproof.catalog import Catalog
from childproof.model import Action, Call, Protocol, Reply, Verdict
from childproof.policy import Counters, Rule, Spent
from childproof.policy.limit import count, is_counted
from childproof.world import Transaction

from .denial import HTTP_TOO_MANY, denial
from .recording import Decision

SERVICE = "_limits"
SMTP_TOO_MANY = 452  # RFC 5321, section 4.2.3: not now; the client may try again


class InWorld(Counters):
    """Counts as rows of the call's world, within its transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def now(self) -> int:
        """The world's time."""
        return self._tx.now()

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """What was put there."""
        return self._tx.get(SERVICE, kind, key)

    def put(self, kind: str, key: str, value: dict[str, Any]) -> None:
        """Keep it."""
        self._tx.put(SERVICE, kind, key, value)


def within(call: Call, tx: Transaction, rule: Rule) -> Spent | None:
    """Count the call against its rule's limits; None when it is within them."""
    return count(rule.name, rule.limits, call, InWorld(tx)) if rule.limits and is_counted(call) else None


def beyond(  # noqa: PLR0917 (the parts of one decision)
    call: Call, tx: Transaction, call_id: str, rule: Rule, spent: Spent, catalog: Catalog
) -> Decision:
    """The refusal of a call that a limit has no room for."""
    hint = f"wait {spent.retry_after} s and try again" if spent.retry_after else "waiting doesn't help; use less"
    verdict = Verdict(rule=rule.name, reason=spent.reason, hint=hint)
    if rule.action is Action.STUB and rule.stub is not None and call.protocol in (Protocol.HTTP, Protocol.SMTP):
        return Decision(verdict, catalog.get(rule.stub).limited(call, tx, spent.retry_after))
    return Decision(verdict, _ours(call, tx, call_id, verdict, spent))


def _ours(call: Call, tx: Transaction, call_id: str, verdict: Verdict, spent: Spent) -> Reply:
    status = {Protocol.HTTP: HTTP_TOO_MANY, Protocol.SMTP: SMTP_TOO_MANY}.get(call.protocol, 0)
    return denial(call, verdict, call_id, at=tx.now(), status=status, retry_after=spent.retry_after)
