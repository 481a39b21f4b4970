"""Products: what is sold. A product may bring its first price along."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .fields import change, new, page, picked, since, tell
from .prices import make_price

_COPIED = ("active", "description", "images", "marketing_features", "name", "package_dimensions", "shippable",
           "statement_descriptor", "tax_code", "unit_label", "url")  # fmt: skip


@operation("POST /v1/products")
def create(ctx: Context) -> Entity:
    """A product, under an id of the caller's choice if one is given."""
    body = ctx.body
    chosen = body.get("id")
    if chosen is not None and ctx.find("product", chosen) is not None:
        raise Refusal(400, "resource_already_exists", "Product already exists.", param="id")
    fields = {"active": True, "images": [], "marketing_features": []} | picked(body, *_COPIED)
    metadata = merged_metadata({}, body.get("metadata"))
    product = new(ctx, "product", chosen, **fields, metadata=metadata, updated=ctx.now())
    tell(ctx, "product.created", product)
    data = body.get("default_price_data")
    if isinstance(data, dict):
        price = make_price(ctx, data, product.id, prefix="default_price_data")
        product = ctx.update(product, default_price=price.id)
    return product


@operation("POST /v1/products/{id}")
def update(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Change a product. Its default price must be one of its own."""
    product = ctx.get("product", id)
    fields = picked(ctx.body, *_COPIED)
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(product["metadata"], ctx.body["metadata"])
    if "default_price" in ctx.body:
        wanted = ctx.body["default_price"]
        if wanted is not None:
            price = ctx.get("price", wanted, param="default_price")
            if price["product"] != product.id:
                message = f"The price specified ({wanted}) does not belong to the product ({product.id})."
                raise Refusal(400, None, message, param="default_price")
        fields["default_price"] = wanted
    return change(ctx, product, "product.updated", **fields, updated=ctx.now())


@operation("DELETE /v1/products/{id}")
def delete(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """Delete a product that has no prices; one that has can only be archived."""
    product = ctx.get("product", id)
    if ctx.list("price", limit=1, product=product.id):
        message = "This product cannot be deleted because it has one or more user-created prices."
        raise Refusal(400, None, message)
    tell(ctx, "product.deleted", product)
    ctx.delete(product)
    return {"id": product.id, "object": "product", "deleted": True}


@operation("GET /v1/products")
def list_products(ctx: Context) -> dict[str, Any]:
    """Products, newest first."""
    where = {name: ctx.query[name] for name in ("active", "shippable", "url") if ctx.query.get(name) is not None}
    ids = ctx.query.get("ids")
    found = ctx.list("product", **where)
    return page(ctx, since(ctx, [product for product in found if not ids or product.id in ids]))
