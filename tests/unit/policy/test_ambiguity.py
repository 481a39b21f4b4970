"""What may be read in two ways, a path, a method, a parameter: it loses permissions and escapes no guard."""

import gzip
from typing import Any

import pytest

from tests.unit.policy.judged import API, FORM, decides, ruleset

PARTS = (("content-type", "multipart/form-data; boundary=B"),)


@pytest.mark.parametrize(
    "path",
    [
        "/v1//charges",
        "/v1/x/../charges",
        "/v1%2fcharges",
        "/v1/charges;x",
        "/v1/%2e/charges",
        "/v1\\charges",
        "/v1/charges%00",
    ],
)
def test_an_ambiguous_path_loses_a_permission_and_escapes_no_guard(path: str) -> None:
    allow = ruleset({"match": {"host": API, "path": ["/v1/**", "/**/charges"]}, "allow": {}})
    assert decides(allow, "GET https://api.example.com/", path=path) == ("deny", None)
    for action in ({"deny": {}}, {"stub": "api"}, {"reply": {"status": 402}}):
        guarded = ruleset(
            {"match": {"host": API, "path": "/v1/charges"}, **action}, {"match": {"host": API}, "allow": {}}
        )
        assert decides(guarded, "GET https://api.example.com/", path=path) == (next(iter(action)), "r0")


def test_an_allow_that_asks_no_path_takes_any() -> None:
    rules = ruleset({"match": {"host": API}, "allow": {}})
    assert decides(rules, "GET https://api.example.com/a%2fb//c/../d") == ("allow", "r0")


def test_an_allow_matches_a_path_however_its_letters_are_encoded() -> None:
    rules = ruleset({"match": {"host": API, "path": "/v1/*"}, "allow": {}})
    assert decides(rules, "GET https://api.example.com/%761/%63harges") == ("allow", "r0")


def test_case_of_a_path_matters_but_not_to_a_denial() -> None:
    rules = ruleset(
        {"match": {"host": API, "path": "/repos/secret/**"}, "deny": {}},
        {"match": {"host": API, "path": "/repos/**"}, "allow": {}},
    )
    assert decides(rules, "GET https://api.example.com/repos/Secret/x") == ("deny", "r0")
    assert decides(rules, "GET https://api.example.com/Repos/x") == ("deny", None)


OVERRIDES: list[dict[str, Any]] = [
    {"headers": (("X-HTTP-Method-Override", "DELETE"),)},
    {"headers": (("x-http-method", "delete"),)},
    {"headers": (("x-method-override", "DELETE"),)},
    {"query": "_method=DELETE"},
    {"headers": FORM, "body": b"a=1&_method=delete"},
    {"query": "a=1;%5Fm%65thod=DELETE"},
    {"headers": FORM, "body": b"%5fmethod=DELETE"},
    {"headers": FORM, "body": b"_method=POST&_method=DELETE"},
    {"headers": FORM, "body": b"a=\xff;.method=DELETE"},  # PHP's name for the same field
    {"headers": (("content-type", "text/plain"), *FORM), "body": b"_method=DELETE"},
    {"headers": (), "body": b"_method=DELETE"},
    {"headers": (*FORM, ("content-encoding", "gzip")), "body": gzip.compress(b"_method=DELETE")},
    {"headers": PARTS, "body": b'--B\r\nContent-Disposition: form-data; name="_method"\r\n\r\nDELETE\r\n--B--\r\n'},
    {"headers": PARTS, "body": b"--B\r\ncontent-disposition: form-data; NAME = _method\r\n\r\nDELETE\r\n--B--\r\n"},
    {"headers": PARTS, "body": b"--B\r\ncontent-disposition: form-data; name*=utf-8''%5fmethod\r\n\r\nDELETE\r\n--B--"},
]
NO_OVERRIDES: list[dict[str, Any]] = [
    {"query": "payment_method=card"},
    {"headers": FORM, "body": b"payment_method=card&method=x"},
    {"headers": (("content-type", "application/json"),), "body": b'{"_method": "DELETE"}'},
    {
        "headers": PARTS,
        "body": b'--B\r\nContent-Disposition: form-data; name="payment_method"; filename*=x\r\n\r\nv\r\n--B--\r\n',
    },
]


