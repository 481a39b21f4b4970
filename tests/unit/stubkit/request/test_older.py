"""Parameters of earlier versions: they become today's, are taken by their own schema, or are dropped; until a version."""

import json
from pathlib import Path
from typing import Any

import pytest

from childproof.errors import InputError
from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

OPENAPI = {
    "openapi": "3.0.0",
    "info": {"title": "Shop", "version": "3"},
    "paths": {
        "/orders": {
            "get": {
                "parameters": [{"name": "buyer", "in": "query", "schema": {"type": "string"}}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}}
                },
            },
            "post": {
                "requestBody": {
                    "content": {
                        "application/x-www-form-urlencoded": {
                            "schema": {
                                "type": "object",
                                "properties": {
                                    "buyer": {"type": "string"},
                                    "mode": {"type": "string", "enum": ["fast", "slow"]},
                                    "gift": {"type": "boolean"},
                                    "topics": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
                                    "rebates": {
                                        "anyOf": [
                                            {
                                                "type": "array",
                                                "items": {
                                                    "type": "object",
                                                    "properties": {
                                                        "code": {"type": "string", "maxLength": 5},
                                                        "kind": {"type": "string"},
                                                    },
                                                },
                                            },
                                            {"type": "string", "enum": [""]},
                                        ]
                                    },
                                    "lines": {
                                        "type": "array",
                                        "items": {
                                            "type": "object",
                                            "properties": {
                                                "price": {"type": "string"},
                                                "count": {"type": "integer"},
                                            },
                                        },
                                    },
                                },
                            }
                        }
                    }
                },
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}},
            },
        }
    },
}
STUB = """
stub: shop
hosts: [api.shop.example]
openapi: openapi.json
dialect:
  body: form
  unknown_parameters: refuse
  empty_unsets: true
  errors: {body: {message: "{message}", param: "{param}"}, kinds: {unknown_parameter: "Unknown: {param}"}}
"""
OLDER = """
header: Shop-Version
operations:
  GET /orders/next: {becomes: POST /orders, until: "2024-06"}
  POST /baskets: POST /orders
parameters:
  - operations: [POST /orders]
    until: "2024-06"
    take:
      coupon: {becomes: "rebates[0][code]", with: {"rebates[0][kind]": code}}
  - operations: [POST /orders]
    take:
      "lines[][plan]": "lines[][price]"
      "plans[]": "lines[][price]"
      hurry: {becomes: mode, values: {"true": fast, "false": null}}
      mode: {values: {quick: fast}}
      "topics[]": {values: {old: null}}
      "lines[][rounds]": {schema: {type: integer, minimum: 1}}
      "wrap[colour]":
  - operations: [GET /orders]
    take: {customer: buyer}
"""
SHOP = '''
"""Orders, as they were understood."""

from childproof.stubkit import Context, Refusal, Response, operation


@operation("POST /orders")
def create(ctx: Context) -> Response:
    for rebate in ctx.body.get("rebates") or ():
        if rebate.get("code") == "none":
            raise Refusal(400, None, "No such rebate", param="rebates[0][code]")
    return Response(200, ctx.body)


@operation("GET /orders")
def find(ctx: Context) -> Response:
    return Response(200, [ctx.query])
'''


def folder(place: Path, older: str = OLDER) -> Path:
    made = place / "shop"
    made.mkdir()
    (made / "openapi.json").write_text(json.dumps(OPENAPI))
    (made / "stub.yaml").write_text(STUB)
    (made / "older.yaml").write_text(older)
    (made / "orders.py").write_text(SHOP)
    return made


@pytest.fixture
def shop(tmp_path: Path, store: Store) -> Caller:
    return Caller(load_stub(folder(tmp_path)), store, key=None)


UNDERSTOOD: dict[str, tuple[str, Any]] = {
    "a new name, and what belongs to it": ("coupon=X1", {"rebates": [{"code": "X1", "kind": "code"}]}),
    "each item of a list": (
        "lines[0][plan]=p&lines[0][count]=2&lines[1][plan]=q",
        {"lines": [{"price": "p", "count": 2}, {"price": "q"}]},
    ),
    "a list of texts": ("plans[]=p&plans[]=q", {"lines": [{"price": "p"}, {"price": "q"}]}),
    "another value": ("hurry=true", {"mode": "fast"}),
    "a value that means nothing more": ("hurry=false&buyer=jo", {"buyer": "jo"}),
    "a value of a parameter that is still there": ("mode=quick", {"mode": "fast"}),
    "some items of a list": ("topics[]=a&topics[]=old&topics[]=b", {"topics": ["a", "b"]}),
    "a parameter for behaviour, where it was": (
        "lines[0][price]=p&lines[1][price]=q&lines[1][rounds]=3",
        {"lines": [{"price": "p"}, {"price": "q", "rounds": 3}]},
    ),
    "what means nothing any more": ("wrap[colour]=red&buyer=jo", {"buyer": "jo"}),
    "an empty text unsets what the parameter became": ("coupon=", {"rebates": ""}),
    "nothing older at all": ("buyer=jo&gift=true", {"buyer": "jo", "gift": True}),
}


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_older_parameters_are_what_they_became(shop: Caller, name: str) -> None:
    """Behaviour sees today's parameters, of today's types."""
    sent, seen = UNDERSTOOD[name]
    assert shop("POST /orders", form=sent) == (200, seen)


