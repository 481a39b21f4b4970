"""What the rules say of a call."""

from enum import StrEnum

import msgspec


class Action(StrEnum):
    """The four things that can happen to a call."""

    DENY = "deny"
    STUB = "stub"
    REPLY = "reply"
    ALLOW = "allow"


class Verdict(msgspec.Struct, frozen=True):
    """An action, the rule that asked for it and the reason in words. `Verdict()` is a denial: deny is the zero value.

    `rule` is None where no rule matched or none was asked. `hint` tells the sandbox or the operator what to try.
    """

    action: Action = Action.DENY
    rule: str | None = None
    reason: str = "no rule was asked"
    hint: str = ""
    stub: str | None = None


class Would(msgspec.Struct, frozen=True):
    """What a rule that isn't enforced (`enforce: false`) would have done: deny, for this reason."""

    rule: str
    reason: str
    verdict: str = Action.DENY.value
