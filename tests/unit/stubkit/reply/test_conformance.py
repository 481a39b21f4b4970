"""Replies against the response schemas of the document."""

from typing import Any

import msgspec
import pytest

from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.reply.conformance import Conformance, Misfit
from childproof.stubkit.request import components
from childproof.stubkit.request.conversion import Validator

JSON = (("Content-Type", "application/json"),)


def document(schema: dict[str, Any], **schemas: Any) -> OpenApi:
    """A document whose only operation replies a schema at 200 and a problem at any other refusal."""
    responses = {
        "200": {"content": {"application/json": {"schema": schema}}},
        "204": {"description": "gone"},
        "4XX": {"content": {"application/problem+json": {"schema": {"required": ["title"], "type": "object"}}}},
    }
    paths = {"/things/{id}": {"get": {"responses": responses}}}
    return OpenApi(
        "test", msgspec.json.encode({"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas}})
    )


def misfits(schema: dict[str, Any], value: Any, *, strict: bool = True, **schemas: Any) -> list[tuple[str, str, str]]:
    body = msgspec.json.encode(value)
    found = Conformance(document(schema, **schemas), strict=strict).misfits("GET", "/things/{id}", 200, JSON, body)
    assert found is not None
    return [(one.pointer, one.found, one.expected) for one in found]


THING = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string", "maxLength": 5},
        "state": {"enum": ["on", "off"]},
        "at": {"type": "string", "format": "date-time", "nullable": True},
        "secret": {"type": "string", "writeOnly": True},
        "tags": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object"},
    },
}
UNLISTED = "nothing: the document doesn't list it"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "a", "state": "on", "at": None}, []),
        ({"id": "a", "tags": {"any": "text"}, "free": {"any": 1}}, []),
        ({}, [("/id", "missing", "a value: the document requires it")]),
        ({"id": 7}, [("/id", "7", "string")]),
        ({"id": "abcdef"}, [("/id", '"abcdef"', "at most 5")]),
        ({"id": "a", "state": None}, [("/state", "null", "on or off")]),
        ({"id": "a", "at": "yesterday"}, [("/at", '"yesterday"', "a value of the schema's format")]),
        ({"id": "a", "tags": {"b/c~": 1}}, [("/tags/b~1c~0", "1", "string")]),
        ({"id": "a", "_hidden": 1}, [("/_hidden", "1", UNLISTED)]),
        ([], [("", "[]", "object")]),
    ],
)
def test_each_place_that_does_not_fit_is_told(value: Any, expected: list[Any]) -> None:
    """A pointer, what was found, and what the document has there."""
    assert misfits(THING, value) == expected


def test_unlisted_fields_are_a_matter_of_strictness() -> None:
    """A lenient check takes what the document says nothing of."""
    assert misfits(THING, {"id": "a", "more": 1}, strict=False) == []
    assert misfits({**THING, "additionalProperties": True}, {"id": "a", "more": 1}) == []


def test_parts_of_an_object_know_each_other() -> None:
    """What one part of an `allOf` lists isn't unlisted to the others; what none lists is, at any depth."""
    schema = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"properties": {"name": {"type": "string"}}}]}
    base = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "in": THING}}
    assert misfits(schema, {"id": "a", "name": "b", "in": {"id": "c"}}, Base=base) == []
    assert misfits(schema, {"id": "a", "other": 1}, Base=base) == [("/other", "1", UNLISTED)]
    assert misfits(schema, {"id": "a", "in": {"id": "a", "x": 1}}, Base=base) == [("/in/x", "1", UNLISTED)]


