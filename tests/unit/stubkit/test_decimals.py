"""Numbers as text: `format: decimal`."""

from pathlib import Path

import pytest

from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store

from .conftest import Caller

MANIFEST = """
stub: shop
hosts: [shop.example]
openapi: openapi.json
auth: none
dialect:
  errors: {body: {message: "{message}", field: "{param}"}, kinds: {invalid_number: {message: "Invalid decimal: {value}"}}}
resources: {price: {schema: Price, path: /prices, id: pr}}
"""
DOCUMENT = """{"openapi": "3.0.3", "info": {"title": "Shop", "version": "1"}, "paths": {
  "/prices": {"post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Price"}}}},
    "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Price"}}}}}}}},
  "components": {"schemas": {"Price": {"type": "object", "properties": {"id": {"type": "string"},
    "amount": {"type": "string", "format": "decimal"}}}}}}"""


@pytest.fixture
def call(tmp_path: Path, store: Store) -> Caller:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "stub.yaml").write_text(MANIFEST)
    (folder / "openapi.json").write_text(DOCUMENT)
    return Caller(load_stub(folder), store, key=None)


@pytest.mark.parametrize("amount", ["1", "-1.50", ".5", "+7.", "0.000000000001"])
def test_a_number_as_text_is_taken_as_it_is(call, amount):
    """What is a decimal stays the text that it was."""
    assert call("POST /prices", {"amount": amount})[1]["amount"] == amount


@pytest.mark.parametrize("amount", ["x", "1e5", "1.2.3", "NaN", "1,5"])
def test_a_text_that_is_no_number_is_refused_as_one(call, amount):
    """The complaint is the service's about numbers."""
    status, body = call("POST /prices", {"amount": amount})
    assert (status, body) == (400, {"message": f"Invalid decimal: {amount}", "field": "amount"})
