"""Plans: the older view of recurring prices. A plan and its price are one and the same object, under one id."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .fields import change, new, page, picked, since, tell
from .prices import make_price, plan_of


@operation("POST /v1/plans")
def create(ctx: Context) -> dict[str, Any]:
    """A plan of a product that is there, or of one that comes with it; under an id of the caller's choice if one is given."""
    body = ctx.body
    chosen = body.get("id")
    if chosen and ctx.find("price", chosen) is not None:
        raise Refusal(400, "resource_already_exists", "Plan already exists.", param="id")
    product = _product(ctx, body.get("product"))
    usage = body.get("transform_usage")
    given = {
        "active": body.get("active", True),
        "billing_scheme": body.get("billing_scheme"),
        "currency": body["currency"],
        "metadata": body.get("metadata"),
        "nickname": body.get("nickname"),
        "recurring": {
            "interval": body["interval"],
            "interval_count": body.get("interval_count"),
            "meter": body.get("meter"),
            "trial_period_days": body.get("trial_period_days"),
            "usage_type": body.get("usage_type"),
        },
        "tiers": body.get("tiers"),
        "tiers_mode": body.get("tiers_mode"),
        "transform_quantity": usage,
        "unit_amount": body.get("amount"),
        "unit_amount_decimal": body.get("amount_decimal"),
    }
    price = make_price(ctx, {name: value for name, value in given.items() if value is not None}, product, id=chosen)
    return plan_of(price)


@operation("GET /v1/plans/{plan}")
def retrieve(ctx: Context, plan: str) -> dict[str, Any]:
    """A plan by its id, which is also that of a recurring price."""
    return plan_of(_found(ctx, plan))


@operation("POST /v1/plans/{plan}")
def update(ctx: Context, plan: str) -> dict[str, Any]:
    """Change what isn't the amount or the interval."""
    found = _found(ctx, plan)
    body = ctx.body
    fields = picked(body, "active", "nickname")
    if body.get("product"):
        fields["product"] = ctx.get("product", body["product"], param="product").id
    if "trial_period_days" in body:
        fields["_trial_days"] = body["trial_period_days"]
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    before = plan_of(found)
    price = change(ctx, found, "price.updated", **fields)
    after = plan_of(price)
    previous = {name: before[name] for name in after if before[name] != after[name]}
    if previous:
        tell(ctx, "plan.updated", after, previous_attributes=previous)
    return after


@operation("DELETE /v1/plans/{plan}")
def delete(ctx: Context, plan: str) -> dict[str, Any]:
    """No new subscribers; those that are there stay."""
    found = _found(ctx, plan)
    tell(ctx, "plan.deleted", plan_of(found))
    tell(ctx, "price.deleted", found)
    ctx.delete(found)
    return {"id": found.id, "object": "plan", "deleted": True}


@operation("GET /v1/plans")
def list_plans(ctx: Context) -> dict[str, Any]:
    """Plans, newest first."""
    where = {name: ctx.query[name] for name in ("active", "product") if ctx.query.get(name) is not None}
    found = since(ctx, ctx.list("price", type="recurring", **where))
    return page(ctx, [plan_of(price) for price in found])


@expands("plan", "tiers")
def tiers_of(ctx: Context, plan: Entity) -> list[dict[str, Any]] | None:
    """The tiers of a plan, where they are asked for."""
    tiers = ctx.get("price", plan.id).get("_tiers")
    return list(tiers) if tiers else None


def _found(ctx: Context, plan: str) -> Entity:
    price = ctx.find("price", plan)
    if price is None or price["type"] != "recurring":
        raise Refusal(404, "resource_missing", f"No such plan: '{plan}'", param="plan")
    return price


def _product(ctx: Context, given: Any) -> str:
    if isinstance(given, str) and given:
        return ctx.get("product", given, param="product").id
    if not isinstance(given, dict):
        raise Refusal(400, "parameter_missing", "Missing required param: product.", param="product")
    chosen = given.get("id")
    if chosen and ctx.find("product", chosen) is not None:
        raise Refusal(400, "resource_already_exists", "Product already exists.", param="product[id]")
    fields: dict[str, Any] = {"active": True, "images": [], "marketing_features": [], "updated": ctx.now()}
    fields |= picked(given, "active", "name", "statement_descriptor", "tax_code", "unit_label")
    made = new(ctx, "product", chosen, **fields, metadata=merged_metadata({}, given.get("metadata")))
    tell(ctx, "product.created", made)
    return made.id
