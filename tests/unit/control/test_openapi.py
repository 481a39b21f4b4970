"""The document: each operation described, its links followable, its formats explained, its exclusions the server's own."""

from typing import Any

from childproof.control.api import described, operations
from childproof.control.openapi import FORMATS

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
