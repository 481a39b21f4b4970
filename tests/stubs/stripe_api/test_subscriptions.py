"""Subscriptions through the official SDK: how they begin, are renewed, and are tried. Months pass by the world's clock."""

from datetime import UTC, datetime

import pytest

from .subscribing import DAY, HOUR, monthly, period, previous, refused, subscribe, told, with_card


@pytest.fixture
def product(client):
    return client.v1.products.create({"name": "Gold"})


@pytest.fixture
def gold(client, product):
    return monthly(client, product, 1500)


@pytest.fixture
def jenny(client):
    return with_card(client, "pm_card_visa")


# --- beginning


def test_a_subscription_is_active_once_its_first_invoice_is_paid(client, api, jenny, gold):
    before = len(api.events())
    made = subscribe(client, jenny, gold, metadata={"seat": "7"})
    assert (made.status, made.currency, made.collection_method) == ("active", "usd", "charge_automatically")
    assert made.start_date == made.billing_cycle_anchor == made.created == period(made)[0]
    assert datetime.fromtimestamp(period(made)[1], UTC).month == 2
    invoice = client.v1.invoices.retrieve(made.latest_invoice, {"expand": ["payments"]})
    assert (invoice.status, invoice.billing_reason, invoice.amount_paid) == ("paid", "subscription_create", 1500)
    assert invoice.parent.subscription_details.subscription == made.id
    assert invoice.parent.subscription_details.metadata["seat"] == "7"
    line = invoice.lines.data[0]
    assert line.description == "1 \u00d7 Gold (at $15.00 / month)"
    assert (line.period.start, line.period.end) == period(made)
    assert line.parent.subscription_item_details.subscription_item == made["items"].data[0].id
    assert told(api, before) == [
        "invoice.created",
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "customer.subscription.created",
    ]


def test_nobody_subscribes_without_anything_to_pay_with(client, gold):
    customer = client.v1.customers.create({"email": "tom@example.com"})
    error = refused(subscribe, client, customer, gold)
    assert (error.http_status, error.code) == (400, "resource_missing")
    assert "no attached payment source or default payment method" in error.user_message
    assert client.v1.subscriptions.list({"status": "all"}).data == []


def test_a_declined_first_payment_leaves_it_incomplete_and_expires_after_a_day(client, api, gold):
    customer = with_card(client, "pm_card_chargeCustomerFail")
    made = subscribe(client, customer, gold)
    assert made.status == "incomplete"
    assert client.v1.invoices.retrieve(made.latest_invoice).status == "open"
    api.passes(22 * HOUR)
    assert client.v1.subscriptions.retrieve(made.id).status == "incomplete"
    api.passes(2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.id)
    assert (after.status, after.ended_at is None) == ("incomplete_expired", False)
    assert client.v1.invoices.retrieve(made.latest_invoice).status == "void"
    assert previous(client, "customer.subscription.updated")["status"] == "incomplete"


def test_an_incomplete_subscription_lives_once_its_invoice_is_paid(client, gold):
    customer = with_card(client, "pm_card_chargeCustomerFail")
    made = subscribe(client, customer, gold)
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.invoices.pay(made.latest_invoice, {"payment_method": card.id})
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    assert previous(client, "customer.subscription.updated").to_dict() == {"status": "incomplete"}


def test_default_incomplete_waits_for_the_customers_browser(client, api, gold):
    customer = client.v1.customers.create({})
    made = subscribe(client, customer, gold, payment_behavior="default_incomplete",
                     expand=["latest_invoice.confirmation_secret"])  # fmt: skip
    assert made.status == "incomplete"
    secret = made.latest_invoice.confirmation_secret.client_secret
    intent = secret.partition("_secret_")[0]
    client.v1.payment_intents.confirm(intent, {"payment_method": "pm_card_visa"})
    assert client.v1.subscriptions.retrieve(made.id).status == "active"


def test_error_if_incomplete_undoes_everything(client, api, gold):
    customer = with_card(client, "pm_card_chargeCustomerFail")
    before = api.events()
    error = refused(lambda: subscribe(client, customer, gold, payment_behavior="error_if_incomplete"))
    assert (error.http_status, error.code) == (402, "card_declined")
    assert api.events() == before
    assert client.v1.subscriptions.list({"status": "all"}).data == []


