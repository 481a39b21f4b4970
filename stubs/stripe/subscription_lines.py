"""What a subscription puts on invoices: a line for each item's period, and what changes within a period are worth.

Lines are plain values that `invoicing.draft` takes. Amounts are integers in the currency's smallest unit.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity

from .amounts import price_amount, rounded
from .meters import usage
from .money import shown
from .periods import Interval

Item = dict[str, Any]
Line = dict[str, Any]
TIMES = " \u00d7 "  # as Stripe writes it between a quantity and what it is of


def line(subscription: Entity, item: Item, amount: int, **fields: Any) -> Line:
    """A line for an item. `fields` are its `period` and `description`, and what else is not usual."""
    price = item["price"]
    return {
        "amount": amount,
        "discountable": True,
        "discounts": list(item["discounts"]),
        "metadata": {**subscription["metadata"], **item["metadata"]},
        "price": price,
        "proration": False,
        "proration_details": None,
        "quantity": item.get("quantity", 0),
        "subscription": subscription.id,
        "subscription_item": item["id"],
        "tax_rates": [rate["id"] for rate in item["tax_rates"] or ()],
    } | fields


def in_advance(ctx: Context, subscription: Entity, item: Item) -> Line | None:
    """The line of an item for its current period; None for what is metered, which is billed when its period is over."""
    period = {"start": item["current_period_start"], "end": item["current_period_end"]}
    if metered(item):
        return None
    words = f"{item['quantity']}{TIMES}{product_name(ctx, item)} (at {rate(item['price'])})"
    return line(subscription, item, cost(ctx, item), period=period, description=words)


def in_trial(ctx: Context, subscription: Entity, item: Item) -> Line:
    """The line of an item that is tried for nothing."""
    period = {"start": item["current_period_start"], "end": item["current_period_end"]}
    words = f"Trial period for {product_name(ctx, item)}"
    return line(subscription, item, 0, period=period, description=words)


def in_arrears(ctx: Context, subscription: Entity, item: Item, start: int, end: int) -> Line | None:
    """The line of a metered item for a period that is over; None for what is billed in advance."""
    if not metered(item):
        return None
    meter = item["price"]["recurring"].get("meter")
    used = usage(ctx, meter, subscription["customer"], start, end) if meter else Decimal(0)
    whole = int(used)
    amount = price_amount(item["price"], used, tiers_of(ctx, item))
    words = f"{whole} {product_name(ctx, item)} (at {rate(item['price'])})"
    period = {"start": start, "end": end}
    return line(subscription, item, amount, quantity=whole, period=period, description=words)


def empty_meter(ctx: Context, subscription: Entity, item: Item) -> Line:
    """What the first invoice says of a metered item: nothing yet."""
    period = {"start": item["current_period_start"], "end": item["current_period_start"]}
    words = f"{product_name(ctx, item)} (at {rate(item['price'])})"
    return line(subscription, item, 0, quantity=0, period=period, description=words)


def prorated(ctx: Context, subscription: Entity, item: Item, moment: int, *, refund: bool) -> Line | None:
    """What the rest of an item's period is worth from a moment on: to be given back, or to be paid. By the second.

    None for what is metered, for nothing left of the period, and for what costs nothing.
    """
    end = item["current_period_end"]
    if metered(item) or not item["current_period_start"] <= moment < end:
        return None
    whole = Interval.of(item["price"]).before(
        subscription["billing_cycle_anchor"], end - 1
    )  # also of a shorter first one
    share = Decimal(end - moment) / Decimal(end - whole)
    amount = rounded(cost(ctx, item) * share)
    count = item["quantity"]
    name = product_name(ctx, item) if count == 1 else f"{count}{TIMES}{product_name(ctx, item)}"
    day = datetime.fromtimestamp(moment, UTC).strftime("%d %b %Y")
    words = f"{'Unused' if refund else 'Remaining'} time on {name} after {day}"
    return line(
        subscription,
        item,
        -amount if refund else amount,
        period={"start": moment, "end": end},
        description=words,
        discountable=False,
        proration=True,
        proration_details={"credited_items": None},
    )


def cost(ctx: Context, item: Item) -> int:
    """What an item costs for a whole period, before discounts and taxes. Metered ones cost nothing in advance."""
    return 0 if metered(item) else price_amount(item["price"], item["quantity"], tiers_of(ctx, item))


def tiers_of(ctx: Context, item: Item) -> list[dict[str, Any]] | None:
    """The tiers of an item's price, which are not shown with it."""
    price = ctx.find("price", item["price"]["id"])
    found: list[dict[str, Any]] | None = price.get("_tiers") if price is not None else None
    return found


def metered(item: Item) -> bool:
    """Whether an item is billed by usage."""
    return bool(item["price"]["recurring"]["usage_type"] == "metered")


def product_name(ctx: Context, item: Item) -> str:
    """The name of what an item is for."""
    product = ctx.find("product", item["price"]["product"], deleted=True)
    return str(product["name"]) if product is not None else str(item["price"]["product"])


def rate(price: dict[str, Any]) -> str:
    """A price as Stripe's lines write it: `$15.00 / month`, `$10.00 / every 3 months`; tiers have no single one."""
    recurring = price["recurring"]
    unit, count = recurring["interval"], recurring["interval_count"]
    every = unit if count == 1 else f"every {count} {unit}s"
    amount = "Tier 1" if price["billing_scheme"] == "tiered" else shown(price["unit_amount"] or 0, price["currency"])
    return f"{amount} / {every}"
