"""Tenants: what is made for one account is seen by that account alone."""

import json

import pytest

from childproof.errors import InputError
from childproof.stubkit.folder.loading import load_stub
from tests.unit.stubkit.conftest import Caller

_DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "t", "version": "1"},
    "paths": {
        path: {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {
                "type": "object", "properties": {"data": {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}}}}}}}},
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {
                    "type": "object", "properties": {"name": {"type": "string"}}}}}},
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}},
            },
        }
        for path, name in (("/shops", "shop"), ("/items", "item"), ("/colours", "colour"))
    } | {
        "/items/{item}": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/item"}}}}}}
        },
        "/items/{item}/sell": {
            "post": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/item"}}}}}}
        },
    },
    "components": {"schemas": {
        name: {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}
        for name in ("shop", "item", "colour")
    }},
}  # fmt: skip
_STUB = """\
stub: market
hosts: [market.example]
openapi: openapi.json
auth: none
dialect:
  ids: "{prefix}_{alnum:8}"
  idempotency: {header: Idempotency-Key}
  tenants: {header: X-Shop, resource: shop, own: shop_own, shared: [colour]}
resources:
  shop: {schema: shop, path: /shops, id: shop}
  item: {schema: item, path: /items, id: item, unique: [name]}
  colour: {schema: colour, path: /colours, id: colour}
"""
_CODE = '''"""Selling."""

from childproof.stubkit import Context, Entity, job, operation


@operation("POST /items/{item}/sell")
def sell(ctx: Context, item: str) -> Entity:
    """Sold; a minute later its shop gets another one, and the key's own account a note at once."""
    found = ctx.get("item", item)
    ctx.schedule(60_000, "restock", {"name": found["name"] + "!"})
    ctx.within("").create("item", name=f"sold by {ctx.tenant or 'us'}")
    return found


@job("restock")
def restock(ctx: Context, payload: dict) -> None:
    """For the shop that sold."""
    ctx.create("item", name=payload["name"])
'''


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "market"
    made.mkdir()
    (made / "openapi.json").write_text(json.dumps(_DOCUMENT))
    (made / "stub.yaml").write_text(_STUB)
    (made / "selling.py").write_text(_CODE)
    return made


@pytest.fixture
def market(folder, store):
    return Caller(load_stub(folder), store, key=None)


@pytest.fixture
def shops(market):
    return [market("POST /shops", {"name": name})[1]["id"] for name in ("A", "B")]


def names(market, **headers):
    return sorted(item["name"] for item in market("GET /items", **headers)[1]["data"])


def test_a_tenant_sees_what_is_its_own_and_nobody_else_does(market, shops):
    """An entity is found and listed for the tenant that it was made for only; unique fields are unique within one."""
    one, other = shops
    assert market("POST /items", {"name": "lamp"}, X_Shop=one)[0] == 200
    made = market("POST /items", {"name": "lamp"}, X_Shop=other)[1]["id"]
    assert market(f"GET /items/{made}", X_Shop=other)[0] == 200
    assert market(f"GET /items/{made}", X_Shop=one)[0] == 404
    assert market(f"GET /items/{made}")[0] == 404
    assert (names(market), names(market, X_Shop=one)) == ([], ["lamp"])
    assert market("POST /items", {"name": "lamp"}, X_Shop=one)[0] >= 400


def test_the_own_tenant_is_the_same_as_none(market):
    """The key's own account may be named: its things are those without the header."""
    market("POST /items", {"name": "chair"}, X_Shop="shop_own")
    assert names(market) == names(market, X_Shop="shop_own") == ["chair"]


def test_shared_resources_are_the_same_for_all(market, shops):
    """What is shared is found by every tenant."""
    market("POST /colours", {"name": "red"}, X_Shop=shops[0])
    assert [one["name"] for one in market("GET /colours", X_Shop=shops[1])[1]["data"]] == ["red"]


def test_an_unknown_tenant_is_refused_and_nothing_is_made(market):
    """A tenant that nobody made is refused in the service's own words."""
    status, body = market("POST /items", {"name": "lamp"}, X_Shop="shop_nobody")
    assert status == 403
    assert "shop_nobody" in json.dumps(body)
    assert market.changes == ()


def test_idempotency_keys_are_apart_for_each_tenant(market, shops):
    """The same key for two tenants is two calls; for one it is one."""
    first = market("POST /items", {"name": "lamp"}, X_Shop=shops[0], Idempotency_Key="k")[1]
    second = market("POST /items", {"name": "lamp"}, X_Shop=shops[1], Idempotency_Key="k")[1]
    again = market("POST /items", {"name": "lamp"}, X_Shop=shops[0], Idempotency_Key="k")[1]
    assert first["id"] == again["id"] != second["id"]


def test_behaviour_acts_for_another_and_what_is_put_off_is_done_for_the_same_tenant(market, shops, store):
    """`ctx.within` reaches the key's own things; a job that a tenant's call put off is done among that tenant's."""
    item = market("POST /items", {"name": "lamp"}, X_Shop=shops[0])[1]["id"]
    assert market(f"POST /items/{item}/sell", X_Shop=shops[0])[0] == 200
    assert names(market) == [f"sold by {shops[0]}"]
    with store.world("main").transaction() as tx:
        (job,) = tx.due(tx.now() + 60_000)
        market.stub.perform(job.job, job.payload, tx)
    assert names(market, X_Shop=shops[0]) == ["lamp", "lamp!"]
    assert names(market, X_Shop=shops[1]) == []


def test_tenants_that_are_no_resource_are_a_fault(folder):
    """A misspelt resource is refused at load, at its place."""
    (folder / "stub.yaml").write_text(_STUB.replace("shared: [colour]", "shared: [color]"))
    with pytest.raises(InputError, match="unknown resource 'color'"):
        load_stub(folder)
