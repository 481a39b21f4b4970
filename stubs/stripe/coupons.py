"""Coupons: how much off, for how long, how often. Its terms never change; deleting one leaves the discounts that it made."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, expands, job, merged_metadata, operation

from .fields import change, new, page, since, tell
from .money import checked_currency

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


@operation("POST /v1/coupons")
def create(ctx: Context) -> Entity:
    """A coupon, under an id of the caller's choice if one is given."""
    body = ctx.body
    chosen = body.get("id")
    if chosen and ctx.find("coupon", chosen) is not None:
        raise Refusal(400, "resource_already_exists", "Coupon already exists.", param="id")
    now = ctx.now()
    duration = body.get("duration") or "once"
    months = body.get("duration_in_months")
    if (duration == "repeating") != (months is not None):
        message = (
            "You must pass duration_in_months when passing duration=repeating."
            if duration == "repeating"
            else "You can only pass duration_in_months when passing duration=repeating."
        )
        raise Refusal(400, None, message, param="duration_in_months")
    redeem_by = body.get("redeem_by")
    if redeem_by is not None and redeem_by <= now:
        raise Refusal(400, None, "Redeem by must be a timestamp in the future.", param="redeem_by")
    products = (body.get("applies_to") or {}).get("products") or []
    for place, product in enumerate(products):
        ctx.get("product", product, param=f"applies_to[products][{place}]")
    coupon = new(
        ctx,
        "coupon",
        chosen or ctx.token(8, _ALPHABET),
        duration=duration,
        duration_in_months=months,
        max_redemptions=body.get("max_redemptions"),
        metadata=merged_metadata({}, body.get("metadata")),
        name=body.get("name") or None,
        redeem_by=redeem_by,
        valid=True,
        **_off(body),
        _currencies=_currencies(body),
        _products=products,
    )
    if redeem_by is not None:
        ctx.schedule((redeem_by - now) * 1000, "coupon_expires", {"coupon": coupon.id})
    tell(ctx, "coupon.created", coupon)
    return coupon


@operation("GET /v1/coupons/{coupon}")
def retrieve(ctx: Context, coupon: str) -> Entity:
    """A coupon that wasn't deleted."""
    return ctx.get("coupon", coupon)


@operation("POST /v1/coupons/{coupon}")
def update(ctx: Context, coupon: str) -> Entity:
    """Change a coupon's name, metadata or amounts in further currencies."""
    found = ctx.get("coupon", coupon)
    fields: dict[str, Any] = {}
    if "name" in ctx.body:
        fields["name"] = ctx.body["name"] or None
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    if ctx.body.get("currency_options"):
        fields["_currencies"] = (found.get("_currencies") or {}) | _currencies(ctx.body)
    return change(ctx, found, "coupon.updated", **fields)


@operation("DELETE /v1/coupons/{coupon}")
def delete(ctx: Context, coupon: str) -> dict[str, Any]:
    """No more discounts from it; those that are there stay."""
    found = ctx.get("coupon", coupon)
    tell(ctx, "coupon.deleted", ctx.update(found, valid=False))
    ctx.delete(found)
    return {"id": found.id, "object": "coupon", "deleted": True}


@operation("GET /v1/coupons")
def list_coupons(ctx: Context) -> dict[str, Any]:
    """Coupons, newest first."""
    return page(ctx, since(ctx, ctx.list("coupon")))


@expands("coupon", "applies_to")
def applies_to(ctx: Context, coupon: Entity) -> dict[str, Any] | None:
    """Which products a coupon is for, where that is asked for; null for all."""
    del ctx
    products = coupon.get("_products")
    return {"products": products} if products else None


@expands("coupon", "currency_options")
def currency_options(ctx: Context, coupon: Entity) -> dict[str, Any]:
    """The amounts off in all its currencies, where they are asked for."""
    del ctx
    own = {coupon["currency"]: {"amount_off": coupon["amount_off"]}} if coupon["currency"] else {}
    return own | (coupon.get("_currencies") or {})


@job("coupon_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """The last day to redeem a coupon is over."""
    found = ctx.find("coupon", payload["coupon"])
    if found is not None:
        ctx.update(found, valid=False)


def _off(body: dict[str, Any]) -> dict[str, Any]:
    percent, amount = body.get("percent_off"), body.get("amount_off")
    if (percent is None) == (amount is None):
        message = (
            "Must provide percent_off or amount_off."
            if percent is None
            else "You may only specify one of these parameters: percent_off, amount_off."
        )
        raise Refusal(400, "parameter_missing" if percent is None else "parameters_exclusive", message)
    if percent is not None:
        if not 0 < percent <= 100:
            message = "Invalid decimal: must be greater than 0 and less than or equal to 100" if percent > 0 else (
                "Percent off must be greater than 0"
            )  # fmt: skip
            raise Refusal(400, None, message, param="percent_off")
        return {"amount_off": None, "currency": None, "percent_off": percent}
    if body.get("currency") is None:
        raise Refusal(400, "parameter_missing", "You must pass currency when passing amount_off.", param="currency")
    if amount is None or amount < 1:
        raise Refusal(400, "parameter_invalid_integer", "Invalid positive integer", param="amount_off")
    return {"amount_off": amount, "currency": checked_currency(body["currency"]), "percent_off": None}


def _currencies(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("currency_options") or {}
    return {checked_currency(code): {"amount_off": option["amount_off"]} for code, option in given.items()}
