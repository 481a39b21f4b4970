"""Links from an answer to what can be asked with it."""

from typing import Any

from childproof.control.api import described, operations
from childproof.control.linking import parameters

NOBODY: Any = None
DOCUMENT = described()
TOLD = {operation["operationId"]: operation for methods in DOCUMENT["paths"].values() for operation in methods.values()}


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
