"""Promotion codes: what customers type to get a coupon's discount. A code is unique among the active ones."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, merged_metadata, operation

from .fields import change, new, page, since, tell
from .money import checked_currency

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@operation("POST /v1/promotion_codes")
def create(ctx: Context) -> Entity:
    """A code for a coupon; a random one where none is given."""
    body = ctx.body
    name = body["promotion"].get("coupon")
    if not name:
        message = "Missing required param: promotion[coupon]."
        raise Refusal(400, "parameter_missing", message, param="promotion[coupon]")
    coupon = ctx.get("coupon", name, param="promotion[coupon]")
    if not coupon["valid"]:
        raise Refusal(400, "coupon_expired", f"Coupon expired: {coupon.id}", param="promotion[coupon]")
    customer = body.get("customer")
    if customer:
        ctx.get("customer", customer, param="customer")
    code = body.get("code") or ctx.token(8, _LETTERS)
    if body.get("active", True):
        _check_free(ctx, code, customer)
    most, least = body.get("max_redemptions"), coupon["max_redemptions"]
    if most is not None and least is not None and most > least:
        message = "The max_redemptions of a promotion code must not be greater than that of its coupon."
        raise Refusal(400, None, message, param="max_redemptions")
    expires_at = body.get("expires_at")
    if expires_at is not None and expires_at <= ctx.now():
        raise Refusal(400, None, "Expires at must be a timestamp in the future.", param="expires_at")
    if expires_at is not None and coupon["redeem_by"] is not None and expires_at > coupon["redeem_by"]:
        message = "The expires_at of a promotion code must not be later than the redeem_by of its coupon."
        raise Refusal(400, None, message, param="expires_at")
    made = new(
        ctx,
        "promotion_code",
        active=body.get("active", True),
        code=code,
        customer=customer or None,
        expires_at=expires_at,
        max_redemptions=most,
        metadata=merged_metadata({}, body.get("metadata")),
        promotion={"coupon": coupon.id, "type": "coupon"},
        restrictions=_restrictions(body.get("restrictions") or {}),
    )
    if expires_at is not None:
        ctx.schedule((expires_at - ctx.now()) * 1000, "promotion_code_expires", {"code": made.id})
    tell(ctx, "promotion_code.created", made)
    return made


@operation("POST /v1/promotion_codes/{promotion_code}")
def update(ctx: Context, promotion_code: str) -> Entity:
    """Switch a code on or off, or change what it says."""
    found = ctx.get("promotion_code", promotion_code)
    fields: dict[str, Any] = {}
    if "active" in ctx.body:
        if ctx.body["active"] and not found["active"]:
            _check_live(ctx, found)
            _check_free(ctx, found["code"], found["customer"])
        fields["active"] = ctx.body["active"]
    if "metadata" in ctx.body:
        fields["metadata"] = merged_metadata(found["metadata"], ctx.body["metadata"])
    options = (ctx.body.get("restrictions") or {}).get("currency_options")
    if options:
        held = found["restrictions"].get("currency_options") or {}
        fields["restrictions"] = found["restrictions"] | {"currency_options": held | options}
    return change(ctx, found, "promotion_code.updated", **fields)


@operation("GET /v1/promotion_codes")
def list_codes(ctx: Context) -> dict[str, Any]:
    """Promotion codes, newest first. `code` finds one whatever its case."""
    query = ctx.query
    where = {name: query[name] for name in ("active", "customer") if query.get(name) is not None}
    if query.get("coupon"):
        where["promotion.coupon"] = query["coupon"]
    found = since(ctx, ctx.list("promotion_code", **where))
    if query.get("code"):
        found = [one for one in found if one["code"].lower() == query["code"].lower()]
    return page(ctx, found)


@job("promotion_code_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """The last day of a code is over."""
    found = ctx.find("promotion_code", payload["code"])
    if found is not None:
        change(ctx, found, "promotion_code.updated", active=False)


def _check_free(ctx: Context, code: str, customer: str | None) -> None:
    for other in ctx.list("promotion_code", active=True):
        if other["code"].lower() == code.lower() and other["customer"] in {None, customer}:
            message = f"An active promotion code with `code: {code}` already exists."
            raise Refusal(400, "resource_already_exists", message, param="code")


def _check_live(ctx: Context, found: Entity) -> None:
    coupon = ctx.find("coupon", found["promotion"]["coupon"])
    used_up = found["max_redemptions"] is not None and found["times_redeemed"] >= found["max_redemptions"]
    expired = found["expires_at"] is not None and found["expires_at"] <= ctx.now()
    if coupon is None or not coupon["valid"] or used_up or expired:
        message = "This promotion code cannot be activated because it or its coupon is expired or was redeemed in full."
        raise Refusal(400, None, message, param="active")


def _restrictions(given: dict[str, Any]) -> dict[str, Any]:
    amount, currency = given.get("minimum_amount"), given.get("minimum_amount_currency")
    if (amount is None) != (currency is None):
        missing = "minimum_amount" if amount is None else "minimum_amount_currency"
        message = f"Missing required param: restrictions[{missing}]."
        raise Refusal(400, "parameter_missing", message, param=f"restrictions[{missing}]")
    made = {
        "first_time_transaction": bool(given.get("first_time_transaction")),
        "minimum_amount": amount,
        "minimum_amount_currency": checked_currency(currency) if currency else None,
    }
    options = given.get("currency_options")
    return made | ({"currency_options": options} if options else {})
