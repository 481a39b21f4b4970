"""Which rules are called unreachable, and which only look like it."""

from typing import Any

import msgspec
import pytest

from childproof.errors import InputError
from childproof.policy import Source, load_ruleset

A = {"host": "a.example"}
ALLOW: dict[str, Any] = {"allow": {}}
DENY: dict[str, Any] = {"deny": {}}
STUB: dict[str, Any] = {"stub": "s"}


def unreachable(*rules: dict[str, Any]) -> list[str]:
    named = [{"name": f"r{number}", **rule} for number, rule in enumerate(rules)]
    try:
        load_ruleset([Source("test", msgspec.json.encode({"version": 1, "rules": named}).decode())])
    except InputError as error:
        return [
            fault.found.split("'")[1] if "can never match" in fault.found else fault.found for fault in error.faults
        ]
    return []


@pytest.mark.parametrize(
    "rules",
    [
        ({"match": {}, **DENY}, {"match": A, **ALLOW}),
        ({"match": {"host": "*"}, **ALLOW}, {"match": {"cidr": "10.0.0.0/8"}, **DENY}),
        ({"match": {"host": "*.example"}, **STUB}, {"match": {"host": "*.a.example"}, **ALLOW}),
        ({"match": {**A, "path": "/v1/**"}, **STUB}, {"match": {**A, "path": ["/v1/x", "/v1"]}, **DENY}),
        ({"match": {**A, "method": ["GET", "HEAD"]}, **STUB}, {"match": {**A, "method": "GET", "path": "/"}, **ALLOW}),
        ({"match": {"port": "1-100"}, **DENY}, {"match": {**A, "port": [80, "90-99"]}, **ALLOW}),
        ({"match": {**A, "port": 80}, **DENY}, {"match": {**A, "port": 80}, **DENY}),
        ({"match": {"cidr": "10.0.0.0/8"}, **DENY}, {"match": {"cidr": ["10.1.0.0/16", "10.2.0.0/16"]}, **ALLOW}),
        (
            {"match": {**A, "headers": {"x": "1"}}, **DENY},
            {"match": {**A, "headers": {"X": "1"}, "path": "/y"}, **ALLOW},
        ),
        ({"match": A, "when": "call.port > 5", **DENY}, {"match": A, "when": "call.port > 5", **ALLOW}),
        ({"match": {"protocol": ["tcp", "http"]}, **DENY}, {"match": {"protocol": "tcp", "port": 9}, **DENY}),
    ],
)
def test_a_rule_whose_every_call_is_taken_above_it_is_refused(rules: tuple[dict[str, Any], ...]) -> None:
    assert unreachable(*rules) == ["r1"]


def test_several_rules_together_can_take_all_of_one() -> None:
    both = {"match": {"host": ["a.example", "b.example"], "path": "/x"}, **DENY}
    assert unreachable({"match": A, **STUB}, {"match": {"host": "b.example"}, **ALLOW}, both) == ["r2"]
    assert unreachable({"match": A, **STUB}, {"match": {"host": "c.example"}, **ALLOW}, both) == []


@pytest.mark.parametrize(
    "rules",
    [
        ({"match": {"host": "*.a.example"}, **STUB}, {"match": A, **DENY}),
        ({"match": {**A, "path": "/v1/*"}, **STUB}, {"match": {**A, "path": "/v1/**"}, **DENY}),
        ({"match": {**A, "method": "GET"}, **STUB}, {"match": A, **DENY}),
        ({"match": {**A, "port": [80, 443]}, **STUB}, {"match": {**A, "port": "80-443"}, **DENY}),
        ({"match": {**A, "port": 80}, **STUB}, {"match": A, **DENY}),
        ({"match": {**A, "port": "80-81"}, **STUB}, {"match": {**A, "port": "80-82"}, **DENY}),
        ({"match": {"cidr": "10.1.0.0/16"}, **STUB}, {"match": {"cidr": "10.0.0.0/8"}, **DENY}),
        ({"match": {**A, "query": {"x": "1"}}, **STUB}, {"match": {**A, "query": {"x": "2"}}, **DENY}),
        ({"match": A, "when": "call.port > 5", **STUB}, {"match": A, **DENY}),
        ({"match": {"protocol": "tcp"}, **DENY}, {"match": {}, **DENY}),
    ],
)
def test_a_rule_with_calls_of_its_own_is_kept(rules: tuple[dict[str, Any], ...]) -> None:
    assert unreachable(*rules) == []


@pytest.mark.parametrize(
    "asks",
    [{"path": "/v1/**"}, {"method": "GET"}, {"query": {"x": "1"}}, {"headers": {"x": "1"}}],
)
def test_below_an_allow_a_guard_for_the_same_still_sees_the_ambiguous_calls(asks: dict[str, Any]) -> None:
    assert unreachable({"match": {**A, **asks}, **ALLOW}, {"match": {**A, **asks}, **DENY}) == []
    assert unreachable({"match": {**A, **asks}, **ALLOW}, {"match": {**A, **asks}, **ALLOW}) == ["r1"]


def test_below_an_allow_by_range_a_denial_still_sees_dialled_addresses() -> None:
    match = {"cidr": "10.0.0.0/8"}
    assert unreachable({"match": match, **ALLOW}, {"match": match, **DENY}) == []


def test_a_denial_below_the_same_condition_still_sees_the_calls_without_an_answer() -> None:
    when = {"match": A, "when": "call.form.x > 1"}
    assert unreachable({**when, **STUB}, {**when, **DENY}) == []
    assert unreachable({**when, **STUB}, {**when, **STUB}) == ["r1"]
