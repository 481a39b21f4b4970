"""What the rules say of a call."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """The four things that can happen to a call."""

    DENY = "deny"
    STUB = "stub"
    REPLY = "reply"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An action, the rule that asked for it and the reason in words. `Verdict()` is a denial: deny is the zero value.

    `rule` is None where no rule matched or none was asked. `hint` tells the sandbox or the operator what to try.
    """

    action: Action = Action.DENY
    rule: str | None = None
    reason: str = "no rule was asked"
    hint: str = ""
    stub: str | None = None


@dataclass(frozen=True, slots=True)
class Would:
    """What a rule that isn't enforced (`enforce: false`) would have done: deny, for this reason."""

    rule: str
    reason: str
    verdict: str = Action.DENY.value
