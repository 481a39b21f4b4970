"""`enforce: false`: what may carry it, and that it opens nothing by itself."""

from pathlib import Path

import pytest

from childproof.errors import InputError
from childproof.model import Action, Call, Protocol
from childproof.policy import Ruleset, Source, load_ruleset

GET = Call(Protocol.HTTP, "api.example.com", 443, method="GET", scheme="https", path="/", tls=True)


def rules(text: str) -> Ruleset:
    return load_ruleset([Source("rules", f"version: 1\n{text}")])


@pytest.mark.parametrize("action", ["stub: stripe", "reply: {}"])
def test_a_stub_or_a_reply_cannot_carry_it(action: str) -> None:
    """Refused at load: what they answer never goes out."""
    with pytest.raises(InputError, match="never goes out"):
        rules(f"rules:\n  - {{name: a, match: {{host: a.example}}, {action}, enforce: false}}")


def test_a_file_says_it_for_its_deny_and_allow_rules() -> None:
    """A rule may say otherwise; stubs and replies in the file are what they are."""
    made = rules(
        "enforce: false\nrules:\n"
        "  - {name: a, match: {host: a.example}, deny: {}}\n"
        "  - {name: b, match: {host: b.example}, allow: {}}\n"
        "  - {name: c, match: {host: c.example}, stub: s}\n"
        "  - {name: d, match: {host: d.example}, reply: {}}\n"
        "  - {name: e, match: {host: e.example}, deny: {}, enforce: true}\n"
    )
    assert [rule.enforce for rule in made.rules] == [False, False, True, True, True]


def test_an_included_file_is_not_loosened_by_the_one_that_includes_it(tmp_path: Path) -> None:
    """Each file says it for itself."""
    (tmp_path / "inner.yaml").write_text("version: 1\nrules: [{name: a, match: {}, deny: {}}]")
    text = "version: 1\nenforce: false\ninclude: inner.yaml\nrules: []"
    made = load_ruleset([Source("outer", text, tmp_path)])
    assert made.rules[0].enforce


def test_a_rule_below_one_that_is_not_enforced_is_reached() -> None:
    """It is no shadow; and the way upstream is there for the rule below."""
    made = rules(
        "rules:\n  - {name: a, match: {}, deny: {}, enforce: false}\n  - {name: b, match: {host: api.example.com}, allow: {}}"
    )
    judgement = made.judge(GET)
    assert (judgement.verdict.action, judgement.verdict.rule) == (Action.ALLOW, "b")
    assert [(one.rule, one.reason) for one in judgement.would] == [("a", "rule a: denied")]
    assert made.may_allow("api.example.com", 443)
    assert not made.may_allow("other.example.com", 443)


def test_a_range_that_is_denied_stays_closed_to_the_dialler() -> None:
    """What a name leads to shows only when it is dialled, where a dry run has no say."""
    made = rules(
        "rules:\n  - {name: a, match: {cidr: 203.0.113.0/24}, deny: {}, enforce: false}\n"
        "  - {name: b, match: {host: api.example.com}, allow: {}}"
    )
    assert made.judge(GET).refused == ("203.0.113.0/24",)


def test_no_private_address_is_opened() -> None:
    """Only an `allow` names networks, enforced or not."""
    made = rules("enforce: false\nrules:\n  - {name: a, match: {cidr: 10.0.0.0/8}, deny: {}}")
    call = Call(Protocol.HTTP, "10.1.2.3", 80, method="GET", scheme="http", path="/")
    assert made.judge(call).verdict.action is Action.DENY
    assert not made.may_allow("10.1.2.3", 80)
