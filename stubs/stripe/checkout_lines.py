"""What a Checkout session or a payment link sells: its lines, and what they come to with discounts, taxes and delivery."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata

from .amounts import Bill, Cut, Row, bill, price_amount
from .bills import rates
from .discounts import cut
from .fields import public
from .inline import price_from_data
from .tax_rates import checked

Line = dict[str, Any]


def make(
    ctx: Context, given: Iterable[dict[str, Any]], param: str = "line_items", *, sold: Iterable[Line] = ()
) -> list[Line]:
    """The stored lines of a request. Raises Stripe's refusals for prices that are unknown, archived or mixed.

    The prices of lines that were `sold` before may be archived: `price_data` has made them so.
    """
    kept = {line["price"] for line in sold}
    lines: list[Line] = []
    currency = None
    for place, entry in enumerate(given):
        inside = f"{param}[{place}]"
        price = _price(ctx, entry, inside, kept)
        if entry.get("quantity") is None and not _metered(price):
            message = f"Quantity is required. Add `quantity` to `{inside}`."
            raise Refusal(400, "parameter_missing", message, param=f"{inside}[quantity]")
        if currency is not None and price["currency"] != currency:
            message = f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: `{currency}`."
            raise Refusal(400, None, message, param=f"{inside}[price]")
        currency = price["currency"]
        adjustable = entry.get("adjustable_quantity")
        lines.append(
            {
                "id": f"li_1{ctx.token(23)}",
                "adjustable_quantity": {"enabled": False, "maximum": None, "minimum": None} | adjustable if adjustable else None,
                "metadata": merged_metadata({}, entry.get("metadata")),
                "price": price.id,
                "quantity": entry.get("quantity"),
                "tax_rates": checked(ctx, entry.get("tax_rates") or [], f"{inside}[tax_rates]"),
            }
        )  # fmt: skip
    return lines


def prices(ctx: Context, lines: Iterable[Line]) -> list[Entity]:
    """The prices of lines, in order."""
    return [ctx.get("price", line["price"]) for line in lines]


def totals(
    ctx: Context, lines: Sequence[Line], cuts: Sequence[Cut], *, shipping: int = 0, trial: bool = False
) -> tuple[list[dict[str, Any]], Bill]:
    """The lines as Stripe shows them (`item`), and their sum. In a trial nothing that recurs is due."""
    found = prices(ctx, lines)
    rows = [
        Row(
            0 if price["recurring"] and (trial or _metered(price)) else price_amount(price, line["quantity"] or 1),
            price["product"],
            rates=rates(ctx, line["tax_rates"]),
        )
        for price, line in zip(found, lines, strict=True)
    ]
    summed = bill(rows, cuts, shipping=shipping)
    items = []
    for line, price, row, share in zip(lines, found, rows, summed.rows, strict=True):
        off = sum(amount for _, amount in (*share.own, *share.whole))
        tax = sum(tax.amount for tax in share.taxes)
        outside = sum(tax.amount for tax in share.taxes if not tax.rate.inclusive)
        product = ctx.find("product", price["product"])
        items.append(
            {
                "id": line["id"],
                "object": "item",
                "adjustable_quantity": line["adjustable_quantity"],
                "amount_discount": off,
                "amount_subtotal": row.amount,
                "amount_tax": tax,
                "amount_total": row.amount - off + outside,
                "currency": price["currency"],
                "description": product["name"] if product is not None else None,
                "metadata": line["metadata"],
                "price": public(price),
                "quantity": line["quantity"],
            }
        )
    return items, summed


def cuts(ctx: Context, entries: Iterable[dict[str, Any]], currency: str, param: str = "discounts") -> list[Cut]:
    """The terms of the coupons and codes that a session has; nobody has redeemed them yet."""
    made = []
    for place, entry in enumerate(entries):
        coupon = _coupon(ctx, entry, f"{param}[{place}]")
        made.append(cut(coupon, coupon.id, currency))
    return [one for one in made if one is not None]


def _coupon(ctx: Context, entry: dict[str, Any], inside: str) -> Entity:
    param, name = f"{inside}[coupon]", entry.get("coupon")
    if entry.get("promotion_code"):
        param = f"{inside}[promotion_code]"
        code = ctx.get("promotion_code", entry["promotion_code"], param=param)
        if not code["active"] or (code["expires_at"] is not None and code["expires_at"] <= ctx.now()):
            raise Refusal(400, "promotion_code_inactive", "This promotion code is expired or inactive.", param=param)
        name = code["promotion"]["coupon"]
    coupon = ctx.get("coupon", name, param=param) if name else None
    if coupon is None:
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    if not coupon["valid"]:
        raise Refusal(400, "coupon_expired", f"Coupon expired: {coupon.id}", param=param)
    return coupon


def _price(ctx: Context, entry: dict[str, Any], inside: str, kept: Collection[str]) -> Entity:
    data = entry.get("price_data")
    if isinstance(data, dict) and entry.get("price"):
        message = f"You may only specify one of these parameters: {inside}[price], {inside}[price_data]."
        raise Refusal(400, "parameters_exclusive", message)
    if isinstance(data, dict):
        return price_from_data(ctx, data, f"{inside}[price_data]")
    if not entry.get("price"):
        message = f"You must specify either `price` or `price_data` in `{inside}`."
        raise Refusal(400, "parameter_missing", message, param=f"{inside}[price]")
    price = ctx.get("price", entry["price"], param=f"{inside}[price]")
    if not price["active"] and price.id not in kept:
        message = f"The price specified is inactive. This field only accepts active prices. ({price.id})"
        raise Refusal(400, None, message, param=f"{inside}[price]")
    return price


def _metered(price: Entity) -> bool:
    return (price["recurring"] or {}).get("usage_type") == "metered"
