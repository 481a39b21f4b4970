"""Which rule decides, and on which side it errs."""

from typing import Any

import pytest

from childproof.model import Action, Call, Envelope, Protocol, Verdict, Violation, replace
from childproof.policy import Judgement, Source, load_ruleset
from childproof.policy.target import parse_target
from tests.unit.policy.judged import API, FORM, decides, judge, ruleset


def test_the_first_match_decides() -> None:
    rules = ruleset(
        {"match": {"host": API, "method": "POST"}, "deny": {"reason": "read only"}},
        {"match": {"host": API}, "stub": "api"},
        {"match": {"host": "*.example.com"}, "allow": {}},
    )
    assert decides(rules, "POST https://api.example.com/") == ("deny", "r0")
    assert judge(rules, "POST https://api.example.com/").verdict.reason == "read only"
    assert decides(rules, "GET https://API.example.com./") == ("stub", "r1")
    assert judge(rules, "GET https://api.example.com/").verdict.stub == "api"
    assert decides(rules, "GET https://www.example.com/") == ("allow", "r2")
    assert decides(rules, "GET https://example.com/") == ("deny", None)


def test_an_empty_ruleset_denies_everything_but_answers_names() -> None:
    rules = load_ruleset([])
    for target in ("GET https://a.example/", "SMTP a.example:25", "TCP 1.2.3.4:5", "UDP 1.2.3.4:5"):
        verdict = judge(rules, target).verdict
        assert verdict.action is Action.DENY
        assert verdict.reason == "no rule matches (default: deny)"
        assert verdict.hint
    assert decides(rules, "DNS a.example") == ("reply", None)


def test_a_rule_is_for_http_where_it_doesnt_say_otherwise() -> None:
    rules = ruleset({"match": {"host": "a.example"}, "allow": {}}, {"match": {"protocol": ["tcp", "udp"]}, "deny": {}})
    assert decides(rules, "GET http://a.example/") == ("allow", "r0")
    assert decides(rules, "TCP a.example:80") == ("deny", "r1")
    assert decides(rules, "UDP a.example:80") == ("deny", "r1")
    assert decides(rules, "SMTP a.example:25") == ("deny", None)


def test_dns_rules_deny_or_answer_queries_by_name_and_type() -> None:
    rules = ruleset(
        {"match": {"protocol": "dns", "host": "*.tracker.example"}, "deny": {}},
        {"match": {"protocol": "dns", "method": "TXT"}, "deny": {"reason": "no text records"}},
        {"match": {"protocol": "dns", "host": "a.example"}, "reply": {}},
    )
    assert decides(rules, "DNS x.tracker.example") == ("deny", "r0")
    assert decides(rules, "DNS TXT a.example") == ("deny", "r1")
    assert decides(rules, "DNS AAAA a.example") == ("reply", "r2")
    assert decides(rules, "DNS b.example") == ("reply", None)


def test_ports_and_ranges_of_addresses() -> None:
    rules = ruleset(
        {
            "match": {"protocol": "tcp", "cidr": ["10.0.0.0/8", "2001:db8::/32"], "port": [5432, "8000-8100"]},
            "allow": {},
        },
        {"match": {"protocol": "tcp", "port": "1-100"}, "deny": {}},
    )
    assert decides(rules, "TCP 10.1.2.3:5432") == ("allow", "r0")
    assert decides(rules, "TCP 0x0a010203:8050") == ("allow", "r0")
    assert decides(rules, "TCP [2001:db8::5]:8100") == ("allow", "r0")
    assert decides(rules, "TCP 10.1.2.3:8101") == ("deny", None)
    assert decides(rules, "TCP 11.1.2.3:5432") == ("deny", None)
    assert decides(rules, "TCP 11.1.2.3:99") == ("deny", "r1")


