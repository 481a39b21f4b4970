"""Quotes from draft to accepted, through the official SDK."""

import pytest
import stripe

DAY = 86_400


def refused(action, *args, **options):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args, **options)
    return caught.value


@pytest.fixture
def customer(client):
    return client.v1.customers.create(params={"email": "jenny@example.com", "source": "tok_visa"})


@pytest.fixture
def prices(client):
    """A monthly price of 1500 and one of 5000 that is paid once."""
    product = client.v1.products.create(params={"name": "Pro"})
    monthly = {"product": product.id, "unit_amount": 1500, "currency": "usd", "recurring": {"interval": "month"}}
    once = {"product": product.id, "unit_amount": 5000, "currency": "usd"}
    return client.v1.prices.create(params=monthly).id, client.v1.prices.create(params=once).id


def draft(client, customer, *lines, **extra):
    items = [{"price": price, "quantity": quantity} for price, quantity in lines]
    return client.v1.quotes.create(params={"customer": customer.id, "line_items": items, **extra})


def test_a_quote_adds_up_now_and_later(client, customer, prices, api):
    monthly, once = prices
    rate = client.v1.tax_rates.create(params={"display_name": "Tax", "percentage": 10, "inclusive": False})
    quote = draft(client, customer, (monthly, 10), (once, 1), default_tax_rates=[rate.id], expand=["line_items"])
    assert (quote.status, quote.number, quote.currency) == ("draft", None, "usd")
    assert (quote.amount_subtotal, quote.amount_total, quote.total_details.amount_tax) == (20000, 22000, 2000)
    assert (quote.computed.recurring.amount_total, quote.computed.recurring.interval) == (16500, "month")
    assert [item.amount_total for item in quote.line_items] == [16500, 5500]
    assert quote.expires_at == quote.created + 30 * DAY
    assert [item.quantity for item in client.v1.quotes.line_items.list(quote.id)] == [10, 1]
    assert api.events()[-1] == "quote.created"


def test_what_recurs_has_the_discounts_that_last(client, customer, prices):
    """A coupon for once is in what is due now, and not in what is due each month; its line shows it."""
    monthly, _ = prices
    once = client.v1.coupons.create({"percent_off": 50, "duration": "once"})
    ever = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    quote = draft(client, customer, (monthly, 1), discounts=[{"coupon": once.id}])
    assert (quote.computed.upfront.amount_total, quote.computed.recurring.amount_total) == (750, 1500)
    assert client.v1.quotes.line_items.list(quote.id).data[0].amount_discount == 750
    quote = draft(client, customer, (monthly, 1), discounts=[{"coupon": ever.id}])
    assert (quote.computed.upfront.amount_total, quote.computed.recurring.amount_total) == (1350, 1350)


def test_in_a_trial_only_what_is_paid_once_is_due(client, customer, prices):
    monthly, once = prices
    quote = draft(client, customer, (monthly, 1), (once, 1), subscription_data={"trial_period_days": 7})
    assert (quote.amount_total, quote.computed.upfront.amount_total, quote.computed.recurring.amount_total) == (
        5000,
        5000,
        1500,
    )


def test_an_accepted_quote_becomes_a_subscription(client, customer, prices, api):
    monthly, once = prices
    coupon = client.v1.coupons.create(params={"percent_off": 50})
    quote = draft(client, customer, (monthly, 2), (once, 1), discounts=[{"coupon": coupon.id}])
    assert quote.amount_total == 4000
    opened = client.v1.quotes.finalize_quote(quote.id)
    assert (opened.status, opened.number) == ("open", f"QT-{customer.invoice_prefix}-0001-1")
    accepted = client.v1.quotes.accept(quote.id)
    assert (accepted.status, accepted.status_transitions.accepted_at is not None) == ("accepted", True)
    subscription = client.v1.subscriptions.retrieve(accepted.subscription)
    assert (subscription.status, subscription.customer) == ("active", customer.id)
    invoice = client.v1.invoices.retrieve(accepted.invoice)
    assert (invoice.status, invoice.total) == ("paid", 4000)
    assert {"quote.finalized", "quote.accepted", "customer.subscription.created", "invoice.paid"} <= set(api.events())
    assert refused(client.v1.quotes.accept, quote.id).http_status == 400


def test_a_quote_of_what_is_paid_once_becomes_an_invoice(client, customer, prices):
    quote = draft(
        client, customer, (prices[1], 2), collection_method="send_invoice", invoice_settings={"days_until_due": 5}
    )
    client.v1.quotes.finalize_quote(quote.id)
    accepted = client.v1.quotes.accept(quote.id)
    invoice = client.v1.invoices.retrieve(accepted.invoice)
    assert (accepted.subscription, invoice.status, invoice.total, invoice.collection_method) == (
        None,
        "draft",
        10000,
        "send_invoice",
    )
    assert invoice.parent.quote_details.quote == quote.id


def test_a_quote_expires(client, customer, prices, api):
    quote = client.v1.quotes.finalize_quote(draft(client, customer, (prices[1], 1)).id)
    api.passes(31 * DAY)
    gone = client.v1.quotes.retrieve(quote.id)
    assert (gone.status, gone.status_transitions.canceled_at is not None) == ("canceled", True)
    assert api.events()[-1] == "quote.canceled"
    assert "`canceled` status" in refused(client.v1.quotes.accept, quote.id).user_message


def test_only_a_draft_can_be_changed(client, customer, prices):
    quote = draft(client, customer, (prices[1], 1))
    line = client.v1.quotes.line_items.list(quote.id).data[0]
    changed = client.v1.quotes.update(quote.id, params={"line_items": [{"id": line.id, "quantity": 3}], "header": "Hi"})
    assert (changed.amount_total, changed.header) == (15000, "Hi")
    client.v1.quotes.finalize_quote(quote.id)
    assert "`draft` status" in refused(client.v1.quotes.update, quote.id, params={"header": "Ho"}).user_message
    assert client.v1.quotes.update(quote.id, params={"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_a_revision_takes_the_place_of_the_open_quote(client, customer, prices):
    first = client.v1.quotes.finalize_quote(draft(client, customer, (prices[1], 1)).id)
    copy = client.v1.quotes.create(params={"from_quote": {"quote": first.id, "is_revision": True}})
    assert (copy.status, copy.amount_total, copy.from_quote.is_revision) == ("draft", 5000, True)
    second = client.v1.quotes.finalize_quote(copy.id)
    assert second.number == first.number.removesuffix("-1") + "-2"
    assert client.v1.quotes.retrieve(first.id).status == "canceled"


def test_a_finalized_quote_is_a_document(client, customer, prices, api):
    quote = draft(client, customer, (prices[1], 1))
    assert (
        "finalized quote"
        in api.call("GET", f"https://files.stripe.com/v1/quotes/{quote.id}/pdf").body["error"]["message"]
    )
    quote = client.v1.quotes.finalize_quote(quote.id)
    reply = api.call("GET", f"https://files.stripe.com/v1/quotes/{quote.id}/pdf")
    assert (reply.headers["Content-Type"], reply.raw[:5]) == ("application/pdf", b"%PDF-")
    assert quote.number.encode() in reply.raw


def test_a_quote_needs_someone_and_something(client, customer, prices):
    nobody = client.v1.quotes.create(params={"line_items": [{"price": prices[1]}]})
    assert "customer must be specified" in refused(client.v1.quotes.finalize_quote, nobody.id).user_message
    nothing = client.v1.quotes.create(params={"customer": customer.id})
    assert "at least one line item" in refused(client.v1.quotes.finalize_quote, nothing.id).user_message
