"""The JSON Schema of a line: it says what docs/ledger.md says, and real entries follow it."""

import copy
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from childproof.catalog import load_catalog
from childproof.engine import Engine
from childproof.ledger import LINE_KEYS, Ledger, to_line
from childproof.model import Call, Envelope, Protocol, Upstream, Violation
from childproof.policy import Source, load_ruleset
from childproof.world import Store

SCHEMA: dict[str, Any] = json.loads(files("childproof.ledger").joinpath("schemas/ledger.json").read_text())
VALID = jsonschema_rs.validator_for(SCHEMA)
RULES = """
version: 1
rules:
  - {name: stripe, match: {host: api.stripe.com}, stub: stripe}
  - {name: mail, match: {protocol: smtp}, stub: email}
  - {name: teapot, match: {host: teapot.example}, reply: {status: 418}}
  - {name: docs, match: {host: docs.example}, allow: {}}
"""


@pytest.fixture(scope="module")
def session() -> list[dict[str, Any]]:
    """A session with every verdict, several protocols and a stub's changes and effects."""
    catalog = load_catalog()
    rules = load_ruleset([Source(Path("rules.yaml"), RULES)], stubs=catalog, include_roots=[])
    with Store.open(":memory:", wall=lambda: 1_767_614_400_000) as store:
        store.create("main")
        ledger = Ledger(store.connection, lock=store.lock)
        engine = Engine(store=store, ledger=ledger, rules=rules, catalog=catalog, wall=lambda: 1_767_614_400_000)

        def http(host: str, method: str, path: str, body: bytes = b"", **more: Any) -> Call:
            headers = (("authorization", "Bearer sk_test_1234"), ("content-type", "application/x-www-form-urlencoded"))
            fields = {"method": method, "scheme": "https", "path": path, "headers": headers, "body": body}
            return Call(Protocol.HTTP, host, 443, **{**fields, **more})

        made = engine.handle(http("api.stripe.com", "POST", "/v1/customers", b"name=Jenny"))
        assert made.reply is not None
        customer = json.loads(made.reply.body)["id"]
        calls = [
            http("api.stripe.com", "POST", f"/v1/customers/{customer}", b"name=Jenny+Rosen"),
            http("api.stripe.com", "DELETE", f"/v1/customers/{customer}"),
            http("api.stripe.com", "GET", "/v1/no/such/thing"),
            http("teapot.example", "GET", "/"),
            http("evil.example", "POST", "/x?q=1", b"\x00\xff" * 100_000),
            http("evil.example", "", "", violation=Violation("malformed", "no request", 400)),
            Call(
                Protocol.SMTP, "mx.example", 25, body=b"Subject: Hi\r\n\r\nHello" + b"x" * 200_000,
                envelope=Envelope("a@b.example", ("c@d.example",)),
            ),
            Call(Protocol.DNS, "evil.example", 53, method="A"),
            Call(Protocol.TCP, "203.0.113.7", 4444),
        ]  # fmt: skip
        for call in calls:
            engine.handle(call)
        engine.handle(http("docs.example", "GET", "/unsettled"))
        engine.settle(engine.handle(http("docs.example", "GET", "/")), Upstream(1, 1, 10, 20), None, "refused")
        return [json.loads(to_line(entry)) for entry in ledger.entries()]


@pytest.fixture
def lines(session: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those lines, to be changed."""
    return copy.deepcopy(session)


def test_real_entries_follow_it(lines: list[dict[str, Any]]) -> None:
    assert {line["verdict"] for line in lines} == {"stub", "reply", "allow", "deny"}
    assert {line["protocol"] for line in lines} == {"http", "smtp", "dns", "tcp"}
    assert any(line["changes"] for line in lines)
    assert any(line["effects"] for line in lines)
    assert {line["settled"] for line in lines} == {True, False}
    assert [error.message for line in lines for error in VALID.iter_errors(line)] == []


@pytest.mark.parametrize("key", LINE_KEYS)
def test_a_line_without_one_of_its_keys_does_not(lines: list[dict[str, Any]], key: str) -> None:
    del lines[0][key]
    assert not VALID.is_valid(lines[0])


def test_a_later_line_with_more_keys_still_does(lines: list[dict[str, Any]]) -> None:
    assert VALID.is_valid({**lines[0], "mood": "cheerful"})
    assert not VALID.is_valid({**lines[0], "version": 2})


def test_it_says_of_each_key_what_the_docs_say() -> None:
    assert {key: value["description"] for key, value in SCHEMA["properties"].items()} == LINE_KEYS
    assert SCHEMA["required"] == list(LINE_KEYS)
