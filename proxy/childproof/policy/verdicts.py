"""What is said of a call that a rule decides about: the verdict with its reason."""

from childproof.model import Action, Verdict

from .condition import EvaluationError
from .difference import Difference
from .facts import Facts
from .rule import Rule


def verdict_of(rule: Rule, facts: Facts) -> Verdict:
    """The verdict on a call that a rule matches."""
    match rule.action:
        case Action.STUB:
            return Verdict(
                Action.STUB, rule.name, f"rule {rule.name}: answered by the stub {rule.stub}", stub=rule.stub
            )
        case Action.REPLY:
            return Verdict(Action.REPLY, rule.name, f"rule {rule.name}: answered with its own reply")
        case Action.ALLOW:
            return Verdict(Action.ALLOW, rule.name, f"rule {rule.name}: allowed")
        case _:
            return Verdict(
                Action.DENY, rule.name, f"{rule.reason or f'rule {rule.name}: denied'}{_unanswered(rule, facts)}"
            )


def _unanswered(rule: Rule, facts: Facts) -> str:
    """Why a denial's condition counts as true, where it has no answer for the call."""
    try:
        _ = rule.condition is not None and rule.condition.holds(facts.part)
    except EvaluationError as error:
        return f" (`when` is without an answer: {error})"
    return ""


def doubtful(allow: Rule, guard: Rule, failure: Difference) -> Verdict:
    """The denial of what a rule allows, where nobody can tell whether one above it was meant."""
    reason = f"rule {allow.name} may not allow it, for whether {guard.name} comes before it can't be told: `when` is {failure.got}"
    return Verdict(Action.DENY, allow.name, reason, f"let `when` of {guard.name} ask has(…) first")
