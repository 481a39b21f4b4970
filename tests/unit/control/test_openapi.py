"""The document: each operation described, its links followable, its formats explained, its exclusions the server's own."""

import itertools
import re
from typing import Any

import jsonschema_rs
import pytest

from childproof.control.api import described, operations
from childproof.control.linking import parameters
from childproof.control.openapi import FORMATS

from .conftest import Api

NOBODY: Any = None
DOCUMENT = described()
TOLD = {operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()}


def schemas(value: Any) -> Any:
    """All that has a type of its own in the document."""
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from schemas(one)
    elif isinstance(value, list):
        for one in value:
            yield from schemas(one)


def test_it_has_every_operation_of_the_table() -> None:
    """By its id, with summary, description and one tag that is described."""
    assert {*TOLD} == {operation.id for operation in operations(NOBODY, NOBODY)}
    tags = {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    for told in TOLD.values():
        assert all((told["summary"], told["description"])), told["operationId"]
        assert len({*told["tags"]} & tags) == 1, told["operationId"]


def test_its_links_lead_to_operations_with_all_that_they_ask_for() -> None:
    """Each path parameter has a place in the answer, or in the request before it."""
    table = {operation.id: operation for operation in operations(NOBODY, NOBODY)}
    seen = set()
    for name, told in TOLD.items():
        [answer] = [answer for status, answer in told["responses"].items() if status.startswith("2")]
        for link in answer.get("links", {}).values():
            other, given = table[link["operationId"]], link["parameters"]
            assert {*parameters(other)} <= {*given}, (name, other.id)
            for asked, expression in given.items():
                where, _, rest = expression.removeprefix("$").partition("#")
                assert where in {"response.body", f"request.path.{asked}", "response.header.ETag"}, (name, expression)
                assert rest or where != "response.body"
            seen.add((name, other.id))
    assert {("createWorld", "getWorld"), ("createWorld", "deleteWorld"), ("createSandbox", "deleteSandbox")} <= seen
    assert {("listCalls", "getCall"), ("getWorldRules", "replaceWorldRules"), ("getRules", "replaceRules")} <= seen


def test_its_formats_are_explained() -> None:
    """Those of ours, each in the description."""
    used = {one["format"] for one in schemas(DOCUMENT) if str(one.get("format", "")).startswith("childproof-")}
    assert used == {*FORMATS}
    assert all(f"`{name}`" in DOCUMENT["info"]["description"] for name in FORMATS)


def test_every_list_says_what_is_in_it() -> None:
    """Which generators and linters ask for, also where `true` would be meant; and none is a tuple, which they can't read."""
    for one in schemas(DOCUMENT):
        if isinstance(one.get("type"), str | list) and "array" in one["type"]:
            assert isinstance(one.get("items"), dict), one
            assert "prefixItems" not in one, one


def test_every_reference_leads_somewhere() -> None:
    """And no schema lies about unused."""
    wanted = {one["$ref"].rpartition("/")[2] for one in schemas(DOCUMENT) if isinstance(one.get("$ref"), str)}
    assert wanted == {*DOCUMENT["components"]["schemas"]}


VALUES: dict[str, list[Any]] = {
    "from": [None, "main"],
    "at": [None, 0],
    "seed": [1],
    "clock": ["frozen"],
    "file": [None, "world: new"],
    "world": [None, "main"],
    "rules": [None, "version: 1\nrules: []"],
    "text": [None, "version: 1\nrules: []"],
    "advance": ["1d"],
    "run": ["real"],
}
ABSENT = object()


@pytest.mark.parametrize(
    ("operation", "path", "names", "more"),
    [
        ("createWorld", "/worlds", ("from", "at", "seed", "clock", "file"), {"name": "excluded"}),
        ("changeClock", "/worlds/excluding/clock", ("advance", "run"), {}),
        ("explainCall", "/rules/explain", ("world", "text"), {"call": "DNS example.com"}),
    ],
)
def test_what_does_not_go_together_is_told(
    api: Api, operation: str, path: str, names: tuple[str, ...], more: dict[str, Any]
) -> None:
    """Every combination of fields that are left out, null and given: refused with 422 just where the document says so."""
    if operation == "changeClock":
        api.made("excluding")
    schema = TOLD[operation]["requestBody"]["content"]["application/json"]["schema"]
    valid = jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    method = re.search(
        r"patch|post", str([m for p in DOCUMENT["paths"].values() for m, o in p.items() if o is TOLD[operation]])
    )
    assert method
    for chosen in itertools.product(*([ABSENT, *VALUES[name]] for name in names)):
        body = more | {name: value for name, value in zip(names, chosen, strict=True) if value is not ABSENT}
        told = api.ask(method[0].upper(), path, body)
        assert (told.status < 300) == valid.is_valid(body), (body, told)
        assert told.status in (200, 201, 422), (body, told)
        if told.status == 201:
            assert api.ask("DELETE", "/worlds/excluded").status == 200
