"""Invented values: valid against their schema whatever it is, the same for the same seed."""

import random
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.model import Call, Protocol
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.invented.people import _PLACES, People, person, store
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.invented.words import iban
from childproof.world.store import Store

CRM = """
openapi: 3.1.0
info: {title: CRM, version: "1"}
paths:
  /contacts:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {note: {type: string}}}}}}
      responses: {"201": {content: {application/json: {schema: {$ref: "#/components/schemas/Contact"}}}}}
  /contacts/{contact}:
    get: {responses: {"200": {content: {application/json: {schema: {$ref: "#/components/schemas/Contact"}}}}}}
components:
  schemas:
    Contact: {type: object, required: [id, name, email], properties: {id: {type: string}, name: {type: string}, email: {type: string}}}
"""
NOW = 1_767_603_600_000  # 2026-01-05T09:00:00Z
NAMES = ("email", "name", "city", "amount", "created", "status", "id", "url", "lat", "tags", "x1")
FORMATS = (
    "date-time",
    "date",
    "time",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uri",
    "uuid",
    "duration",
    "json-pointer",
    "regex",
)
PATTERNS = (
    "^[A-Z]{3}-\\d{4}$",
    "^(cus|acct)_[A-Za-z0-9]+$",
    "[a-f0-9]{8}",
    "^\\+?[1-9]\\d{1,14}$",
    "^[^@\\s]+@[^@\\s]+$",
    "^#(?:[0-9a-f]{3}){1,2}$",
    "^(?!00)\\d{2}$",
)


def api(**schemas: Any) -> OpenApi:
    document = {"openapi": "3.1.0", "paths": {}, "components": {"schemas": schemas}}
    return OpenApi("test", msgspec.json.encode(document))


def made(schema: Any, seed: int = 1, name: str = "", **schemas: Any) -> Any:
    return Synthesizer(api(**schemas), random.Random(seed), NOW).value(schema, name, -1)


# --- schemas that something fits


def strings() -> st.SearchStrategy[Any]:
    lengths = st.tuples(st.integers(0, 12), st.integers(0, 30)).map(
        lambda two: {"minLength": two[0], "maxLength": sum(two)}
    )
    return st.one_of(
        st.just({"type": "string"}),
        lengths.map(lambda bounds: {"type": "string", **bounds}),
        st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name}),
        st.sampled_from(PATTERNS).map(lambda pattern: {"type": "string", "pattern": pattern}),
        st.lists(st.text(max_size=8), min_size=1, max_size=4, unique=True).map(
            lambda few: {"type": "string", "enum": few}
        ),
    )