@pytest.mark.parametrize("changes", OVERRIDES)
def test_an_overridden_method_loses_a_permission_and_escapes_no_guard(changes: dict[str, Any]) -> None:
    allow = ruleset({"match": {"host": API, "method": ["GET", "POST"]}, "allow": {}})
    assert decides(allow, "POST https://api.example.com/", **changes) == ("deny", None)
    guard = ruleset({"match": {"host": API, "method": "DELETE"}, "deny": {}}, {"match": {"host": API}, "allow": {}})
    assert decides(guard, "POST https://api.example.com/", **changes) == ("deny", "r0")
    free = ruleset({"match": {"host": API}, "allow": {}})
    assert decides(free, "POST https://api.example.com/", **changes) == ("allow", "r0")


@pytest.mark.parametrize("changes", NO_OVERRIDES)
def test_what_only_looks_like_an_overridden_method_is_none(changes: dict[str, Any]) -> None:
    """Field names that end alike, and bodies that no server reads as a form."""
    allow = ruleset({"match": {"host": API, "method": ["GET", "POST"]}, "allow": {}})
    assert decides(allow, "POST https://api.example.com/", **changes) == ("allow", "r0")


MUTATION = "query=mutation%7BdeleteAll%7Bid%7D%7D"
WRITING = [
    MUTATION,
    "a=1&operationName=m&query=query+q%7Bid%7D+mutation+m%28%24x%3AInt%29%7BdeleteAll%7Bid%7D%7D",
    "query=%23%7B%7D%0Amutation%2Cm%23%7D%0A%7Bid%7D",
    "query=%7Ba%28s%3A%22%23%22%29%7D%20mutation%20m%20%23%7D%0A%7Bx%7D",
    "batch=%5B%7B%22query%22%3A%22mutation%7Bx%7D%22%7D%5D",
    "query=m%75tation{x}",
]


@pytest.mark.parametrize("query", WRITING)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_graphql_mutation_over_get_is_no_reading_call(query: str, method: str) -> None:
    """Some servers take one there: it loses a permission to read, and falls under what guards writing."""
    reading = ruleset({"match": {"host": API, "method": ["GET", "HEAD"]}, "allow": {}})
    call = f"{method} https://api.example.com/graphql"
    assert decides(reading, call, query=query) == ("deny", None)
    guard = ruleset({"match": {"host": API, "method": "POST"}, "deny": {}}, {"match": {"host": API}, "allow": {}})
    assert decides(guard, call, query=query) == ("deny", "r0")


@pytest.mark.parametrize("query", ["", "query=%7Bid%7D", "query=query+q%7Bmutations%7D", "q=mutation+testing"])
def test_a_query_over_get_is_a_reading_call(query: str) -> None:
    reading = ruleset({"match": {"host": API, "method": "GET"}, "allow": {}})
    assert decides(reading, "GET https://api.example.com/graphql", query=query) == ("allow", "r0")


def test_a_method_in_lower_case_is_not_allowed_and_is_guarded() -> None:
    rules = ruleset(
        {"match": {"host": API, "method": "DELETE"}, "deny": {}},
        {"match": {"host": API, "method": ["GET"]}, "allow": {}},
    )
    assert decides(rules, "GET https://api.example.com/", method="get") == ("deny", None)
    assert decides(rules, "GET https://api.example.com/", method="delete") == ("deny", "r0")


def test_a_parameter_given_twice_must_fit_twice_to_be_allowed_and_once_to_be_guarded() -> None:
    allow = ruleset({"match": {"host": API, "query": {"scope": ["read", "list*"]}}, "allow": {}})
    assert decides(allow, "GET https://api.example.com/?scope=read") == ("allow", "r0")
    assert decides(allow, "GET https://api.example.com/?scope=read&scope=listing") == ("allow", "r0")
    assert decides(allow, "GET https://api.example.com/?scope=read&scope=write") == ("deny", None)
    assert decides(allow, "GET https://api.example.com/") == ("deny", None)
    assert decides(allow, "GET https://api.example.com/?scope=%ff") == ("deny", None)
    guard = ruleset(
        {"match": {"host": API, "query": {"scope": "write"}}, "deny": {}}, {"match": {"host": API}, "allow": {}}
    )
    for query in ("scope=read&scope=write", "a=1;scope=write", "scope=%77rite", "scope=%ff"):
        assert decides(guard, f"GET https://api.example.com/?{query}") == ("deny", "r0")
    assert decides(guard, "GET https://api.example.com/?scope=read") == ("allow", "r1")
