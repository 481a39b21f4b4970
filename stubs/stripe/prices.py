"""Prices: how much of what currency, once or again and again. A price's amount never changes after it is made."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, merged_metadata, operation

from .amounts import decimal_text
from .fields import change, new, page, picked, since, tell
from .money import checked_currency, checked_decimal

MAXIMUM = 99_999_999_999


@operation("POST /v1/prices")
def create(ctx: Context) -> Entity:
    """A price of a product, or together with a new product (`product_data`)."""
    body = ctx.body
    data = body.get("product_data")
    if body.get("product"):
        product = ctx.get("product", body["product"], param="product").id
    elif isinstance(data, dict):
        fields: dict[str, Any] = {"active": True, "images": [], "marketing_features": []}
        fields |= picked(data, "active", "id", "name", "statement_descriptor", "tax_code", "unit_label")
        chosen = fields.pop("id", None)
        metadata = merged_metadata({}, data.get("metadata"))
        made = new(ctx, "product", chosen, **fields, metadata=metadata, updated=ctx.now())
        tell(ctx, "product.created", made)
        product = made.id
    else:
        message = "You must specify either `product` or `product_data` when creating a price."
        raise Refusal(400, "parameter_missing", message, param="product")
    return make_price(ctx, body, product)


def make_price(
    ctx: Context,
    given: dict[str, Any],
    product: str,
    *,
    prefix: str = "",
    id: str | None = None,  # noqa: A002
) -> Entity:
    """A stored price from a request's fields. `prefix` is what names of parameters begin with in errors.

    A recurring one is told of as a plan, too.
    """
    currency = checked_currency(given["currency"], f"{prefix}[currency]" if prefix else "currency")
    amount = _amount(given, prefix)
    lookup_key = given.get("lookup_key")
    if lookup_key:
        _free_lookup_key(ctx, lookup_key, transfer=bool(given.get("transfer_lookup_key")))
    price = new(
        ctx,
        "price",
        id,
        _currencies=_currencies(given, currency),
        _trial_days=(given.get("recurring") or {}).get("trial_period_days"),
        active=given.get("active", True),
        billing_scheme=given.get("billing_scheme") or "per_unit",
        currency=currency,
        lookup_key=lookup_key,
        metadata=merged_metadata({}, given.get("metadata")),
        product=product,
        recurring=_recurring(given.get("recurring")),
        tax_behavior=given.get("tax_behavior") or "unspecified",
        type="recurring" if given.get("recurring") else "one_time",
        **amount,
        **picked(given, "nickname", "tiers_mode", "transform_quantity"),
    )
    if price["recurring"] is not None:
        tell(ctx, "plan.created", plan_of(price))
    tell(ctx, "price.created", price)
    return price


def trial_days(ctx: Context, price: str) -> int:
    """How many days a price may be tried, as older clients say with the price itself."""
    found = ctx.find("price", price)
    return int((found.get("_trial_days") if found is not None else None) or 0)


def plan_of(price: Entity) -> Entity:
    """A recurring price as the plan that it is for older clients."""
    recurring, transform = price["recurring"], price["transform_quantity"]
    plan = {
        "id": price.id,
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": price["livemode"],
        "metadata": price["metadata"],
        "meter": recurring["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": transform,
        "trial_period_days": price.get("_trial_days"),
        "usage_type": recurring["usage_type"],
    }
    return Entity("plan", price.id, plan)


@operation("GET /v1/prices/{price}")
def retrieve(ctx: Context, price: str) -> Entity:
    """A price, which may also have been made as a plan."""
    return ctx.get("price", price)


@operation("POST /v1/prices/{price}")
def update(ctx: Context, price: str) -> Entity:
    """Change what isn't the amount."""
    found = ctx.get("price", price)
    fields = picked(ctx.body, "active", "nickname", "tax_behavior", "lookup_key")
    behavior = fields.get("tax_behavior")
    if behavior and found["tax_behavior"] not in {"unspecified", behavior}:
        message = "You cannot change the `tax_behavior` of a price once it has been set."
        raise Refusal(400, None, message, param="tax_behavior")
    if fields.get("lookup_key") and fields["lookup_key"] != found["lookup_key"]:
        _free_lookup_key(ctx, fields["lookup_key"], transfer=bool(ctx.body.get("transfer_lookup_key")))
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    if ctx.body.get("currency_options"):
        fields["_currencies"] = (found.get("_currencies") or {}) | _currencies(ctx.body, found["currency"])
    changed = change(ctx, found, "price.updated", **fields)
    if changed["recurring"] is not None and dict(plan_of(changed)) != dict(plan_of(found)):
        before, after = plan_of(found), plan_of(changed)
        previous = {name: before[name] for name in after if before[name] != after[name]}
        tell(ctx, "plan.updated", after, previous_attributes=previous)
    return changed