def test_an_invoice_that_is_sent_makes_it_active_at_once(client, api, jenny, gold):
    made = subscribe(client, jenny, gold, collection_method="send_invoice", days_until_due=14)
    assert (made.status, made.days_until_due) == ("active", 14)
    assert client.v1.invoices.retrieve(made.latest_invoice).status == "draft"
    api.passes(2 * HOUR)
    invoice = client.v1.invoices.retrieve(made.latest_invoice)
    assert invoice.status == "open"
    assert invoice.due_date == invoice.status_transitions.finalized_at + 14 * DAY
    error = refused(lambda: subscribe(client, jenny, gold, collection_method="send_invoice"))
    assert error.param == "days_until_due"


@pytest.mark.parametrize(
    ("extra", "param"),
    [
        ({"items": []}, "items"),
        ({"items": [{"price": "price_none"}]}, "items[0][price]"),
        ({"trial_period_days": 900}, "trial_period_days"),
        ({"trial_end": 1}, "trial_end"),
        ({"payment_behavior": "pending_if_incomplete"}, "payment_behavior"),
        ({"cancel_at": 1}, "cancel_at"),
        ({"days_until_due": 3}, "days_until_due"),
        ({"default_payment_method": "pm_none"}, "default_payment_method"),
        ({"billing_cycle_anchor": 4_000_000_000}, "billing_cycle_anchor"),
    ],
)
def test_what_makes_no_subscription_is_refused_by_name(client, api, jenny, gold, extra, param):
    before = api.events()
    error = refused(lambda: subscribe(client, jenny, gold, **extra))
    assert (error.http_status, error.param) == (400, param)
    assert api.events() == before


def test_one_time_prices_and_the_same_price_twice_are_refused(client, jenny, product, gold):
    once = client.v1.prices.create({"product": product.id, "unit_amount": 100, "currency": "usd"})
    assert "type=one_time" in refused(subscribe, client, jenny, once).user_message
    twice = {"customer": jenny.id, "items": [{"price": gold.id}, {"price": gold.id}]}
    assert gold.id in refused(client.v1.subscriptions.create, twice).user_message


def test_what_is_added_once_and_prices_made_up_on_the_spot_are_billed(client, jenny, product, gold):
    setup = client.v1.prices.create({"product": product.id, "unit_amount": 900, "currency": "usd"})
    data = {"product": product.id, "currency": "usd", "unit_amount": 250, "recurring": {"interval": "month"}}
    made = client.v1.subscriptions.create(
        {
            "customer": jenny.id,
            "items": [{"price": gold.id, "quantity": 2}, {"price_data": data}],
            "add_invoice_items": [{"price": setup.id}],
        }
    )
    invoice = client.v1.invoices.retrieve(made.latest_invoice)
    assert sorted(line.amount for line in invoice.lines.data) == [250, 900, 3000]
    assert invoice.total == 4150


def test_coupons_and_tax_rates_of_a_subscription_are_on_its_invoices(client, api, jenny, gold):
    coupon = client.v1.coupons.create({"percent_off": 50, "duration": "forever"})
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    made = subscribe(client, jenny, gold, discounts=[{"coupon": coupon.id}], default_tax_rates=[rate.id])
    assert client.v1.invoices.retrieve(made.latest_invoice).total == 900
    api.passes(32 * DAY)
    again = client.v1.subscriptions.retrieve(made.id)
    assert client.v1.invoices.retrieve(again.latest_invoice).total == 900


# --- renewals