def numbers() -> st.SearchStrategy[Any]:
    bounds = st.tuples(st.integers(-1000, 1000), st.integers(2, 500))
    return st.one_of(
        st.just({"type": "integer"}),
        st.just({"type": "number"}),
        bounds.map(lambda two: {"type": "integer", "minimum": two[0], "maximum": sum(two)}),
        bounds.map(lambda two: {"type": "number", "exclusiveMinimum": two[0], "exclusiveMaximum": sum(two)}),
        bounds.map(
            lambda two: {"type": "integer", "minimum": two[0], "maximum": two[0] + 3 * two[1], "multipleOf": two[1]}
        ),
        bounds.map(lambda two: {"type": "number", "minimum": two[0], "multipleOf": 0.25}),
        bounds.map(lambda two: {"type": "integer", "exclusiveMinimum": two[0], "not": {"const": two[0] + 1}}),
    )


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    counts = st.tuples(st.integers(0, 3), st.integers(0, 2))
    return st.one_of(
        st.builds(
            lambda items, two: {"type": "array", "items": items, "minItems": two[0], "maxItems": sum(two)},
            inner,
            counts,
        ),
        st.builds(
            lambda first: {"type": "array", "prefixItems": first, "items": False, "minItems": len(first)},
            st.lists(inner, min_size=1, max_size=3),
        ),
        st.just({"type": "array", "items": {"type": "integer"}, "uniqueItems": True, "minItems": 4}),
        st.just({"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 3}),
        st.just({"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True, "minItems": 3}),
        st.just({"type": "array", "items": {"type": "string"}, "contains": {"const": "needle"}}),
    )


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    listed = st.dictionaries(st.sampled_from(NAMES), inner, max_size=5)

    def some(known: dict[str, Any], ask: int, others: Any) -> dict[str, Any]:
        required = sorted(known)[: ask % (len(known) + 1)]
        return {"type": "object", "properties": known, "required": required, "additionalProperties": others}

    closed = st.builds(some, listed, st.integers(0, 5), st.just(False))
    return st.one_of(
        closed,
        st.builds(
            lambda known, least: {**known, "additionalProperties": {"type": "integer"}, "minProperties": least},
            closed,
            st.integers(0, 6),
        ),
        st.just(
            {
                "type": "object",
                "patternProperties": {"^x-[a-z]+$": {"type": "boolean"}},
                "additionalProperties": False,
                "minProperties": 2,
            }
        ),
        st.just({"type": "object", "propertyNames": {"pattern": "^[A-Z]{2}$"}, "minProperties": 3}),
        st.just({"type": "object", "required": ["unlisted"], "additionalProperties": {"type": "number"}}),
    )


def combined(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": [False, *some]}),
        inner.map(lambda one: {"oneOf": [one, {"const": "nothing else is this"}]}),
        inner.map(lambda one: {"allOf": [one, True, {"description": "and no more"}]}),
        inner.map(lambda one: {"allOf": [one], "not": {"type": "null"}}),
        inner.map(lambda one: {"anyOf": [one, {"type": "null"}]}),
        st.builds(
            lambda left, right: {
                "allOf": [
                    {"type": "object", "required": ["left"], "properties": {"left": left}},
                    {"properties": {"right": right}, "required": ["right"]},
                ]
            },
            inner,
            inner,
        ),
    )


SCHEMAS = st.recursive(
    st.one_of(
        strings(),
        numbers(),
        st.sampled_from([True, {}, {"type": "boolean"}, {"type": ["string", "null"]}, {"const": {"a": [1]}}]),
    ),
    lambda inner: st.one_of(arrays(inner), objects(inner), combined(inner)),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32), name=st.sampled_from(NAMES))
def test_whatever_is_invented_fits_its_schema(schema: Any, seed: int, name: str) -> None:
    """A value for any schema that something fits; the same again for the same seed."""
    value = made(schema, seed, name)
    check = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert check.is_valid(value), (value, [error.message for error in check.iter_errors(value)])
    assert value == made(schema, seed, name)


# --- what it looks like

PERSON = {
    "type": "object",
    "properties": {
        name: {"type": "string"}
        for name in ("name", "first_name", "lastName", "email", "phone", "city", "state", "zip", "country", "currency")
    },
}


def test_the_fields_of_a_person_belong_together() -> None:
    """The full name is made of the first and last one, the address of both; city, state and postal code are of one place."""
    found = made({"$ref": "#/components/schemas/Customer"}, Customer=PERSON)
    assert found["name"] == f"{found['first_name']} {found['lastName']}"
    assert found["email"].startswith(found["first_name"].lower().partition(" ")[0])
    places = {place.city: place for place in _PLACES["en_US"]}
    place = places[found["city"]]
    assert (found["state"], found["country"], found["currency"]) == (place.state, "US", "usd")
    assert found["zip"].startswith(place.postal.rstrip("#"))
    assert found["phone"].startswith(place.phone.rstrip("#"))


def test_what_is_within_an_entity_is_about_the_same_person_and_list_items_are_about_others() -> None:
    schema = {
        "type": "object",
        "required": ["email", "address", "members"],
        "properties": {
            "email": {"type": "string"},
            "address": {"type": "object", "required": ["city", "email"], "properties": PERSON["properties"]},
            "members": {"type": "array", "minItems": 3, "items": {**PERSON, "required": ["email"]}},
        },
    }
    found = made(schema)
    assert found["address"]["email"] == found["email"]
    assert len({found["email"], *(member["email"] for member in found["members"])}) == 4


def test_a_name_is_of_what_the_entity_is() -> None:
    """A customer is called like people are, a product isn't, a company isn't either."""
    names = {
        kind: made({"$ref": f"#/components/schemas/{kind}"}, **{kind: PERSON})["name"]
        for kind in ("User", "Product", "Company")
    }
    assert names["User"] != names["Product"] != names["Company"]
    assert names["Company"].split()[0] == made({"$ref": "#/components/schemas/Company"}, Company=PERSON)["lastName"]


def test_people_of_the_world_come_first() -> None:
    """What looks like a person is one of those whom all services of the world know."""
    with Store.open(":memory:", wall=lambda: NOW) as file, file.create("main", seed=1).transaction() as tx:
        jenny = person(1, 1, given={"name": "Jenny Rosen", "email": "jenny@example.com"})
        store(tx, jenny)
        found = Synthesizer(api(Customer=PERSON), random.Random(1), NOW, People(tx)).value(
            {"$ref": "#/components/schemas/Customer"}, "", -1
        )
    assert (found["name"], found["email"], found["phone"]) == ("Jenny Rosen", "jenny@example.com", jenny.phone)


@pytest.mark.parametrize("kind", ["string", "integer"])
def test_times_are_in_order(kind: str) -> None:
    """Nothing is updated before it was created, nor ends before it starts."""
    names = ("created_at", "updated_at", "start_date", "end_date", "expires_at", "due_at")
    schema = {
        "type": "object",
        "required": list(names),
        "properties": {name: {"type": kind, **({"format": "date-time"} if kind == "string" else {})} for name in names},
    }
    found = made(schema)
    assert found["created_at"] <= found["updated_at"] <= found["due_at"]
    assert found["start_date"] < found["end_date"] < found["expires_at"]


def test_examples_are_used_where_they_are_valid() -> None:
    """The document's own example says more than a guess; one that contradicts its schema says nothing."""
    assert made({"type": "string", "example": "blue moon"}) == "blue moon"
    assert made({"type": "string", "examples": [7, "red"]}) == "red"
    assert made({"type": "integer", "minimum": 5, "maximum": 6, "example": 3}) in {5, 6}
    assert made({"type": "string", "default": "on", "example": "off"}) == "on"


def test_a_branch_is_named_by_its_discriminator() -> None:
    """The property that tells the branches apart says which one it is."""
    cat = {
        "type": "object",
        "required": ["kind", "lives"],
        "properties": {"kind": {"type": "string"}, "lives": {"type": "integer"}},
    }
    schema = {
        "oneOf": [{"$ref": "#/components/schemas/Cat"}],
        "discriminator": {"propertyName": "kind", "mapping": {"felis": "#/components/schemas/Cat"}},
    }
    assert made(schema, Cat=cat)["kind"] == "felis"


def test_what_contains_itself_comes_to_an_end() -> None:
    """Required children of children: the shallowest branch is taken, lists are empty, null is null."""
    tree = {
        "type": "object",
        "required": ["children", "parent", "next"],
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Tree"}},
            "parent": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "null"}]},
            "next": {"anyOf": [{"$ref": "#/components/schemas/Tree"}, {"type": "string"}]},
        },
    }
    found = made({"$ref": "#/components/schemas/Tree"}, Tree=tree)
    assert (found["children"], found["parent"]) == ([], None)
    while isinstance(found["next"], dict):
        found = found["next"]
    assert isinstance(found["next"], str)


