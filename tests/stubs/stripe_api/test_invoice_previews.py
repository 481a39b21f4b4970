"""Previews of invoices: what would be billed, with nothing billed, through the official SDK."""

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
    """Monthly prices of 1000 and 3000."""
    product = client.v1.products.create(params={"name": "Pro"})
    shared = {"product": product.id, "currency": "usd", "recurring": {"interval": "month"}}
    return [client.v1.prices.create(params=shared | {"unit_amount": amount}).id for amount in (1000, 3000)]


@pytest.fixture
def subscription(client, customer, prices):
    return client.v1.subscriptions.create(params={"customer": customer.id, "items": [{"price": prices[0]}]})


def preview(client, **given):
    return client.v1.invoices.create_preview(params=given)


def test_what_is_pending_is_previewed_and_stays_pending(client, customer, api):
    client.v1.invoice_items.create(params={"customer": customer.id, "amount": 700, "currency": "usd"})
    told = api.events()
    made = preview(
        client, customer=customer.id, invoice_items=[{"amount": 300, "currency": "usd", "description": "More"}]
    )
    assert (made.total, made.status, made.number, made.id.startswith("upcoming_in_")) == (1000, "draft", None, True)
    assert client.v1.invoices.list().data == []
    assert len(client.v1.invoice_items.list(params={"pending": True}).data) == 1
    assert api.events() == told


def test_without_anything_to_come_there_is_no_preview(client, customer):
    error = refused(preview, client, customer=customer.id)
    assert (error.http_status, error.code) == (404, "invoice_upcoming_none")
    assert refused(preview, client).code == "parameter_missing"


def test_the_next_renewal_of_a_subscription(client, customer, subscription):
    for given in ({"subscription": subscription.id}, {"customer": customer.id}):
        made = preview(client, **given)
        assert (made.total, made.billing_reason, len(made.lines.data)) == (1000, "upcoming", 1)
        assert made.created == subscription["items"].data[0].current_period_end
        assert made.lines.data[0].period.start == made.created
    assert client.v1.subscriptions.retrieve(subscription.id).latest_invoice == subscription.latest_invoice


def test_a_change_is_previewed_with_its_prorations(client, subscription, prices, api):
    api.passes(10 * DAY)
    item = subscription["items"].data[0].id
    made = preview(
        client,
        subscription=subscription.id,
        subscription_details={"items": [{"id": item, "price": prices[1]}], "proration_behavior": "create_prorations"},
    )
    prorations = [line for line in made.lines if line.parent.subscription_item_details.proration]
    assert sorted(line.amount < 0 for line in prorations) == [False, True]
    assert made.total == 3000 + sum(line.amount for line in prorations)
    found = client.v1.subscriptions.retrieve(subscription.id)
    assert found["items"].data[0].price.id == prices[0]
    assert client.v1.invoice_items.list().data == []


def test_a_change_that_is_billed_at_once_is_previewed_so(client, subscription, prices, api):
    api.passes(10 * DAY)
    item = subscription["items"].data[0].id
    details = {"items": [{"id": item, "price": prices[1]}], "proration_behavior": "always_invoice"}
    made = preview(client, subscription=subscription.id, subscription_details=details)
    assert (made.status, 0 < made.total < 2000, made.amount_paid) == ("draft", True, 0)
    changed = client.v1.subscriptions.update(
        subscription.id,
        params={"items": details["items"], "proration_behavior": "always_invoice", "expand": ["latest_invoice"]},
    )
    assert abs(changed.latest_invoice.total - made.total) <= 1


def test_a_subscription_that_isnt_there_yet(client, customer, prices):
    made = preview(client, customer=customer.id, subscription_details={"items": [{"price": prices[1], "quantity": 2}]})
    assert made.total == 6000
    assert client.v1.subscriptions.list().data == []
    nobody = preview(
        client, customer_details={"tax_exempt": "none"}, subscription_details={"items": [{"price": prices[0]}]}
    )
    assert nobody.total == 1000


def test_a_coupon_can_be_tried(client, subscription):
    coupon = client.v1.coupons.create(params={"percent_off": 25})
    made = preview(client, subscription=subscription.id, discounts=[{"coupon": coupon.id}])
    assert (made.subtotal, made.total) == (1000, 750)
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 0


def test_what_ends_has_no_next_invoice(client, subscription):
    client.v1.subscriptions.update(subscription.id, params={"cancel_at_period_end": True})
    assert refused(preview, client, subscription=subscription.id).code == "invoice_upcoming_none"


def test_older_clients_ask_for_the_upcoming_invoice(client, customer, subscription, api):
    reply = api.call("GET", f"/v1/invoices/upcoming?customer={customer.id}")
    assert (reply.status, reply.body["total"]) == (200, 1000)


def test_a_renewal_is_told_of_a_week_before(client, subscription, api):
    start = subscription["items"].data[0].current_period_end
    api.passes(25 * DAY)
    event = client.v1.events.list(params={"type": "invoice.upcoming"}).data[0]
    assert (event.data.object.total, event.created <= start - 7 * DAY + 60) == (1000, True)
    assert [invoice.id for invoice in client.v1.invoices.list().data] == [subscription.latest_invoice]
