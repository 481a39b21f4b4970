"""The arithmetic of prices, discounts and taxes, without a stub around it."""

import importlib.util
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

SOURCE = Path(__file__).parents[3] / "stubs" / "stripe" / "amounts.py"
_spec = importlib.util.spec_from_file_location("stripe_amounts", SOURCE)
amounts = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = amounts
_spec.loader.exec_module(amounts)

Cut, Rate, Row = amounts.Cut, amounts.Rate, amounts.Row


def percent(value, name="di", products=None):
    return Cut(name, percent=Decimal(value), products=products)


def rate(value, name="txr", *, inclusive=False, reason="standard_rated"):
    return Rate(name, Decimal(value), inclusive, reason)


GRADUATED = {
    "billing_scheme": "tiered",
    "tiers_mode": "graduated",
    "tiers": [{"up_to": 5, "unit_amount": 700}, {"up_to": 10, "unit_amount": 650}, {"up_to": None, "unit_amount": 600}],
}


@pytest.mark.parametrize(
    ("price", "quantity", "cost"),
    [
        ({"unit_amount": 1500}, 3, 4500),
        ({"unit_amount_decimal": "0.05"}, 1001, 50),
        ({"unit_amount_decimal": "0.5"}, 1, 1),  # halves are rounded up
        ({"unit_amount_decimal": "-0.5"}, 1, -1),
        ({"unit_amount": 1000, "transform_quantity": {"divide_by": 10, "round": "up"}}, 11, 2000),
        ({"unit_amount": 1000, "transform_quantity": {"divide_by": 10, "round": "down"}}, 19, 1000),
        (GRADUATED, 6, 5 * 700 + 650),
        (GRADUATED, 25, 5 * 700 + 5 * 650 + 15 * 600),
        (GRADUATED | {"tiers_mode": "volume"}, 6, 6 * 650),
        (GRADUATED | {"tiers_mode": "volume"}, 10, 6500),
        (GRADUATED, 0, 0),
    ],
)
def test_a_price_times_a_quantity(price, quantity, cost):
    """As in the examples of docs.stripe.com/products-prices/pricing-models."""
    assert amounts.price_amount(price, quantity) == cost


def test_flat_amounts_are_due_once_a_tier_is_reached():
    tiers = [
        {"up_to": 5, "unit_amount": 500, "flat_amount": 1000},
        {"up_to": None, "unit_amount": 400, "flat_amount": 2000},
    ]
    graduated = {"billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers}
    assert amounts.price_amount(graduated, 6) == 1000 + 2500 + 2000 + 400
    assert amounts.price_amount(graduated | {"tiers_mode": "volume"}, 6) == 2000 + 2400
    assert amounts.price_amount(graduated, 0) == 1000


def test_exclusive_tax_comes_on_top_of_what_discounts_leave():
    made = amounts.bill([Row(1000, rates=(rate("19"),))], [percent("10")])
    assert (made.subtotal, made.discounts, made.total_excluding_tax, made.total) == (1000, (("di", 100),), 900, 1071)
    assert [(tax.amount, tax.taxable) for tax in made.taxes] == [(171, 900)]


def test_inclusive_tax_is_within_the_amount():
    made = amounts.bill([Row(1190, rates=(rate("19", inclusive=True),))])
    assert (made.subtotal, made.total, made.total_excluding_tax, made.subtotal_excluding_tax) == (
        1190,
        1190,
        1000,
        1000,
    )
    assert [(tax.amount, tax.taxable) for tax in made.taxes] == [(190, 1000)]


def test_who_is_exempt_pays_no_tax():
    made = amounts.bill([Row(1000, rates=(rate("19", reason="customer_exempt"),))])
    assert (made.total, made.taxes[0].amount) == (1000, 0)


def test_what_is_not_discountable_keeps_its_price():
    made = amounts.bill([Row(1000), Row(1000, discountable=False), Row(-300, discountable=False)], [percent("50")])
    assert (made.total, made.rows[1].whole, made.rows[2].whole) == (1200, (), ())


def test_a_fixed_discount_takes_no_more_than_there_is():
    made = amounts.bill([Row(300), Row(100)], [Cut("di", amount=1000)])
    assert (made.total, made.discounts) == (0, (("di", 400),))


def test_a_discount_of_an_item_is_within_the_subtotal():
    made = amounts.bill([Row(1000, cuts=(percent("10", "own"),))], [percent("50", "whole")])
    assert (made.subtotal, made.total, made.rows[0].own, made.rows[0].whole) == (
        900,
        450,
        (("own", 100),),
        (("whole", 450),),
    )


def test_a_discount_for_some_products_leaves_the_others_alone():
    cut = percent("50", products=frozenset({"tea"}))
    made = amounts.bill([Row(1000, product="tea"), Row(1000, product="cup")], [cut])
    assert made.total == 1500


rows = st.lists(
    st.builds(
        Row,
        amount=st.integers(-10_000, 1_000_000),
        discountable=st.booleans(),
        rates=st.lists(
            st.builds(Rate, st.sampled_from(["a", "b"]), st.decimals(0, 30, places=3), st.booleans()),
            max_size=2,
        ).map(tuple),
    ),
    max_size=6,
)
cuts = st.lists(
    st.one_of(
        st.builds(Cut, st.sampled_from(["x", "y"]), percent=st.decimals("0.01", 100, places=2)),
        st.builds(Cut, st.sampled_from(["x", "y"]), amount=st.integers(1, 100_000)),
    ),
    max_size=3,
)


@given(rows, cuts, st.integers(0, 5000))
def test_every_bill_adds_up(rows, cuts, shipping):
    """The total is the subtotal less discounts, with exclusive taxes and shipping; parts add up to wholes."""
    made = amounts.bill(rows, cuts, shipping=shipping)
    off = sum(amount for _, amount in made.discounts)
    inside = sum(tax.amount for tax in made.taxes if tax.rate.inclusive)
    on_top = sum(tax.amount for tax in made.taxes if not tax.rate.inclusive)
    assert made.subtotal == sum(row.amount for row in rows)
    assert made.total == made.subtotal - off + on_top + shipping
    assert made.total_excluding_tax == made.total - inside - on_top
    assert off == sum(amount for share in made.rows for _, amount in share.whole)
    assert all(amount >= 0 for _, amount in made.discounts)


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_a_split_amount_is_whole(amount, weights):
    parts = amounts.split(amount, weights)
    assert sum(parts) == (amount if sum(weights) else 0)
    assert all(part >= 0 for part in parts)
