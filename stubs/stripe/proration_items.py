"""What a change within a period is worth, waiting as an invoice item for the subscription's next invoice."""

from typing import Any

from childproof.stubkit import Context, Entity

from .amounts import decimal_text, unit_amount
from .bills import tax_rates_shown
from .clocks import now_of
from .fields import new, tell


def put_off(ctx: Context, subscription: Entity, line: dict[str, Any]) -> Entity:
    """An invoice item out of a line of `subscription_lines.py`. Tells `invoiceitem.created`."""
    price = line["price"]
    now = now_of(ctx, subscription["customer"])
    whole = price.get("unit_amount_decimal") is not None or price.get("unit_amount") is not None
    item = new(
        ctx,
        "invoiceitem",
        amount=line["amount"],
        currency=subscription["currency"],
        customer=subscription["customer"],
        date=now,
        description=line["description"],
        discountable=line["discountable"],
        discounts=list(line["discounts"]),
        invoice=None,
        metadata=dict(line["metadata"]),
        net_amount=line["amount"],
        parent={
            "subscription_details": {"subscription": subscription.id, "subscription_item": line["subscription_item"]},
            "type": "subscription_details",
        },
        period=dict(line["period"]),
        pricing={
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": decimal_text(unit_amount(price)) if whole else None,
        },
        proration=line["proration"],
        proration_details={"discount_amounts": []},
        quantity=line["quantity"],
        quantity_decimal=str(line["quantity"]),
        tax_rates=tax_rates_shown(ctx, line["tax_rates"]),
        test_clock=subscription["test_clock"],
        _proration_details=line["proration_details"],
    )
    tell(ctx, "invoiceitem.created", item)
    return item
