"""The lines of an invoice: what is stored of each, and the line items that clients see.

An invoice keeps its lines in `_lines`: what was asked for, with ids of prices, discounts and tax rates. What clients see
in `lines` is worked out of it, with the amounts of discounts and taxes, whenever anything changes (`invoicing.add_up`).
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity

from . import bills
from .amounts import Share, decimal_text, price_amount
from .inline import made_up_price

SHOWN = 10  # lines within an invoice; the rest is in its list of lines

Line = dict[str, Any]


def line(ctx: Context, given: Mapping[str, Any], *, currency: str, now: int) -> Line:
    """A line to be stored, from an amount or from a price and a quantity.

    `given`: `amount`, `currency`, `description`, `period` (`start`, `end`), `price` (an id or a Price), `quantity`,
    `proration`, `proration_details`, `subscription`, `subscription_item`, `invoice_item`, `metadata`, `discountable`,
    `discounts` and `tax_rates` (ids). What is left out has Stripe's default; the amount then follows from the price.
    """
    price = given.get("price")
    if isinstance(price, str):
        price = ctx.find("price", price, deleted=True)
    quantity = Decimal(str(given.get("quantity_decimal") or given.get("quantity") or 1))
    if given.get("quantity") == 0:
        quantity = Decimal(0)
    amount = given.get("amount")
    if amount is None:
        amount = price_amount(price, quantity) if price is not None else 0
    if price is None:
        name = given.get("description") or "Invoice item"
        price = made_up_price(ctx, currency, round(Decimal(amount) / (quantity or 1), 12), name)
    product = price["product"] if isinstance(price["product"], str) else price["product"]["id"]
    description = given.get("description")
    if description is None:
        found = ctx.find("product", product)
        description = found["name"] if found is not None else None
    unit = given.get("unit_amount_decimal") or price.get("unit_amount_decimal")
    return {
        "id": given.get("id") or f"il_1{ctx.token(23)}",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discountable": given.get("discountable", not given.get("proration", False)),
        "discounts": list(given.get("discounts") or ()),
        "invoice_item": given.get("invoice_item"),
        "metadata": dict(given.get("metadata") or {}),
        "period": dict(given.get("period") or {"end": now, "start": now}),
        "price": price["id"],
        "product": product,
        "proration": bool(given.get("proration")),
        "proration_details": given.get("proration_details"),
        "quantity": int(quantity),
        "quantity_decimal": decimal_text(quantity),
        "subscription": given.get("subscription"),
        "subscription_item": given.get("subscription_item"),
        "tax_rates": list(given.get("tax_rates") or ()),
        "unit_amount_decimal": str(unit) if unit is not None else None,
    }


def of_item(item: Entity) -> dict[str, Any]:
    """What `line` takes, of an invoice item that is pulled in."""
    parent = (item["parent"] or {}).get("subscription_details") or {}
    pricing = item["pricing"] or {}
    return {
        "amount": item["amount"],
        "description": item["description"],
        "discountable": item["discountable"],
        "discounts": item["discounts"],
        "id": item.get("_line"),
        "invoice_item": item.id,
        "metadata": item["metadata"],
        "period": item["period"],
        "price": pricing["price_details"]["price"],
        "proration": item["proration"],
        "proration_details": item.get("_proration_details"),
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": parent.get("subscription"),
        "subscription_item": parent.get("subscription_item"),
        "tax_rates": [rate["id"] for rate in item["tax_rates"] or ()],
        "unit_amount_decimal": pricing.get("unit_amount_decimal"),
    }


def shown(stored: Line, share: Share, invoice: str | None, *, livemode: bool) -> dict[str, Any]:
    """A line item as clients see it."""
    off = (*share.own, *share.whole)
    return {
        "amount": stored["amount"],
        "currency": stored["currency"],
        "description": stored["description"],
        "discount_amounts": bills.discount_amounts(off),
        "discountable": stored["discountable"],
        "discounts": stored["discounts"],
        "id": stored["id"],
        "invoice": invoice,
        "livemode": livemode,
        "metadata": stored["metadata"],
        "object": "line_item",
        "parent": _parent(stored),
        "period": stored["period"],
        "pretax_credit_amounts": bills.credits_before_tax(off),
        "pricing": {
            "price_details": {"price": stored["price"], "product": stored["product"]},
            "type": "price_details",
            "unit_amount_decimal": stored["unit_amount_decimal"],
        },
        "quantity": stored["quantity"],
        "quantity_decimal": stored["quantity_decimal"],
        "subscription": stored["subscription"],
        "subtotal": stored["amount"],
        "taxes": bills.taxes(share.taxes),
    }


def listed(items: list[dict[str, Any]], invoice: str) -> dict[str, Any]:
    """The list within an invoice."""
    return {
        "data": items[:SHOWN],
        "has_more": len(items) > SHOWN,
        "object": "list",
        "url": f"/v1/invoices/{invoice}/lines",
    }


def _parent(stored: Line) -> dict[str, Any]:
    details = {
        "proration": stored["proration"],
        "proration_details": stored["proration_details"] or {"credited_items": None},
        "subscription": stored["subscription"],
    }
    if stored["subscription_item"] is not None:
        item = {"invoice_item": stored["invoice_item"], "subscription_item": stored["subscription_item"]}
        return {
            "invoice_item_details": None,
            "subscription_item_details": details | item,
            "type": "subscription_item_details",
        }
    return {
        "invoice_item_details": details | {"invoice_item": stored["invoice_item"] or ""},
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