@operation("GET /v1/prices")
def list_prices(ctx: Context) -> dict[str, Any]:
    """Prices, newest first."""
    query = ctx.query
    where = {name: query[name] for name in ("active", "currency", "product", "type") if query.get(name) is not None}
    recurring = query.get("recurring")
    if isinstance(recurring, dict):
        where |= {f"recurring.{name}": recurring[name] for name in ("interval", "usage_type") if recurring.get(name)}
    keys = query.get("lookup_keys")
    found = ctx.list("price", **where)
    return page(ctx, since(ctx, [price for price in found if not keys or price["lookup_key"] in keys]))


@expands("price", "tiers")
def tiers_of(ctx: Context, price: Entity) -> list[dict[str, Any]] | None:
    """The tiers of a price, where they are asked for."""
    del ctx
    return price.get("_tiers")


@expands("price", "currency_options")
def currency_options_of(ctx: Context, price: Entity) -> dict[str, Any]:
    """The amounts of a price in all its currencies, where they are asked for."""
    del ctx
    own = {
        "custom_unit_amount": price["custom_unit_amount"],
        "tax_behavior": price["tax_behavior"],
        "unit_amount": price["unit_amount"],
        "unit_amount_decimal": price["unit_amount_decimal"],
    }
    return {price["currency"]: own} | (price.get("_currencies") or {})


def _currencies(given: dict[str, Any], own: str) -> dict[str, Any]:
    """The amounts in further currencies."""
    made = {}
    for code, option in (given.get("currency_options") or {}).items():
        currency = checked_currency(code, "currency_options")
        if currency == own:
            message = f"The currency_options contain {own}, which is the currency of the price."
            raise Refusal(400, None, message, param=f"currency_options[{code}]")
        amount = _amount(option, f"currency_options[{code}]")
        tiers = amount.pop("_tiers", None)
        made[currency] = {
            "custom_unit_amount": None,
            "tax_behavior": option.get("tax_behavior") or "unspecified",
            **amount,
            **({"tiers": tiers} if tiers else {}),
        }
    return made


def _amount(given: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The amount fields, which Stripe keeps as an integer and as a decimal text."""
    name = f"{prefix}[unit_amount]" if prefix else "unit_amount"
    custom = given.get("custom_unit_amount")
    if isinstance(custom, dict) and custom.get("enabled"):
        limits = {key: custom.get(key) for key in ("maximum", "minimum", "preset")}
        return {"custom_unit_amount": limits, "unit_amount": None, "unit_amount_decimal": None}
    if given.get("billing_scheme") == "tiered":
        if not given.get("tiers") or not given.get("tiers_mode"):
            message = "Tiered prices require both `tiers` and `tiers_mode` to be set."
            raise Refusal(400, "parameter_missing", message, param="tiers")
        return {"unit_amount": None, "unit_amount_decimal": None, "_tiers": [_tier(tier) for tier in given["tiers"]]}
    whole, decimal = given.get("unit_amount"), given.get("unit_amount_decimal")
    if whole is not None and decimal is not None:
        message = "You may only specify one of these parameters: unit_amount, unit_amount_decimal."
        raise Refusal(400, "parameters_exclusive", message, param=name)
    if whole is None and decimal is None:
        message = "Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set."
        raise Refusal(400, "parameter_missing", message, param=name)
    if whole is None:
        text = decimal_text(
            checked_decimal(str(decimal), f"{name}_decimal" if not prefix else f"{prefix}[unit_amount_decimal]")
        )
        return {"unit_amount": int(text) if text.isdigit() else None, "unit_amount_decimal": text}
    if whole < 0:
        raise Refusal(400, "parameter_invalid_integer", "Invalid non-negative integer", param=name)
    if whole > MAXIMUM:
        raise Refusal(400, "amount_too_large", "Amount must be no more than $999,999,999.99", param=name)
    return {"unit_amount": whole, "unit_amount_decimal": str(whole)}


def _tier(given: dict[str, Any]) -> dict[str, Any]:
    up_to = given.get("up_to")
    tier: dict[str, Any] = {"up_to": None if up_to == "inf" else up_to}
    for name in ("flat_amount", "unit_amount"):
        whole = given.get(name)
        tier[name] = whole
        tier[f"{name}_decimal"] = given.get(f"{name}_decimal") or (None if whole is None else str(whole))
    return tier


def _recurring(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict):
        return None
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count") or 1,
        "meter": given.get("meter"),
        "usage_type": given.get("usage_type") or "licensed",
    }


def _free_lookup_key(ctx: Context, lookup_key: str, *, transfer: bool) -> None:
    """A lookup key belongs to one price; `transfer_lookup_key` moves it."""
    for holder in ctx.list("price", limit=1, lookup_key=lookup_key):
        if not transfer:
            raise Refusal(400, None, f"A price (`{holder.id}`) already uses that lookup key.", param="lookup_key")
        change(ctx, holder, "price.updated", lookup_key=None)
