"""What stands between a verdict and acting on it: the limits of the rule, and what a dry run makes of them.

`enforce: false` opens nothing by itself. It is only ever asked where another rule, or the rule itself, allows the call;
a stub's rule can't carry it.
"""

from childproof.catalog import Catalog
from childproof.model import Action, Call, Would
from childproof.policy import Judgement
from childproof.world import Transaction

from .limits import beyond, within
from .recording import Decision


def check(
    call: Call, tx: Transaction, call_id: str, judgement: Judgement, catalog: Catalog
) -> tuple[Decision | None, tuple[Would, ...]]:
    """The refusal of a call that its rule takes, but not now or not this one; and what only would have been refused."""
    rule, would = judgement.rule, judgement.would
    if rule is None or judgement.verdict.action is Action.DENY:
        return None, would
    spent = within(call, tx, rule)
    if spent is None:
        return None, would
    if rule.enforce or rule.action is not Action.ALLOW:
        return beyond(call, tx, call_id, rule, spent, catalog), ()
    return None, (*would, Would(rule.name, spent.reason))
