"""What a quote comes to: now, and each time its subscription renews."""

from collections.abc import Sequence
from typing import Any

from childproof.stubkit import Context, Entity

from . import bills
from .amounts import Bill, Row, bill, price_amount
from .discounts import coupon_of, cuts
from .fields import public

Item = dict[str, Any]


def computed(ctx: Context, quote: Entity) -> dict[str, Any]:
    """The fields of a quote that follow from its lines: amounts, currency, totals, `computed`."""
    prices = _prices(ctx, quote)
    currency = prices[0]["currency"] if prices else None
    upfront = _bill(ctx, quote, prices, now=True)
    again = [price if price["recurring"] is not None else None for price in prices]
    recurring = None
    repeats = next((price["recurring"] for price in again if price is not None), None)
    if repeats is not None:
        found = _bill(ctx, quote, again, now=False, lasting=True)
        recurring = {
            "amount_subtotal": found.subtotal,
            "amount_total": found.total,
            "interval": repeats["interval"],
            "interval_count": repeats["interval_count"],
            "total_details": _details(found),
        }
    return {
        "amount_subtotal": upfront.subtotal,
        "amount_total": upfront.total,
        "computed": {
            "recurring": recurring,
            "upfront": {
                "amount_subtotal": upfront.subtotal,
                "amount_total": upfront.total,
                "total_details": _details(upfront),
            },
        },
        "currency": currency,
        "total_details": _details(upfront),
    }


def items_of(ctx: Context, quote: Entity, *, upfront: bool = False) -> list[Item]:
    """The lines of a quote as Stripe shows them; `upfront` those that are due at once."""
    prices = _prices(ctx, quote)
    found = _bill(ctx, quote, prices, now=upfront)
    items = []
    for line, price, row, share in zip(
        quote["_lines"], prices, _rows(ctx, quote, prices, now=upfront), found.rows, strict=True
    ):
        off = sum(amount for _, amount in (*share.own, *share.whole))
        on_top = sum(tax.amount for tax in share.taxes if not tax.rate.inclusive)
        product = ctx.find("product", price["product"])
        items.append(
            {
                "id": line["id"],
                "object": "item",
                "amount_discount": off,
                "amount_subtotal": row.amount,
                "amount_tax": sum(tax.amount for tax in share.taxes),
                "amount_total": row.amount - off + on_top,
                "currency": price["currency"],
                "description": product["name"] if product is not None else None,
                "price": public(price),
                "quantity": line["quantity"],
            }
        )
    return items


def _prices(ctx: Context, quote: Entity) -> list[Entity]:
    found = (ctx.find("price", line["price"], deleted=True) for line in quote["_lines"])
    return [price for price in found if price is not None]


def _rows(ctx: Context, quote: Entity, prices: Sequence[Entity | None], *, now: bool) -> list[Row]:
    """The rows of a bill; a price that is None isn't part of it. What is due `now` has nothing that recurs in a trial."""
    trial = now and bool(quote["subscription_data"]["trial_period_days"])
    shared = bills.rates(ctx, quote["default_tax_rates"])
    rows = []
    for line, price in zip(quote["_lines"], prices, strict=True):
        amount, product = 0, None
        if price is not None:
            product = price["product"]
            later = price["recurring"] is not None and (trial or price["recurring"]["usage_type"] == "metered")
            amount = 0 if later else price_amount(price, line["quantity"] or 1)
        own = bills.rates(ctx, line["tax_rates"])
        rows.append(Row(amount, product, rates=own or shared))
    return rows


def _bill(ctx: Context, quote: Entity, prices: Sequence[Entity | None], *, now: bool, lasting: bool = False) -> Bill:
    currency = next((price["currency"] for price in prices if price is not None), "usd")
    discounts = [one for one in quote["discounts"] if not lasting or _for_ever(ctx, one)]
    return bill(_rows(ctx, quote, prices, now=now), cuts(ctx, discounts, currency))


def _for_ever(ctx: Context, discount: str) -> bool:
    """Whether a discount is there at every renewal: what is charged on a recurring basis has no other."""
    found = ctx.find("discount", discount)
    return found is not None and coupon_of(ctx, found)["duration"] == "forever"


def _details(found: Bill) -> dict[str, Any]:
    return {
        "amount_discount": sum(amount for _, amount in found.discounts),
        "amount_shipping": 0,
        "amount_tax": sum(tax.amount for tax in found.taxes),
    }
