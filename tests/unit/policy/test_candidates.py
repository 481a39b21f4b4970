"""The tables find what a scan over all rules would: the same rule decides, and no cover is claimed that isn't one."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from childproof.errors import InputError
from childproof.model import Call, Protocol
from childproof.policy import Rule, Ruleset, Source, load_ruleset
from childproof.policy.difference import difference
from childproof.policy.facts import Facts
from childproof.policy.shadow import find_shadowed

HOSTS = ["a.example", "b.example", "x.a.example", "y.x.a.example", "10.0.0.1", "10.1.0.1", "2001:db8::1"]
PATTERNS = ["a.example", "*.a.example", "*.example", "x.a.example", "b.example", "10.0.0.1", "*"]
CIDRS = ["10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32", "2001:db8::/32", "0.0.0.0/0"]
GLOBS = ["/a", "/a/*", "/a/**", "/*/b", "/**", "/**/b", "/a/b", "/a/b*", "/A"]
PATHS = ["/", "/a", "/A", "/a/b", "/a/bc", "/a/", "/c/b", "/a//b", "/a%2Fb", "/x/../a", "/a;p", "/a/b/c"]


def some(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)


MATCH = st.one_of(
    st.fixed_dictionaries({}, optional={"host": some(PATTERNS)}),
    st.fixed_dictionaries({"cidr": some(CIDRS)}),
).flatmap(
    lambda place: st.fixed_dictionaries(
        {},
        optional={
            "path": some(GLOBS),
            "method": some(["GET", "POST"]),
            "port": some([443, 80, "400-500", "1-65535"]),
            "query": st.just({"a": "1"}),
        },
    ).map(lambda rest: {**place, **rest})
)
ACTION = st.sampled_from([{"allow": {}}, {"deny": {}}, {"stub": "s"}, {"reply": {}}])
RULE = st.tuples(MATCH, ACTION, st.sampled_from([{}, {}, {"when": "call.query.a == 1"}])).map(
    lambda parts: {"match": parts[0], **parts[1], **parts[2]}
)
CALL = st.builds(
    Call,
    protocol=st.just(Protocol.HTTP),
    host=st.sampled_from(HOSTS),
    port=st.sampled_from([443, 80, 8080]),
    method=st.sampled_from(["GET", "POST", "post"]),
    path=st.sampled_from(PATHS),
    query=st.sampled_from(["", "a=1", "a=1&a=2", "a=2"]),
    address=st.sampled_from(["", "10.0.0.1"]),
)


def reachable(rules: list[dict[str, Any]]) -> list[Rule]:
    """The rules that load together, in order: one that can't be reached is left out."""
    kept: list[dict[str, Any]] = []
    loaded: Ruleset = load_ruleset([])
    for number, rule in enumerate(rules):
        text = msgspec.json.encode({"version": 1, "rules": [*kept, {"name": f"r{number}", **rule}]}).decode()
        try:
            loaded = load_ruleset([Source("test", text)])
        except InputError:
            continue
        kept.append({"name": f"r{number}", **rule})
    return list(loaded.rules)


@given(st.lists(RULE, max_size=6), st.lists(CALL, min_size=1, max_size=6))
def test_candidates_hold_every_rule_that_matches(rules: list[dict[str, Any]], calls: list[Call]) -> None:
    ruleset = Ruleset(reachable(rules))
    for call in calls:
        facts = Facts(call)
        scan = [rule.name for rule in ruleset.rules if not list(difference(rule, facts))]
        found = [rule.name for rule in ruleset.candidates(facts) if not list(difference(rule, facts))]
        assert found == scan
        if any(rule.action == "allow" and rule.name in scan[:1] for rule in ruleset.rules):
            assert ruleset.may_allow(call.host, call.port)


@given(st.lists(RULE, max_size=5), RULE, st.lists(CALL, min_size=1, max_size=8))
def test_a_rule_called_unreachable_matches_no_call_before_the_others(
    rules: list[dict[str, Any]], last: dict[str, Any], calls: list[Call]
) -> None:
    before = reachable(rules)
    single = reachable([last])
    assert len(single) == 1
    shadowed = {found.number for found in find_shadowed([*before, *single])}
    if len(before) not in shadowed:
        return
    for call in calls:
        facts = Facts(call)
        if not list(difference(single[0], facts)):
            assert any(not list(difference(rule, facts)) for rule in before)
