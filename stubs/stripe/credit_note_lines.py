"""What is credited: the lines of a credit note, with their share of discounts and taxes, and their totals."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from . import bills
from .amounts import Rate, Tax, decimal_text, rounded, taxed
from .tax_rates import checked


@dataclass(frozen=True, slots=True)
class Credited:
    """The lines as clients see them, and what they add up to."""

    lines: list[dict[str, Any]]
    subtotal: int
    subtotal_excluding_tax: int
    discounts: list[dict[str, Any]]
    taxes: list[dict[str, Any]]
    shipping: int
    total_excluding_tax: int
    total: int


def credited(ctx: Context, invoice: Entity, body: dict[str, Any]) -> Credited:
    """What a request credits of an invoice: `lines` and shipping, or a plain `amount`."""
    asked = body.get("lines") or []
    shipping = (invoice["shipping_cost"] or {}).get("amount_total", 0) if body.get("shipping_cost") else 0
    if asked and body.get("amount") is not None and body["amount"] != 0:
        message = "You may only specify one of these parameters: amount, lines."
        raise Refusal(400, "parameters_exclusive", message)
    if not asked and not shipping:
        amount = _plain_amount(body)
        asked = [{"type": "custom_line_item", "unit_amount": amount, "quantity": 1, "description": None}]
    made = [_line(ctx, invoice, given, place) for place, given in enumerate(asked)]
    subtotal = sum(line["amount"] for line, _ in made)
    discounts = _summed(one for line, _ in made for one in line["discount_amounts"])
    off = sum(one["amount"] for one in discounts)
    taxes = _summed_taxes(tax for _, found in made for tax in found)
    inside = sum(tax.amount for tax in taxes if tax.rate.inclusive)
    on_top = sum(tax.amount for tax in taxes if not tax.rate.inclusive)
    return Credited(
        lines=[line for line, _ in made],
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inside,
        discounts=discounts,
        taxes=bills.taxes(taxes),
        shipping=shipping,
        total_excluding_tax=subtotal - off - inside + shipping,
        total=subtotal - off + on_top + shipping,
    )


def _plain_amount(body: dict[str, Any]) -> int:
    """The amount that a request names, or the sum of what it says of where the money goes."""
    if body.get("amount") is not None:
        return int(body["amount"])
    found = sum(body.get(name) or 0 for name in ("credit_amount", "refund_amount", "out_of_band_amount"))
    found += sum(one.get("amount_refunded") or 0 for one in body.get("refunds") or ())
    if not found:
        message = "You must pass one of `amount`, `lines` or `shipping_cost`."
        raise Refusal(400, "parameter_missing", message, param="amount")
    return int(found)


def _line(ctx: Context, invoice: Entity, given: dict[str, Any], place: int) -> tuple[dict[str, Any], tuple[Tax, ...]]:
    inside = f"lines[{place}]"
    own = checked(ctx, given.get("tax_rates") or (), f"{inside}[tax_rates]")
    if given["type"] == "custom_line_item":
        return _custom(ctx, invoice, given, own, inside)
    name = given.get("invoice_line_item")
    if not name:
        param = f"{inside}[invoice_line_item]"
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    places = [at for at, entry in enumerate(invoice["_lines"]) if entry["id"] == name]
    if not places:
        raise ctx.not_found("line_item", name, f"{inside}[invoice_line_item]")
    entry, item = invoice["_lines"][places[0]], invoice["_items"][places[0]]
    quantity = given.get("quantity")
    if given.get("amount") is not None:
        amount, quantity = given["amount"], None
    else:
        quantity = quantity if quantity is not None else entry["quantity"]
        unit = Decimal(entry["amount"]) / (entry["quantity"] or 1)
        amount = rounded(unit * quantity)
    if amount > entry["amount"]:
        message = "The credited amount of a line item cannot be greater than the amount of the line item."
        raise Refusal(400, None, message, param=inside)
    share = Decimal(amount) / entry["amount"] if entry["amount"] else Decimal(0)
    off = [one | {"amount": rounded(share * one["amount"])} for one in item["discount_amounts"]]
    names = own or entry["tax_rates"] or [rate["id"] for rate in invoice["default_tax_rates"]]
    taxes = taxed(amount - sum(one["amount"] for one in off), _rates(ctx, invoice, names))
    line = _shown(ctx, invoice, given, amount, taxes, names, entry["description"]) | {
        "discount_amount": sum(one["amount"] for one in off),
        "discount_amounts": off,
        "invoice_line_item": name,
        "pretax_credit_amounts": [one | {"type": "discount"} for one in off],
        "quantity": quantity,
        "unit_amount": None,
        "unit_amount_decimal": None,
    }
    return line, taxes


def _custom(
    ctx: Context, invoice: Entity, given: dict[str, Any], own: list[str], inside: str
) -> tuple[dict[str, Any], tuple[Tax, ...]]:
    unit = given.get("unit_amount_decimal")
    if unit is None and given.get("unit_amount") is None:
        param = f"{inside}[unit_amount]"
        raise Refusal(400, "parameter_missing", f"Missing required param: {param}.", param=param)
    each = Decimal(str(unit)) if unit is not None else Decimal(given["unit_amount"])
    quantity = given.get("quantity") or 1
    amount = rounded(each * quantity)
    taxes = taxed(amount, _rates(ctx, invoice, own))
    line = _shown(ctx, invoice, given, amount, taxes, own, None) | {
        "discount_amount": 0,
        "discount_amounts": [],
        "pretax_credit_amounts": [],
        "quantity": quantity,
        "unit_amount": int(each) if each == each.to_integral_value() else None,
        "unit_amount_decimal": decimal_text(each),
    }
    return line, taxes


def _shown(  # noqa: PLR0917 - what all kinds of lines have
    ctx: Context, invoice: Entity, given: dict[str, Any], amount: int, taxes: tuple[Tax, ...], names: list[str],
    description: str | None,
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": f"cnli_1{ctx.token(23)}",
        "object": "credit_note_line_item",
        "amount": amount,
        "description": given.get("description") or description,
        "livemode": invoice["livemode"],
        "metadata": dict(given.get("metadata") or {}),
        "tax_rates": bills.tax_rates_shown(ctx, names),
        "taxes": bills.taxes(taxes),
        "type": given["type"],
    }


def _rates(ctx: Context, invoice: Entity, names: Iterable[str]) -> tuple[Rate, ...]:
    return bills.rates(ctx, names, invoice["customer_tax_exempt"])


def _summed(amounts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for one in amounts:
        sums[one["discount"]] = sums.get(one["discount"], 0) + one["amount"]
    return [{"amount": amount, "discount": name} for name, amount in sums.items()]


def _summed_taxes(taxes: Iterable[Tax]) -> list[Tax]:
    sums: dict[Rate, tuple[int, int]] = {}
    for tax in taxes:
        amount, taxable = sums.get(tax.rate, (0, 0))
        sums[tax.rate] = (amount + tax.amount, taxable + tax.taxable)
    return [Tax(rate, amount, taxable) for rate, (amount, taxable) in sums.items()]
