"""Rules: read, checked, compiled; judging a call and explaining the verdict. Plain functions over values."""

from .difference import Difference
from .limit import Counted, Counters, Limit, Spent
from .load import load_ruleset
from .rule import Delay, Rule, RuleFault
from .ruleset import Explanation, Judgement, Ruleset
from .schema import RULES_SCHEMA
from .source import Source

__all__ = [
    "RULES_SCHEMA",
    "Counted",
    "Counters",
    "Delay",
    "Difference",
    "Explanation",
    "Judgement",
    "Limit",
    "Rule",
    "RuleFault",
    "Ruleset",
    "Source",
    "Spent",
    "load_ruleset",
]
