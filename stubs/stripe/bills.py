"""From what is stored to what `amounts.py` adds up: lines with their discounts and tax rates, for a customer."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from childproof.stubkit import Context

from .amounts import Bill, Rate, Row, Tax, bill
from .discounts import cuts
from .fields import public

EXEMPT = {"exempt": "customer_exempt", "reverse": "reverse_charge"}


def rates(ctx: Context, ids: Iterable[str], tax_exempt: str | None = None) -> tuple[Rate, ...]:
    """Tax rates by their ids, as they apply to a customer of a tax status."""
    found = [ctx.get("tax_rate", one) for one in ids]
    reason = EXEMPT.get(tax_exempt or "none", "standard_rated")
    return tuple(Rate(one.id, Decimal(str(one["percentage"])), bool(one["inclusive"]), reason) for one in found)


def add_up(
    ctx: Context,
    lines: Iterable[Mapping[str, Any]],
    *,
    currency: str,
    discounts: Iterable[str] = (),
    default_tax_rates: Iterable[str] = (),
    tax_exempt: str | None = None,
    shipping: int = 0,
) -> Bill:
    """The totals of lines: `amount`, `discountable`, `discounts` and `tax_rates` (ids), `product`.

    Lines with no tax rates of their own (None or empty) bear the default ones.
    """
    shared = rates(ctx, default_tax_rates, tax_exempt)
    rows = []
    for line in lines:
        own = line.get("tax_rates")
        rows.append(
            Row(
                line["amount"],
                line.get("product"),
                line.get("discountable", True) and not line.get("proration"),
                tuple(cuts(ctx, line.get("discounts") or (), currency)),
                rates(ctx, own, tax_exempt) if own else shared,
            )
        )
    return bill(rows, cuts(ctx, discounts, currency), shipping=shipping)


def discount_amounts(pairs: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Discounts as Stripe lists them, those of nothing included."""
    return [{"amount": amount, "discount": name} for name, amount in pairs]


def taxes(found: Iterable[Tax]) -> list[dict[str, Any]]:
    """Taxes as Stripe lists them since 2025."""
    return [
        {
            "amount": tax.amount,
            "tax_behavior": "inclusive" if tax.rate.inclusive else "exclusive",
            "tax_rate_details": {"tax_rate": tax.rate.id},
            "taxability_reason": tax.rate.reason if tax.rate.percentage or tax.amount else "zero_rated",
            "taxable_amount": tax.taxable,
            "type": "tax_rate_details",
        }
        for tax in found
    ]


def credits_before_tax(pairs: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Discounts as what is credited before tax."""
    return [{"amount": amount, "discount": name, "type": "discount"} for name, amount in pairs]


def tax_rates_shown(ctx: Context, ids: Iterable[str] | None) -> list[dict[str, Any]]:
    """Tax rates as whole objects, where Stripe shows them whole."""
    return [public(ctx.get("tax_rate", one)) for one in ids or ()]