def test_an_allow_by_range_never_takes_a_name_for_its_address() -> None:
    rules = ruleset({"match": {"cidr": "10.0.0.0/8"}, "allow": {}})
    assert decides(rules, "GET http://10.0.0.1/") == ("allow", "r0")
    assert decides(rules, "GET http://db.example/", address="10.0.0.1") == ("deny", None)


def test_a_denial_by_range_also_sees_the_dialled_address_and_carried_ones() -> None:
    rules = ruleset({"match": {"cidr": "10.0.0.0/8"}, "deny": {}}, {"match": {}, "allow": {}})
    assert decides(rules, "GET http://db.example/", address="10.0.0.1") == ("deny", "r0")
    assert decides(rules, "GET http://[64:ff9b::a00:1]/") == ("deny", "r0")
    assert decides(rules, "GET http://[2002:a00:1::]/") == ("deny", "r0")


def test_named_networks_come_from_what_the_rule_names() -> None:
    rules = ruleset(
        {"match": {"host": "db.example"}, "allow": {"addresses": ["10.1.0.0/16"]}},
        {"match": {"host": "127.0.0.1"}, "allow": {}},
        {"match": {"cidr": ["192.168.0.0/24", "8.8.8.0/24"]}, "allow": {}},
        {"match": {"cidr": "0.0.0.0/0", "port": 99}, "allow": {}},
        {"match": {"host": "*"}, "allow": {}},
    )
    assert [rule.networks for rule in rules.rules] == [("10.1.0.0/16",), ("127.0.0.1/32",), ("192.168.0.0/24",), (), ()]


def test_headers_are_compared_in_any_case_and_all_of_their_values() -> None:
    allow = ruleset({"match": {"host": API, "headers": {"X-Team": "a*"}}, "allow": {}})
    assert decides(allow, "GET https://api.example.com/", headers=(("x-TEAM", "ab"),)) == ("allow", "r0")
    assert decides(allow, "GET https://api.example.com/", headers=(("X-Team", "ab"), ("x-team", "b"))) == ("deny", None)
    assert decides(allow, "GET https://api.example.com/") == ("deny", None)
    guard = ruleset(
        {"match": {"host": API, "headers": {"x-team": "b"}}, "deny": {}}, {"match": {"host": API}, "allow": {}}
    )
    assert decides(guard, "GET https://api.example.com/", headers=(("X-Team", "a"), ("x-team", "b"))) == ("deny", "r0")


def test_mail_is_judged_by_its_envelope() -> None:
    rules = ruleset(
        {"match": {"protocol": "smtp", "recipients": "*@rival.example"}, "deny": {"reason": "not to them"}},
        {
            "match": {"protocol": "smtp", "sender": "*@Shop.example", "recipients": ["*@example.com", "*@example.org"]},
            "stub": "email",
        },
        {"match": {"protocol": "smtp"}, "reply": {"status": 554, "text": "5.7.1 no"}},
    )

    def send(sender: str, *recipients: str) -> tuple[str, str | None]:
        return decides(rules, "SMTP mx.example:25", envelope=Envelope(sender, recipients))

    assert send("a@shop.example", "x@example.com", "Y@Example.ORG") == ("stub", "r1")
    assert send("a@shop.example", "x@example.com", "y@elsewhere.example") == ("reply", "r2")
    assert send("a@shop.example", "x@example.com", "y@rival.example") == ("deny", "r0")
    assert send("a@other.example", "x@example.com") == ("reply", "r2")
    assert decides(rules, "SMTP mx.example:25") == ("reply", "r2")


BIG = {"match": {"host": API}, "when": "call.form.amount > 1000"}


def test_a_condition_decides_where_it_has_an_answer() -> None:
    rules = ruleset({**BIG, "deny": {}}, {"match": {"host": API}, "allow": {}})
    assert decides(rules, "POST https://api.example.com/", headers=FORM, body=b"amount=1001") == ("deny", "r0")
    assert decides(rules, "POST https://api.example.com/", headers=FORM, body=b"amount=1000") == ("allow", "r1")