def test_a_renewal_is_drafted_at_the_end_of_the_period_and_paid_an_hour_later(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    api.passes(31 * DAY)
    renewed = client.v1.subscriptions.retrieve(made.id)
    assert period(renewed)[0] == period(made)[1]
    invoice = client.v1.invoices.retrieve(renewed.latest_invoice)
    assert (invoice.status, invoice.billing_reason) == ("draft", "subscription_cycle")
    assert (invoice.period_start, invoice.period_end) == period(made)
    before = previous(client, "customer.subscription.updated").to_dict()
    assert set(before) == {"items", "latest_invoice"}
    assert before["latest_invoice"] == made.latest_invoice
    api.passes(HOUR)
    assert client.v1.invoices.retrieve(renewed.latest_invoice).status == "paid"


def test_years_go_by_in_order(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    for _ in range(12):
        api.passes(31 * DAY)
    invoices = client.v1.invoices.list({"subscription": made.id, "limit": 50}).data
    assert len(invoices) == 13
    assert {invoice.status for invoice in invoices} == {"paid"}
    starts = [invoice.lines.data[0].period.start for invoice in reversed(invoices)]
    ends = [invoice.lines.data[0].period.end for invoice in reversed(invoices)]
    assert starts[1:] == ends[:-1]
    charges = client.v1.charges.list({"customer": jenny.id, "limit": 100}).data
    assert sum(charge.amount for charge in charges) == 13 * 1500


def test_what_is_anchored_to_the_31st_is_due_on_the_last_of_shorter_months(client, api, jenny, gold):
    january = int(datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp())
    made = subscribe(client, jenny, gold, billing_cycle_anchor=january, proration_behavior="none")
    assert period(made)[1] == january
    assert client.v1.invoices.retrieve(made.latest_invoice).total == 0
    days = []
    for _ in range(4):
        api.passes(period(made)[1] - period(made)[0])
        made = client.v1.subscriptions.retrieve(made.id)
        ends = datetime.fromtimestamp(period(made)[1], UTC)
        days.append((ends.month, ends.day))
    assert days == [(2, 28), (3, 31), (4, 30), (5, 31)]


def test_the_time_up_to_a_later_anchor_is_paid_by_the_second(client, api, jenny, gold):
    start = client.v1.customers.create({}).created + 2
    anchor = start + 10 * DAY
    made = subscribe(client, jenny, gold, billing_cycle_anchor=anchor)
    span = period(made)
    assert span[1] == anchor
    whole = 31 * DAY  # from the 15th of December to that of January
    assert client.v1.invoices.retrieve(made.latest_invoice).total == round(1500 * (span[1] - span[0]) / whole)


def test_a_backdated_subscription_bills_what_is_past(client, jenny, gold):
    now = client.v1.customers.create({}).created
    made = subscribe(client, jenny, gold, backdate_start_date=now - 40 * DAY)
    assert made.start_date == now - 40 * DAY
    invoice = client.v1.invoices.retrieve(made.latest_invoice)
    assert invoice.total == 3000
    assert min(line.period.start for line in invoice.lines.data) == now - 40 * DAY


# --- trials


def test_a_trial_costs_nothing_is_warned_of_and_then_paid_for(client, api, jenny, gold):
    made = subscribe(client, jenny, gold, trial_period_days=14)
    assert (made.status, made.trial_end - made.trial_start) == ("trialing", 14 * DAY)
    assert period(made) == (made.trial_start, made.trial_end)
    first = client.v1.invoices.retrieve(made.latest_invoice)
    assert (first.status, first.total, first.lines.data[0].description) == ("paid", 0, "Trial period for Gold")
    api.passes(10 * DAY)
    assert "customer.subscription.trial_will_end" not in api.events()
    api.passes(1 * DAY)
    assert api.events().count("customer.subscription.trial_will_end") == 1
    api.passes(3 * DAY + 2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.id)
    assert after.status == "active"
    assert client.v1.invoices.retrieve(after.latest_invoice).amount_paid == 1500
    assert period(after)[0] == made.trial_end


@pytest.mark.parametrize(
    ("ending", "status", "event"),
    [
        ("cancel", "canceled", "customer.subscription.deleted"),
        ("pause", "paused", "customer.subscription.paused"),
        ("create_invoice", "past_due", "invoice.payment_failed"),
    ],
)
def test_a_trial_without_a_payment_method_ends_as_it_was_told_to(client, api, gold, ending, status, event):
    customer = client.v1.customers.create({})
    settings = {"end_behavior": {"missing_payment_method": ending}}
    made = subscribe(client, customer, gold, trial_period_days=5, trial_settings=settings)
    api.passes(5 * DAY + 2 * HOUR)
    assert client.v1.subscriptions.retrieve(made.id).status == status
    assert event in api.events()


def test_a_paused_subscription_is_resumed_once_there_is_a_card(client, api, gold):
    customer = client.v1.customers.create({})
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    made = subscribe(client, customer, gold, trial_period_days=5, trial_settings=settings)
    paused = client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert paused.status == "paused"
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
    resumed = client.v1.subscriptions.resume(made.id, {"billing_cycle_anchor": "now"})
    assert resumed.status == "active"
    assert client.v1.invoices.retrieve(resumed.latest_invoice).amount_paid == 1500
    assert "customer.subscription.resumed" in api.events()
    assert "paused" in refused(client.v1.subscriptions.resume, made.id).user_message
