"""Rehearsals: what would happen, and nothing of it afterwards."""

from pathlib import Path

import pytest

from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

MANIFEST = """
stub: shop
hosts: [shop.example]
openapi: openapi.json
auth: none
resources: {order: {schema: Order, path: /orders, id: or}}
events: {emit: {order: [created]}}
"""
DOCUMENT = """{"openapi": "3.0.3", "info": {"title": "Shop", "version": "1"}, "paths": {
  "/orders": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object",
      "properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}}}}}}}}},
    "post": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}}}},
  "/orders/preview": {"post": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}},
  "/orders/refused": {"post": {"responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}}},
  "components": {"schemas": {"Order": {"type": "object", "required": ["id", "total"],
    "properties": {"id": {"type": "string"}, "total": {"type": "integer"}}}}}}"""
CODE = '''
"""Orders, previewed."""

from typing import Any

from childproof.stubkit import Context, Refusal, operation


@operation("POST /orders/preview")
def preview(ctx: Context) -> dict[str, Any]:
    """What an order would be."""
    made = ctx.rehearse(lambda: ctx.create("order", total=42))
    return {"total": made["total"], "stored": len(ctx.list("order")), "told": len(ctx.effects)}


@operation("POST /orders/refused")
def refused(ctx: Context) -> dict[str, Any]:
    """A rehearsal that fails."""

    def act() -> None:
        ctx.create("order", total=1)
        raise Refusal(409, "no", "No.")

    try:
        ctx.rehearse(act)
    except Refusal as refusal:
        return {"status": refusal.status, "stored": len(ctx.list("order")), "told": len(ctx.effects)}
    return {}
'''


@pytest.fixture
def call(tmp_path: Path, store: Store) -> Caller:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "stub.yaml").write_text(MANIFEST)
    (folder / "openapi.json").write_text(DOCUMENT)
    (folder / "orders.py").write_text(CODE)
    return Caller(load_stub(folder), store, key=None)


def test_a_rehearsal_gives_its_value_and_leaves_nothing(call):
    """What was made within is neither stored nor told."""
    assert call("POST /orders/preview") == (200, {"total": 42, "stored": 0, "told": 0})
    assert call("GET /orders")[1] == {"data": []}


def test_what_a_rehearsal_raises_goes_on_and_leaves_nothing(call):
    """A refusal within comes out, with everything undone."""
    assert call("POST /orders/refused") == (200, {"status": 409, "stored": 0, "told": 0})