def test_of_several_branches_the_one_that_was_meant_is_explained() -> None:
    """An expanded reference that is wrong is told by its own schema, not by that of its tombstone."""
    card = {"type": "object", "required": ["object", "last4"],
            "properties": {"object": {"enum": ["card"]}, "last4": {"type": "string"}}}  # fmt: skip
    gone = {"type": "object", "required": ["object", "deleted"],
            "properties": {"object": {"enum": ["gone"]}, "deleted": {"enum": [True]}}}  # fmt: skip
    schema = {
        "anyOf": [{"type": "string"}, {"$ref": "#/components/schemas/gone"}, {"$ref": "#/components/schemas/card"}]
    }
    assert misfits(schema, {"object": "card", "last4": 42}, card=card, gone=gone) == [("/last4", "42", "string")]


def test_a_schema_that_contains_itself() -> None:
    """Each level of a tree is checked."""
    tree = {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}}}
    found = misfits({"$ref": "#/components/schemas/Tree"}, {"left": {"left": {"left": 1}}}, Tree=tree)
    assert found == [("/left/left/left", "1", "object")]


def test_statuses_are_looked_up_as_documents_write_them() -> None:
    """The exact one, then its class; a success that isn't documented is a fault, a refusal is not."""
    check = Conformance(document(THING))

    def ask(status: int, body: bytes, media: str = "application/problem+json") -> list[Misfit] | None:
        return check.misfits("GET", "/things/{id}", status, (("Content-Type", media),), body)

    assert ask(404, b'{"title": "gone"}') == []
    assert ask(404, b"{}") == [Misfit("/title", "missing", "a value: the document requires it")]
    assert ask(201, b"{}") == [Misfit("", "status 201", "status 200 or 204")]
    assert ask(500, b"{}") is None
    assert ask(204, b"") is None
    assert ask(404, b"<p>gone</p>", "text/html") is None
    assert ask(200, b"{", "application/json")[0].pointer == ""  # type: ignore[index]  # it is checked, or the test fails
    assert check.misfits("GET", "/other", 200, JSON, b"{}") is None


def test_impossible_keywords_say_nothing() -> None:
    """A pattern that no engine reads and a type that doesn't exist don't keep the rest from being checked."""
    schema = {
        "type": "object",
        "required": True,
        "properties": {"a": {"type": "file"}, "b": {"pattern": "(?<!", "type": "string"}},
    }
    assert misfits(schema, {"a": 1, "b": 2}) == [("/b", "2", "string")]


LISTED = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}, "at": {"type": "integer"}}}


def test_components_that_refer_to_themselves_are_checked_at_any_depth() -> None:
    """A fault deep inside is told with its place; one that refers to nothing but itself says nothing of a value."""
    deep: Any = {"at": "soon"}
    for _ in range(50):
        deep = {"at": 1, "next": deep}
    reference = {"$ref": "#/components/schemas/Node"}
    assert misfits(reference, deep["next"]["next"], Node=LISTED) == [("/next" * 48 + "/at", '"soon"', "integer")]
    ring = {"A": {"allOf": [{"$ref": "#/components/schemas/B"}]}, "B": {"allOf": [{"$ref": "#/components/schemas/A"}]}}
    assert misfits({"$ref": "#/components/schemas/A"}, {"any": 1}, **ring) == []


def test_what_a_value_does_not_reach_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply that fits costs the components that it reaches; with one that doesn't, the whole is compiled, once."""
    made: list[Any] = []

    def counting(schema: Any, **options: Any) -> Any:
        made.append(schema)
        return Validator(schema, **options)

    monkeypatch.setattr(components, "Validator", counting)
    far = {"type": "object", "properties": {"here": THING, "there": {"$ref": "#/components/schemas/Far"}}}
    schemas = {"Far": {**far, "required": ["there"]}, "Other": THING}
    conformance = Conformance(document({"properties": far["properties"], "type": "object"}, **schemas))

    def told(value: Any) -> int:
        found = conformance.misfits("GET", "/things/{id}", 200, JSON, msgspec.json.encode(value))
        assert found is not None
        return len(found)

    assert [told({"here": {"id": "a"}}), len(made)] == [0, 1]
    assert [told({"there": {}}), len(made)] == [1, 3]  # Far, and all of it
    assert [told({"there": {"there": {}}}), len(made)] == [1, 3]