@pytest.mark.parametrize("body", [b"amount=big", b"currency=usd", b"amount=1&amount=5000", b"\xff"])
def test_a_condition_without_an_answer_denies(body: bytes) -> None:
    """Whether it stands in the denial itself, in a permission, or in a guard before one."""
    denial = ruleset({**BIG, "deny": {}}, {"match": {"host": API}, "allow": {}})
    assert decides(denial, "POST https://api.example.com/", headers=FORM, body=body) == ("deny", "r0")
    permission = ruleset({**BIG, "allow": {}})
    assert decides(permission, "POST https://api.example.com/", headers=FORM, body=body) == ("deny", None)
    for action in ({"reply": {"status": 402}}, {"stub": "api"}):
        guard = ruleset({**BIG, **action}, {"match": {"host": API}, "allow": {}})
        judgement = judge(guard, "POST https://api.example.com/", headers=FORM, body=body)
        assert judgement.verdict.action is Action.DENY
        assert "can't be told" in judgement.verdict.reason
        assert "r0" in judgement.verdict.hint


def test_a_guard_without_an_answer_leaves_the_call_to_stubs_below_it() -> None:
    rules = ruleset({**BIG, "reply": {"status": 402}}, {"match": {"host": API}, "stub": "api"})
    assert decides(rules, "POST https://api.example.com/", headers=FORM, body=b"currency=usd") == ("stub", "r1")


def test_a_denial_says_which_rule_was_nearest() -> None:
    rules = ruleset(
        {"match": {"host": API, "method": ["GET", "HEAD"]}, "allow": {}}, {"match": {"host": "b.example"}, "allow": {}}
    )
    hint = judge(rules, "POST https://api.example.com/x").verdict.hint
    assert hint == "the nearest rule is r0: method is POST, the rule wants GET or HEAD"
    assert "match: {host: c.example, method: GET}" in judge(rules, "GET https://c.example/").verdict.hint
    assert '{protocol: tcp, host: "::1", port: 5}' in judge(rules, "TCP [::1]:5").verdict.hint


def test_explain_names_the_nearest_rule_with_all_that_differed() -> None:
    rules = ruleset(
        {"match": {"host": "api.stripe.com"}, "stub": "stripe"},
        {"match": {"host": API, "method": "GET", "path": "/v1/*", "headers": {"x-a": "1"}}, "allow": {}},
        {"match": {"protocol": "tcp", "port": 9}, "deny": {}},
    )
    explanation = rules.explain(parse_target("POST https://api.example.com/v2/x"))
    assert explanation.nearest is rules.rules[1]
    assert [one.field for one in explanation.differences] == ["method", "path", "header x-a"]
    near = rules.explain(parse_target("GET https://api.stripe.co/"))
    assert near.nearest is rules.rules[0]
    matched = rules.explain(parse_target("GET https://api.stripe.com/"))
    assert (matched.nearest, matched.differences) == (None, ())
    assert matched.judgement.verdict.rule == "r0"


def test_judging_never_raises_and_what_breaks_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ruleset({"match": {}, "allow": {}})
    assert judge(rules, "GET https://a.example/", host="a\x00.example").verdict.action is Action.DENY
    assert "host" in judge(rules, "GET https://a.example/", host="").verdict.reason
    violation = Violation("host_mismatch", "SNI says b.example")
    assert judge(rules, "GET https://a.example/", violation=violation).verdict == Verdict(reason="SNI says b.example")

    def broken(_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rules, "candidates", broken)
    verdict = judge(rules, "GET https://a.example/").verdict
    assert verdict.action is Action.DENY
    assert "RuntimeError: a bug" in verdict.reason


