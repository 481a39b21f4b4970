"""What rules make of a call, as a message: the command line and the API say the same."""

from collections.abc import Iterator

from childproof.model import Call
from childproof.policy import Explanation, Limit, Rule
from childproof.policy.limit import adds

from . import messages_rules as messages


def explained(call: Call, explanation: Explanation) -> messages.Explained:
    """An explanation."""
    verdict, nearest = explanation.judgement.verdict, explanation.nearest
    differences = [messages.Differs(one.field, one.got, one.wanted) for one in explanation.differences]
    return messages.Explained(
        call.target,
        verdict.action.value,
        verdict.rule,
        verdict.stub,
        verdict.reason,
        verdict.hint,
        [messages.Would(one.verdict, one.rule, one.reason) for one in explanation.judgement.would],
        [messages.LimitCounted(str(limit), words) for limit, words in _counted(call, explanation.judgement.rule)],
        messages.Nearest(nearest.name, differences) if nearest is not None else None,
    )


def _counted(call: Call, rule: Rule | None) -> Iterator[tuple[Limit, str]]:
    """The limits that count a call, and what it adds to each. How much they have counted is in a world."""
    for limit in rule.limits if rule is not None else ():
        yield limit, adds(limit, call)
