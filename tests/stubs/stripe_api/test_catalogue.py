"""Products and prices, through the official SDK."""

import pytest
import stripe


def refused(action, *args, **options):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args, **options)
    return caught.value


def test_a_product_brings_its_price_along(client, api):
    product = client.v1.products.create(
        params={
            "name": "Pro",
            "default_price_data": {"currency": "usd", "unit_amount": 2000},
            "expand": ["default_price"],
        }
    )
    assert product.active is True
    assert (product.default_price.unit_amount, product.default_price.product) == (2000, product.id)
    assert product.default_price.type == "one_time"
    assert api.events() == ["product.created", "price.created"]


def test_a_recurring_price_is_whole(client):
    product = client.v1.products.create(params={"name": "Pro"})
    price = client.v1.prices.create(
        params={"product": product.id, "currency": "EUR", "unit_amount": 990, "recurring": {"interval": "month"}}
    )
    assert (price.type, price.currency, str(price.unit_amount_decimal)) == ("recurring", "eur", "990")
    assert (price.recurring.interval, price.recurring.interval_count, price.recurring.usage_type) == (
        "month",
        1,
        "licensed",
    )
    found = client.v1.prices.list(params={"product": product.id, "recurring": {"interval": "month"}})
    assert [one.id for one in found] == [price.id]
    assert client.v1.prices.list(params={"recurring": {"interval": "year"}}).data == []


def test_decimal_amounts_need_not_be_whole(client):
    product = client.v1.products.create(params={"name": "Calls"})
    price = client.v1.prices.create(params={"product": product.id, "currency": "usd", "unit_amount_decimal": "0.05"})
    assert price.unit_amount is None
    assert str(price.unit_amount_decimal) == "0.05"


def test_an_id_of_ones_own_is_taken_once(client):
    assert client.v1.products.create(params={"id": "pro", "name": "Pro"}).id == "pro"
    error = refused(client.v1.products.create, params={"id": "pro", "name": "Pro 2"})
    assert (error.code, error.user_message) == ("resource_already_exists", "Product already exists.")


def test_a_product_with_prices_can_only_be_archived(client):
    product = client.v1.products.create(
        params={"name": "Pro", "default_price_data": {"currency": "usd", "unit_amount": 5}}
    )
    assert "one or more user-created prices" in str(refused(client.v1.products.delete, product.id))
    archived = client.v1.products.update(product.id, params={"active": False})
    assert archived.active is False
    assert archived.updated > product.updated
    assert client.v1.products.list(params={"active": True}).data == []


def test_a_product_without_prices_is_gone_when_deleted(client):
    product = client.v1.products.create(params={"name": "Oops"})
    assert client.v1.products.delete(product.id).deleted is True
    error = refused(client.v1.products.retrieve, product.id)
    assert (error.http_status, error.user_message) == (404, f"No such product: '{product.id}'")


def test_a_lookup_key_belongs_to_one_price(client):
    product = client.v1.products.create(params={"name": "Pro"})
    given = {"product": product.id, "currency": "usd", "unit_amount": 100, "lookup_key": "standard"}
    first = client.v1.prices.create(params=given)
    assert f"A price (`{first.id}`) already uses that lookup key." in str(
        refused(client.v1.prices.create, params=given)
    )
    second = client.v1.prices.create(params={**given, "transfer_lookup_key": True})
    found = client.v1.prices.list(params={"lookup_keys": ["standard"]})
    assert [price.id for price in found] == [second.id]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "usd", "unit_amount": 100}, "parameter_missing", "product"),
        ({"currency": "usd", "product_data": {"name": "x"}}, "parameter_missing", "unit_amount"),
        ({"currency": "usd", "product": "prod_missing", "unit_amount": 1}, "resource_missing", "product"),
        ({"unit_amount": 1, "product_data": {"name": "x"}}, "parameter_missing", "currency"),
        (
            {"currency": "usd", "unit_amount": 1, "product_data": {"active": True}},
            "parameter_missing",
            "product_data[name]",
        ),
    ],
)
def test_incomplete_prices_are_refused(client, params, code, param):
    error = refused(client.v1.prices.create, params=params)
    assert (error.http_status, error.code, error.param) == (400, code, param)


def test_tiers_are_shown_only_where_asked_for(client):
    product = client.v1.products.create(params={"name": "Seats"})
    tiers = [{"up_to": 10, "unit_amount": 500}, {"up_to": "inf", "unit_amount": 400}]
    price = client.v1.prices.create(
        params={
            "product": product.id, "currency": "usd", "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": tiers,
            "recurring": {"interval": "month"},
        }
    )  # fmt: skip
    assert "tiers" not in price
    expanded = client.v1.prices.retrieve(price.id, params={"expand": ["tiers"]})
    assert [(tier.up_to, tier.unit_amount) for tier in expanded.tiers] == [(10, 500), (None, 400)]
