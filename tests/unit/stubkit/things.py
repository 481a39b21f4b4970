"""A shop of things with a list dialect: what the tests of lists and of pages share."""

from pathlib import Path
from typing import Any

import yaml

from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store

from .conftest import Caller

THING = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "price": {"type": "integer"},
        "rating": {"type": ["number", "null"]},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
        "created_at": {"type": "string", "format": "date-time"},
        "due": {"type": "integer"},
    },
}
PARAMETERS = (
    "name", "name_in", "price", "price[gte]", "price[gt]", "price[lt]", "price__lt", "minPrice", "max_price", "open", "tags", "tag", "address",
    "created_after", "createdBefore", "until", "due_since", "sort", "cheap", "q", "ids",
)  # fmt: skip


def make(
    folder: Path, lists: dict[str, Any], *, parameters: Any = PARAMETERS, reply: Any = None, **resource: Any
) -> Caller:
    """A shop of things with a list dialect."""
    typed = {
        "limit": {"type": "integer", "maximum": 100},
        "per_page": {"type": "integer"},
        "address": {"type": "object"},
    }
    query = [
        one if isinstance(one, dict) else {"name": one, "in": "query", "schema": typed.get(one, {"type": "string"})}
        for one in parameters
    ]
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    ref = {"$ref": "#/components/schemas/Thing"}
    body = {"required": True, "content": {"application/json": {"schema": ref}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://shop.example"}],
        "paths": {
            "/things": {
                "get": {
                    "parameters": query,
                    "responses": {
                        "200": {"description": "", "content": {"application/json": {"schema": reply or items}}}
                    },
                },
                "post": {
                    "requestBody": body,
                    "responses": {"201": {"description": "", "content": {"application/json": {"schema": ref}}}},
                },
            },
            "/things/{thing}": {
                "get": {
                    "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": ref}}}},
                },
                "delete": {
                    "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {"204": {"description": ""}},
                },
            },
        },
        "components": {"schemas": {"Thing": THING}},
    }
    home = folder / "shop"
    home.mkdir()
    (home / "openapi.yaml").write_text(yaml.safe_dump(document))
    manifest = {
        "stub": "shop", "hosts": ["shop.example"], "openapi": "openapi.yaml", "auth": "none",
        "dialect": {"time": "rfc3339", "lists": lists},
        "resources": {"thing": {"schema": "Thing", "path": "/things", "id": "{counter}", **resource}},
    }  # fmt: skip
    (home / "stub.yaml").write_text(yaml.safe_dump(manifest))
    store = Store.open(":memory:", wall=lambda: 0)
    store.create("main", seed=7)
    return Caller(load_stub(home), store)


def plant(shop: Caller, count: int, first: int = 0) -> None:
    """Things 1, 2, …, of which the n-th costs n % 10."""
    with shop.store.world("main").transaction() as tx:
        for number in range(first + 1, first + count + 1):
            tx.put("shop", "thing", str(number), {
                "id": str(number), "name": f"thing {number % 7}", "price": number % 10, "open": number % 2 == 0,
                "rating": None if number % 3 else number / 2, "tags": ["a", "b"][: number % 3],
                "address": {"city": "Rome" if number % 5 else "Oslo"}, "due": 1_767_225_600 + number * 86_400,
                "created_at": f"2026-01-{number % 28 + 1:02}T10:00:00Z",
            })  # fmt: skip


def ids(body: Any) -> list[int]:
    return [int(item["id"]) for item in body]
