"""Shipping rates: what delivery costs, and how long it takes."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from .fields import change, new, page, picked, since
from .money import checked_currency


@operation("POST /v1/shipping_rates")
def create(ctx: Context) -> Entity:
    """A shipping rate of a fixed amount."""
    return from_data(ctx, ctx.body)


def from_data(ctx: Context, body: dict[str, Any], prefix: str = "") -> Entity:
    """A stored shipping rate from a request's fields; `prefix` is what names of parameters begin with in errors."""
    given = body.get("fixed_amount")
    name = f"{prefix}[fixed_amount]" if prefix else "fixed_amount"
    if not isinstance(given, dict):
        raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    if given["amount"] < 0:
        raise Refusal(400, "parameter_invalid_integer", "Invalid non-negative integer", param=f"{name}[amount]")
    fixed: dict[str, Any] = {"amount": given["amount"], "currency": checked_currency(given["currency"])}
    if given.get("currency_options"):
        options = given["currency_options"].items()
        fixed["currency_options"] = {code: {"tax_behavior": "unspecified"} | option for code, option in options}
    return new(
        ctx,
        "shipping_rate",
        active=True,
        delivery_estimate={"maximum": None, "minimum": None} | body["delivery_estimate"]
        if body.get("delivery_estimate")
        else None,
        display_name=body.get("display_name"),
        fixed_amount=fixed,
        metadata=merged_metadata({}, body.get("metadata")),
        tax_behavior=body.get("tax_behavior") or "unspecified",
        tax_code=body.get("tax_code"),
        type="fixed_amount",
    )


@operation("POST /v1/shipping_rates/{shipping_rate_token}")
def update(ctx: Context, shipping_rate_token: str) -> Entity:
    """Archive a rate, or change what isn't its amount."""
    found = ctx.get("shipping_rate", shipping_rate_token)
    fields = picked(ctx.body, "active", "tax_behavior")
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    options = (ctx.body.get("fixed_amount") or {}).get("currency_options")
    if options:
        made = {code: {"tax_behavior": "unspecified"} | option for code, option in options.items()}
        held = found["fixed_amount"]
        fields["fixed_amount"] = held | {"currency_options": (held.get("currency_options") or {}) | made}
    return change(ctx, found, None, **fields)


@operation("GET /v1/shipping_rates")
def list_rates(ctx: Context) -> dict[str, Any]:
    """Shipping rates, newest first."""
    where: dict[str, Any] = {}
    if ctx.query.get("active") is not None:
        where["active"] = ctx.query["active"]
    if ctx.query.get("currency"):
        where["fixed_amount.currency"] = ctx.query["currency"]
    return page(ctx, since(ctx, ctx.list("shipping_rate", **where)))


def cost(ctx: Context, given: Any) -> dict[str, Any] | None:
    """An invoice's `shipping_cost` from a request's: of a rate that is there, or of one described."""
    if not isinstance(given, dict):
        return None
    if given.get("shipping_rate"):
        rate = ctx.get("shipping_rate", given["shipping_rate"], param="shipping_cost[shipping_rate]")
    elif isinstance(given.get("shipping_rate_data"), dict):
        rate = from_data(ctx, given["shipping_rate_data"], "shipping_cost[shipping_rate_data]")
    else:
        message = "Missing required param: shipping_cost[shipping_rate]."
        raise Refusal(400, "parameter_missing", message, param="shipping_cost[shipping_rate]")
    amount = rate["fixed_amount"]["amount"]
    return {"amount_subtotal": amount, "amount_tax": 0, "amount_total": amount, "shipping_rate": rate.id}