@pytest.mark.parametrize("name", FORMATS)
def test_formats_of_names_and_openapi(name: str) -> None:
    """Each format that a validator knows."""
    check = jsonschema_rs.Draft202012Validator({"format": name}, validate_formats=True)
    for seed in range(20):
        assert check.is_valid(made({"type": "string", "format": name}, seed))


def test_account_numbers_have_right_check_digits() -> None:
    """ISO 13616: moved to the end and read as digits, the whole is 1 modulo 97."""
    for seed in range(50):
        number = iban(random.Random(seed))
        digits = "".join(str(int(letter, 36)) for letter in number[4:] + number[:4])
        assert int(digits) % 97 == 1


def test_what_a_stub_invents_is_about_the_worlds_people(tmp_path: Path) -> None:
    """A generic creation leaves open who it is: one of those whom all services know."""
    (tmp_path / "crm").mkdir()
    (tmp_path / "crm" / "openapi.yaml").write_text(CRM)
    (tmp_path / "crm" / "stub.yaml").write_text("stub: crm\nhosts: [crm.example]\nopenapi: openapi.yaml\nauth: none\n")
    stub = load_stub(tmp_path / "crm")
    call = Call(Protocol.HTTP, "crm.example", 443, scheme="https", method="POST", path="/contacts", body=b"{}")
    with Store.open(":memory:", wall=lambda: NOW) as file, file.create("main", seed=1).transaction() as tx:
        store(tx, person(1, 1, given={"name": "Jenny Rosen", "email": "jenny@example.com"}))
        body = msgspec.json.decode(stub.answer(call, tx).reply.body)
    assert (body["name"], body["email"]) == ("Jenny Rosen", "jenny@example.com")
