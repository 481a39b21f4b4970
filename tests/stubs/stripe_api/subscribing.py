"""What tests of subscriptions have in common: prices, customers with cards, and what the account was told."""

import pytest
import stripe

HOUR, DAY = 3_600, 86_400


def monthly(client, product, amount, **extra):
    recurring = {"interval": "month"}
    return client.v1.prices.create(
        {"product": product.id, "unit_amount": amount, "currency": "usd", "recurring": recurring} | extra
    )


def with_card(client, card):
    return client.v1.customers.create(
        {"email": "jenny@example.com", "payment_method": card, "invoice_settings": {"default_payment_method": card}}
    )


def subscribe(client, customer, price, **extra):
    return client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]} | extra)


def told(api, start):
    """The types of the events since there were `start`."""
    return api.events()[start:]


def period(subscription):
    item = subscription["items"].data[0]
    return item.current_period_start, item.current_period_end


def previous(client, kind):
    return client.v1.events.list({"type": kind, "limit": 1}).data[0].data.previous_attributes


def refused(action, *args):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args)
    return caught.value
