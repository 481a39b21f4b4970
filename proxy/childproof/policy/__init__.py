"""Rules: read, checked, compiled; judging a call and explaining the verdict. Plain functions over values."""

from .difference import Difference
from .load import RULES_SCHEMA, load_ruleset
from .rule import Delay, Limit, Rule, RuleFault
from .ruleset import Explanation, Judgement, Ruleset
from .source import Source

__all__ = [
    "RULES_SCHEMA",
    "Delay",
    "Difference",
    "Explanation",
    "Judgement",
    "Limit",
    "Rule",
    "RuleFault",
    "Ruleset",
    "Source",
    "load_ruleset",
]