REFUSED = {
    "of a wrong type, by the name that the client wrote": (
        "coupon=TOOLONG",
        ("coupon is too long (at most 5).", "coupon"),
    ),
    "by behaviour, by the name that the client wrote": ("coupon=none", ("No such rebate", "coupon")),
    "held back, against its own schema": (
        "lines[0][rounds]=x",
        ("lines[0][rounds] must be an integer.", "lines[0][rounds]"),
    ),
    "beside the new one": (
        "hurry=true&mode=slow",
        ("Only one of hurry and mode may be given.", "hurry"),
    ),
    "that nobody knows": ("nonsense=1", ("Unknown: nonsense", "nonsense")),
    "below what is taken": ("wrap[size]=1", ("Unknown: wrap", "wrap")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_older_parameters_are_refused_as_they_were_written(shop: Caller, name: str) -> None:
    """The refusal names what the client sent, not what became of it."""
    sent, (message, param) = REFUSED[name]
    assert shop("POST /orders", form=sent) == (400, {"message": message, "param": param})


def test_a_version_from_which_on_a_parameter_is_gone(shop: Caller) -> None:
    """Older versions and clients that say none may send it; later ones are told that it is unknown."""
    assert shop("POST /orders", form="coupon=X", Shop_Version="2024-05")[0] == 200
    for version in ("2024-06", "2025-01"):
        assert shop("POST /orders", form="coupon=X", Shop_Version=version) == (
            400,
            {"message": "Unknown: coupon", "param": "coupon"},
        )


def test_queries_have_older_parameters_too(shop: Caller) -> None:
    """A filter's old name is the new one."""
    assert shop("GET /orders?customer=jo") == (200, [{"buyer": "jo"}])


def test_operations_that_are_others_today(shop: Caller) -> None:
    """A GET that became a POST has its query for a body; older parameters of today's operation are understood."""
    assert shop("GET /orders/next?hurry=True&gift=True") == (200, {"mode": "fast", "gift": True})
    assert shop("POST /baskets", form="buyer=jo") == (200, {"buyer": "jo"})
    assert shop("GET /orders/next", Shop_Version="2024-06")[0] == 404
    assert shop("GET /baskets")[0] == 404


FAULTS = {
    "an operation that isn't there today": (
        ("becomes: POST /orders", "becomes: POST /order"),
        "no operation POST /order in",
    ),
    "an operation that the document has": (("POST /baskets:", "GET /orders:"), "the document has GET /orders itself"),
    "a method that can't become another": (("POST /baskets:", "DELETE /baskets:"), "DELETE can't become POST"),
    "an operation that isn't there": (("POST /orders]", "POST /order]"), "no operation POST /order in"),
    "a target that isn't there": (('"rebates[0][code]"', '"rebates[0][cod]"'), "POST /orders has no rebates[0][cod]"),
    "something besides that isn't there": (('{"rebates[0][kind]"', '{"kind"'), "POST /orders has no kind"),
    "a parameter that the document has": (("hurry:", "gift:"), "the document has gift of POST /orders itself"),
    "values of a parameter that isn't there": (("mode: {values", "pace: {values"), "POST /orders has no pace"),
    "more places than given": (('"plans[]":', "plans:"), "lines[][price] has more [] than plans"),
    "a path that is none": (
        ('"wrap[colour]":', '"wrap[colour":'),
        "'wrap[colour' or what it becomes is no parameter's",
    ),
    "a version without a header": (("header: Shop-Version", ""), "until without a header"),
    "no schema": (("type: integer, minimum", "type: intger, minimum"), "schema.type"),
    "the same twice": (("hurry:", "coupon:"), "coupon of POST /orders is said before"),
    "an unknown key": (("becomes: mode", "become: mode"), "unknown key 'become'"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_wrong_older_yaml_is_refused_at_load(tmp_path: Path, name: str) -> None:
    """Each fault with its place in the file."""
    (old, new), message = FAULTS[name]
    assert old in OLDER
    with pytest.raises(InputError) as caught:
        load_stub(folder(tmp_path, OLDER.replace(old, new, 1)))
    said = [str(fault) for fault in caught.value.faults]
    assert any("older.yaml:" in one and message in one for one in said), said
