"""Rules from values, and what they decide about a call that is written as a target."""

from typing import Any

import msgspec

from childproof.model import replace
from childproof.policy import Judgement, Ruleset, Source, load_ruleset
from childproof.policy.target import parse_target

API = "api.example.com"
FORM = (("content-type", "application/x-www-form-urlencoded"),)


def ruleset(*rules: dict[str, Any]) -> Ruleset:
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    return load_ruleset([Source("test", msgspec.json.encode({"version": 1, "rules": named}).decode())])


def judge(rules: Ruleset, target: str, **changes: Any) -> Judgement:
    return rules.judge(replace(parse_target(target), **changes))


def decides(rules: Ruleset, target: str, **changes: Any) -> tuple[str, str | None]:
    verdict = judge(rules, target, **changes).verdict
    return verdict.action.value, verdict.rule