def test_may_allow_says_no_only_where_nothing_could_be_allowed() -> None:
    rules = ruleset(
        {"match": {"host": "stubbed.example.com"}, "stub": "s"},
        {"match": {"host": "guarded.example.com", "path": "/x"}, "deny": {}},
        {
            "match": {"host": "*.example.com", "port": [443], "path": "/a", "method": "GET"},
            "when": "call.form.a > 1",
            "allow": {},
        },
        {"match": {"protocol": "tcp", "cidr": "10.0.0.0/8"}, "allow": {}},
    )
    assert rules.may_allow("www.example.com", 443)
    assert rules.may_allow("guarded.example.com", 443)
    assert not rules.may_allow("stubbed.example.com", 443)
    assert not rules.may_allow("www.example.com", 80)
    assert not rules.may_allow("other.example", 443)
    assert not rules.may_allow("10.0.0.1", 443)
    assert rules.may_allow("10.0.0.1", 443, Protocol.TCP)
    assert not rules.may_allow("bad host", 443)


def test_a_verdict_of_nothing_is_a_denial() -> None:
    assert Judgement(Verdict()).verdict.action is Action.DENY


def test_calls_are_not_changed_by_being_judged() -> None:
    call = Call(Protocol.HTTP, "A.example", 443, method="GET", path="//x", scheme="https")
    ruleset({"match": {"host": "a.example"}, "allow": {}}).judge(call)
    assert call.host == "A.example"


def test_an_allowed_name_may_not_lead_into_ranges_that_rules_above_deny() -> None:
    rules = ruleset(
        {"match": {"cidr": ["203.0.113.0/24", "2001:db8::/32"]}, "deny": {}},
        {"match": {"cidr": "198.51.100.0/24", "method": "POST"}, "reply": {"status": 402}},
        {"match": {"protocol": "tcp", "cidr": "192.0.2.0/24"}, "deny": {}},
        {"match": {"host": "*.example"}, "allow": {}},
        {"match": {"cidr": "8.8.8.0/24"}, "deny": {}},
    )
    assert judge(rules, "GET https://a.example/").refused == ("203.0.113.0/24", "2001:db8::/32")
    assert judge(rules, "POST https://a.example/").refused == ("203.0.113.0/24", "2001:db8::/32", "198.51.100.0/24")
    assert judge(rules, "GET https://203.0.113.5/").refused == ()
    assert judge(rules, "GET https://b.elsewhere/").refused == ()


@pytest.mark.parametrize(
    ("match", "changes"),
    [
        ({"headers": {"X-Api-Key": "a"}}, {"headers": (("x-api-key", "opaque-value"),)}),
        ({"headers": {"authorization": "a"}}, {"headers": (("Authorization", "opaque-value"),)}),
        ({"query": {"access_token": "a"}}, {"query": "access_token=opaque-value"}),
    ],
)
def test_a_hint_quotes_nothing_that_may_be_a_credential(match: dict[str, Any], changes: dict[str, Any]) -> None:
    """It is a part of the denial, which the ledger keeps."""
    rules = ruleset({"match": {"host": API, **match}, "allow": {}})
    call = replace(parse_target("GET https://api.example.com/"), **changes)
    assert "is another value, the rule wants a" in rules.judge(call).verdict.hint
    assert "opaque-value" not in repr(rules.explain(call))


def test_a_denial_whose_condition_has_no_answer_says_so_beside_its_reason() -> None:
    """Else a rule for big amounts would seem to deny a call that names none for being big."""
    text = """version: 1
rules:
  - {name: big, match: {host: pay.example}, when: call.form.amount > 5, deny: {reason: too much}}
"""
    rules = load_ruleset([Source("rules.yaml", text)])
    form = (("content-type", "application/x-www-form-urlencoded"),)

    def reason(body: bytes) -> str:
        call = Call(Protocol.HTTP, "pay.example", 443, "w", method="POST", headers=form, body=body)
        return rules.judge(call).verdict.reason

    assert reason(b"amount=9") == "too much"
    assert reason(b"") == "too much (`when` is without an answer: there is no amount)"
