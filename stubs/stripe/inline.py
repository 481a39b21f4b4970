"""Prices that a request describes instead of naming one (`price_data`), and those behind a plain amount.

Stripe keeps each as a price that is not active; nothing is told of them.
"""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from .amounts import decimal_text
from .fields import new, tell
from .money import checked_currency, checked_decimal


def price_from_data(ctx: Context, data: dict[str, Any], param: str = "price_data") -> Entity:
    """The price that `price_data` describes: of a product that is there, or of a new one (`product_data`)."""
    currency = checked_currency(data["currency"], f"{param}[currency]")
    whole, exact = data.get("unit_amount"), data.get("unit_amount_decimal")
    if whole is None and exact is None:
        message = f"You must specify either `{param}[unit_amount]` or `{param}[unit_amount_decimal]`."
        raise Refusal(400, "parameter_missing", message, param=f"{param}[unit_amount]")
    unit = checked_decimal(str(exact), f"{param}[unit_amount_decimal]") if exact is not None else Decimal(whole or 0)
    fresh = data.get("product_data")
    if data.get("product"):
        product = ctx.get("product", data["product"], param=f"{param}[product]").id
    elif isinstance(fresh, dict):
        product = _product(ctx, fresh, told=True)
    else:
        message = f"Missing required param: {param}[product]."
        raise Refusal(400, "parameter_missing", message, param=f"{param}[product]")
    return _price(ctx, currency, unit, product, data)


def made_up_price(ctx: Context, currency: str, unit: Decimal, name: str) -> Entity:
    """The price behind a plain amount, with a product of its own."""
    return _price(ctx, currency, unit, _product(ctx, {"name": name}, told=False), {})


def _product(ctx: Context, data: dict[str, Any], *, told: bool) -> str:
    fields = {
        name: data[name]
        for name in ("description", "images", "metadata", "name", "tax_code", "unit_label")
        if name in data
    }
    base: dict[str, Any] = {"images": [], "marketing_features": [], "metadata": {}, "updated": ctx.now()}
    made = new(ctx, "product", active=told, **(base | fields))
    if told:
        tell(ctx, "product.created", made)
    return made.id


def _price(ctx: Context, currency: str, unit: Decimal, product: str, data: dict[str, Any]) -> Entity:
    recurring, repeats = data.get("recurring"), None
    if isinstance(recurring, dict):
        repeats = {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count") or 1,
            "meter": None,
            "usage_type": "licensed",
        }
    return new(
        ctx,
        "price",
        active=False,
        billing_scheme="per_unit",
        currency=currency,
        metadata={},
        product=product,
        recurring=repeats,
        tax_behavior=data.get("tax_behavior") or "unspecified",
        type="recurring" if repeats else "one_time",
        unit_amount=int(unit) if unit == unit.to_integral_value() else None,
        unit_amount_decimal=decimal_text(unit),
    )
