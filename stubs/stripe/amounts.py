"""What things cost: prices times quantities, discounts, taxes, totals. Pure: values in, values out, integers in minor units.

How Stripe rounds (docs.stripe.com/products-prices/pricing-models, /billing/subscriptions/coupons, /tax/calculating):
an amount is rounded half up to whole minor units per line; a discount of several lines is split among them in
proportion and adds up exactly; tax is worked out per line, of what is left after discounts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Cut:
    """The terms of one discount. Exactly one of `percent` and `amount`; `products` None means all of them."""

    id: str
    percent: Decimal | None = None
    amount: int | None = None
    products: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax rate. `reason` is Stripe's `taxability_reason`; another than `standard_rated` taxes nothing."""

    id: str
    percentage: Decimal
    inclusive: bool
    reason: str = "standard_rated"


@dataclass(frozen=True, slots=True)
class Row:
    """One line before discounts and taxes. `cuts` are its own discounts, taken before those of the whole."""

    amount: int
    product: str | None = None
    discountable: bool = True
    cuts: tuple[Cut, ...] = ()
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True, slots=True)
class Tax:
    """What one rate makes of one amount, or of all (`rate` is then shared)."""

    rate: Rate
    amount: int
    taxable: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a row loses to discounts and bears of taxes. `own` and `whole` are (discount's id, amount)."""

    own: tuple[tuple[str, int], ...]
    whole: tuple[tuple[str, int], ...]
    taxes: tuple[Tax, ...]


@dataclass(frozen=True, slots=True)
class Bill:
    """Totals as Stripe names them. `discounts` and `taxes` are summed over all rows."""

    rows: tuple[Share, ...]
    subtotal: int
    subtotal_excluding_tax: int
    discounts: tuple[tuple[str, int], ...]
    taxes: tuple[Tax, ...]
    total_excluding_tax: int
    total: int
    exclusive_tax: int = field(default=0)


def rounded(value: Decimal) -> int:
    """Whole minor units; halves away from zero."""
    return int(value.quantize(_ONE, ROUND_HALF_UP))


def decimal_text(value: Decimal) -> str:
    """A decimal as Stripe writes it: no exponent, no trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_amount(
    price: Mapping[str, Any], quantity: int | Decimal = 1, tiers: Sequence[Mapping[str, Any]] | None = None
) -> int:
    """What a quantity of a price costs. `price` is Stripe's object; `tiers` those of a tiered one (its `_tiers`).

    A price of the customer's choice (`custom_unit_amount`) costs its preset, else nothing.
    """
    units = Decimal(quantity)
    transform = price.get("transform_quantity")
    if transform:
        direction = ROUND_CEILING if transform["round"] == "up" else ROUND_FLOOR
        units = (units / transform["divide_by"]).quantize(_ONE, direction)
    if price.get("billing_scheme") == "tiered":
        steps = tiers if tiers is not None else price.get("_tiers") or price.get("tiers") or ()
        return rounded(tiered(steps, units, graduated=price.get("tiers_mode") == "graduated"))
    if price.get("custom_unit_amount"):
        return rounded((price["custom_unit_amount"].get("preset") or 0) * units)
    return rounded(unit_amount(price) * units)


def unit_amount(price: Mapping[str, Any]) -> Decimal:
    """The amount of one unit, to Stripe's twelve places; 0 for a price that has none."""
    given = price.get("unit_amount_decimal")
    return Decimal(str(given if given is not None else price.get("unit_amount") or 0))


def tiered(steps: Sequence[Mapping[str, Any]], units: Decimal, *, graduated: bool) -> Decimal:
    """The cost of units by tiers: each in its own tier (graduated), or all in the tier that their number falls into.

    A tier's flat amount is due once its first unit is; the first tier's even for none.
    """
    total, below = Decimal(0), Decimal(0)
    for place, step in enumerate(steps):
        bound = None if step.get("up_to") is None else Decimal(step["up_to"])
        if graduated:
            inside = (units if bound is None else min(units, bound)) - below
            total += _step_cost(step, inside) if inside > 0 or place == 0 else 0
        elif bound is None or units <= bound:
            return _step_cost(step, units)
        if bound is None or units <= bound:
            return total
        below = bound
    return total


def bill(
    rows: Sequence[Row], cuts: Sequence[Cut] = (), *, shipping: int = 0, most: Mapping[str, int] | None = None
) -> Bill:
    """Add rows up. `cuts` are the discounts of the whole, taken in their order, each of what the others left.

    `most` caps a discount's amount by its id (one that was used in part before). `shipping` is added after discounts.
    """
    left = [row.amount for row in rows]
    own: list[list[tuple[str, int]]] = [[] for _ in rows]
    for place, row in enumerate(rows):
        for cut in row.cuts if row.discountable else ():
            off = _off(cut, left[place])
            own[place].append((cut.id, off))
            left[place] -= off
    subtotals = list(left)
    whole: list[list[tuple[str, int]]] = [[] for _ in rows]
    for cut in cuts:
        chosen = [at for at, row in enumerate(rows) if _applies(cut, row) and left[at] > 0]
        base = sum(left[at] for at in chosen)
        off = _off(cut, base)
        if most is not None and cut.id in most:
            off = min(off, most[cut.id])
        for at, part in zip(chosen, split(off, [left[at] for at in chosen]), strict=True):
            whole[at].append((cut.id, part))
            left[at] -= part
    taxes = [taxed(amount, row.rates) for amount, row in zip(left, rows, strict=True)]
    inclusive_before = sum(
        tax.amount
        for amount, row in zip(subtotals, rows, strict=True)
        for tax in taxed(amount, row.rates)
        if tax.rate.inclusive
    )
    exclusive = sum(tax.amount for row in taxes for tax in row if not tax.rate.inclusive)
    inclusive = sum(tax.amount for row in taxes for tax in row if tax.rate.inclusive)
    subtotal = sum(subtotals)
    after = sum(left) + shipping
    return Bill(
        rows=tuple(Share(tuple(a), tuple(b), c) for a, b, c in zip(own, whole, taxes, strict=True)),
        subtotal=subtotal,
        subtotal_excluding_tax=subtotal - inclusive_before,
        discounts=tuple(_summed([pair for parts in (*own, *whole) for pair in parts], cuts)),
        taxes=tuple(_summed_taxes(taxes)),
        total_excluding_tax=after - inclusive,
        total=after + exclusive,
        exclusive_tax=exclusive,
    )


def taxed(amount: int, rates: Sequence[Rate]) -> tuple[Tax, ...]:
    """The taxes of an amount. Inclusive ones are within it, together; exclusive ones come on top of what is then left."""
    live = [rate for rate in rates if rate.reason == "standard_rated"]
    within = sum((rate.percentage for rate in live if rate.inclusive), Decimal(0))
    net = Decimal(amount) / (1 + within / 100)
    taxable = rounded(net)
    out = []
    for rate in rates:
        base = net if within else Decimal(amount)
        tax = rounded(base * rate.percentage / 100) if rate in live else 0
        out.append(Tax(rate, tax, taxable if rate in live else 0))
    return tuple(_exact_inclusive(amount, taxable, out))


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """An amount in whole parts in proportion to weights; the parts add up to it (largest remainders first)."""
    total = sum(weights)
    if not weights or total == 0:
        return [0] * len(weights)
    exact = [Decimal(amount) * weight / total for weight in weights]
    parts = [int(value.quantize(_ONE, ROUND_FLOOR)) for value in exact]
    by_rest = sorted(range(len(parts)), key=lambda at: (parts[at] - exact[at], at))
    for at in by_rest[: amount - sum(parts)]:
        parts[at] += 1
    return parts


def _step_cost(step: Mapping[str, Any], units: Decimal) -> Decimal:
    flat = step.get("flat_amount_decimal") or step.get("flat_amount") or 0
    unit = step.get("unit_amount_decimal") or step.get("unit_amount") or 0
    return Decimal(str(flat)) + Decimal(str(unit)) * units


def _applies(cut: Cut, row: Row) -> bool:
    return row.discountable and (cut.products is None or row.product in cut.products)


def _off(cut: Cut, amount: int) -> int:
    if amount <= 0:
        return 0
    off = rounded(amount * cut.percent / 100) if cut.percent is not None else cut.amount or 0
    return min(off, amount)


def _exact_inclusive(amount: int, taxable: int, taxes: list[Tax]) -> Iterable[Tax]:
    """Inclusive taxes and what is taxed add up to the amount; the last one bears the rounding."""
    inside = [at for at, tax in enumerate(taxes) if tax.rate.inclusive and tax.rate.reason == "standard_rated"]
    if inside:
        gap = amount - taxable - sum(taxes[at].amount for at in inside)
        last = taxes[inside[-1]]
        taxes[inside[-1]] = Tax(last.rate, last.amount + gap, last.taxable)
    return taxes


def _summed(pairs: Iterable[tuple[str, int]], cuts: Sequence[Cut]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {cut.id: 0 for cut in cuts}
    for name, amount in pairs:
        sums[name] = sums.get(name, 0) + amount
    return list(sums.items())


def _summed_taxes(rows: Iterable[Sequence[Tax]]) -> Iterable[Tax]:
    sums: dict[Rate, tuple[int, int]] = {}
    for taxes in rows:
        for tax in taxes:
            amount, taxable = sums.get(tax.rate, (0, 0))
            sums[tax.rate] = (amount + tax.amount, taxable + tax.taxable)
    return [Tax(rate, amount, taxable) for rate, (amount, taxable) in sums.items()]
