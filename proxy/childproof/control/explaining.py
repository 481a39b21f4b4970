"""What rules make of a call, as JSON values: the command line's `rules explain --json` and the API say the same."""

from collections.abc import Iterator
from typing import Any

from childproof.model import Call
from childproof.policy import Explanation, Limit, Rule
from childproof.policy.limit import adds


def explained(call: Call, explanation: Explanation) -> dict[str, Any]:
    """An explanation."""
    verdict, nearest = explanation.judgement.verdict, explanation.nearest
    rule = explanation.judgement.rule
    differences = [{"field": one.field, "got": one.got, "wanted": one.wanted} for one in explanation.differences]
    return {
        "call": call.target,
        "verdict": verdict.action.value,
        "rule": verdict.rule,
        "stub": verdict.stub,
        "reason": verdict.reason,
        "hint": verdict.hint,
        "would": [
            {"verdict": one.verdict, "rule": one.rule, "reason": one.reason} for one in explanation.judgement.would
        ],
        "limits": [{"limit": str(limit), "adds": words} for limit, words in counted(call, rule)],
        "nearest": {"rule": nearest.name, "differences": differences} if nearest is not None else None,
    }


def counted(call: Call, rule: Rule | None) -> Iterator[tuple[Limit, str]]:
    """The limits that count a call, and what it adds to each. How much they have counted is in a world."""
    for limit in rule.limits if rule is not None else ():
        yield limit, adds(limit, call)
