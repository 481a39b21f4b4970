"""Changes within a period through the official SDK: what is given back and what is to be paid, to the second."""

import pytest
import stripe

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def product(client):
    return client.v1.products.create({"name": "Gold"})


@pytest.fixture
def gold(client, product):
    return price(client, product, 3000)


@pytest.fixture
def platinum(client, product):
    return price(client, product, 9000)


@pytest.fixture
def jenny(client):
    return client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )


@pytest.fixture
def subscription(client, jenny, gold):
    return client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})


def price(client, product, amount, interval="month", **extra):
    recurring = {"interval": interval, **extra}
    return client.v1.prices.create(
        {"product": product.id, "unit_amount": amount, "currency": "usd", "recurring": recurring}
    )


def item(subscription):
    return subscription["items"].data[0]


def lines_of(client, invoice):
    return client.v1.invoices.retrieve(invoice).lines.data


def share(line, whole, start, end):
    """What is left of a whole amount from the time on that a line begins at."""
    return round(whole * (end - line.period.start) / (end - start))


def refused(action, *args):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args)
    return caught.value


def failing(client, customer):
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})


def test_an_upgrade_waits_as_two_items_that_the_next_invoice_adds_up(client, api, subscription, platinum):
    start, end = item(subscription).current_period_start, item(subscription).current_period_end
    api.passes(10 * DAY)
    changed = client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item(subscription).id, "price": platinum.id}]}
    )
    assert (item(changed).price.id, item(changed).id) == (platinum.id, item(subscription).id)
    assert (item(changed).current_period_start, item(changed).current_period_end) == (start, end)
    debit, credit = client.v1.invoice_items.list({"pending": True}).data
    assert (credit.proration, debit.proration) == (True, True)
    assert credit.description.startswith("Unused time on Gold after 15 Jan 2026")
    assert debit.description.startswith("Remaining time on Gold after 15 Jan 2026")
    assert credit.amount == -share(credit, 3000, start, end)
    assert debit.amount == share(debit, 9000, start, end)
    assert (debit.period.start, debit.period.end) == (credit.period.start, end)
    api.passes(22 * DAY)
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    invoice = client.v1.invoices.retrieve(renewed.latest_invoice)
    assert invoice.total == 9000 + credit.amount + debit.amount
    assert (invoice.status, len(invoice.lines.data)) == ("paid", 3)
    assert client.v1.invoice_items.list({"pending": True}).data == []


def test_always_invoice_bills_the_difference_at_once(client, api, subscription):
    api.passes(10 * DAY)
    changed = client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item(subscription).id, "quantity": 3}], "proration_behavior": "always_invoice"},
    )
    invoice = client.v1.invoices.retrieve(changed.latest_invoice)
    assert (invoice.billing_reason, invoice.status) == ("subscription_update", "paid")
    assert sorted(line.amount > 0 for line in invoice.lines.data) == [False, True]
    assert "Remaining time on 3 \u00d7 Gold" in " ".join(line.description for line in invoice.lines.data)
    event = client.v1.events.list({"type": "customer.subscription.updated", "limit": 1}).data[0]
    assert event.data.previous_attributes.latest_invoice == subscription.latest_invoice
    assert event.data.previous_attributes["items"]["data"][0]["quantity"] == 1


def test_without_proration_the_change_only_counts_from_the_next_period_on(client, api, subscription, platinum):
    given = {"items": [{"id": item(subscription).id, "price": platinum.id}], "proration_behavior": "none"}
    client.v1.subscriptions.update(subscription.id, given)
    assert client.v1.invoice_items.list({"pending": True}).data == []
    api.passes(32 * DAY)
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    assert client.v1.invoices.retrieve(renewed.latest_invoice).total == 9000


def test_a_proration_date_fixes_the_second_that_counts(client, api, subscription):
    start, end = item(subscription).current_period_start, item(subscription).current_period_end
    api.passes(20 * DAY)
    half = start + (end - start) // 2
    client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item(subscription).id, "quantity": 2}], "proration_date": half}
    )
    amounts = sorted(one.amount for one in client.v1.invoice_items.list({"pending": True}).data)
    assert amounts == [-1500, 3000]


def test_a_downgrade_leaves_a_credit_for_later(client, api, subscription, product):
    small = price(client, product, 100)
    api.passes(1 * DAY)
    client.v1.subscriptions.update(
        subscription.id,
        {"items": [{"id": item(subscription).id, "price": small.id}], "proration_behavior": "always_invoice"},
    )
    changed = client.v1.subscriptions.retrieve(subscription.id)
    invoice = client.v1.invoices.retrieve(changed.latest_invoice)
    assert (invoice.status, invoice.amount_due) == ("paid", 0)
    assert client.v1.customers.retrieve(changed.customer).balance == invoice.total < 0


def test_another_interval_begins_a_new_period_and_is_billed_at_once(client, api, subscription, product):
    yearly = price(client, product, 30000, "year")
    api.passes(10 * DAY)
    changed = client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item(subscription).id, "price": yearly.id}]}
    )
    assert changed.billing_cycle_anchor == item(changed).current_period_start > subscription.billing_cycle_anchor
    invoice = client.v1.invoices.retrieve(changed.latest_invoice)
    assert invoice.status == "paid"
    assert sorted(line.amount > 0 for line in invoice.lines.data) == [False, True]
    assert 30000 - 3000 < invoice.total < 30000


def test_the_anchor_can_be_set_to_now(client, api, subscription):
    api.passes(10 * DAY)
    changed = client.v1.subscriptions.update(subscription.id, {"billing_cycle_anchor": "now"})
    assert item(changed).current_period_start == changed.billing_cycle_anchor > subscription.billing_cycle_anchor
    credit, debit = sorted(line.amount for line in lines_of(client, changed.latest_invoice))
    assert (credit < 0, debit) == (True, 3000)


def test_items_come_and_go_by_their_own_address(client, api, subscription, platinum):
    api.passes(10 * DAY)
    added = client.v1.subscription_items.create(
        {"subscription": subscription.id, "price": platinum.id, "quantity": 2, "metadata": {"a": "b"}}
    )
    assert (added.subscription, added.quantity, added.metadata["a"]) == (subscription.id, 2, "b")
    assert added.current_period_end == item(subscription).current_period_end
    pending = client.v1.invoice_items.list({"pending": True}).data
    start, end = item(subscription).current_period_start, item(subscription).current_period_end
    assert [one.amount for one in pending] == [share(pending[0], 18000, start, end)]
    changed = client.v1.subscription_items.update(added.id, {"quantity": 1, "proration_behavior": "none"})
    assert changed.quantity == 1
    listed = client.v1.subscription_items.list({"subscription": subscription.id}).data
    assert [one.id for one in listed] == [item(subscription).id, added.id]
    gone = client.v1.subscription_items.delete(added.id, {"proration_behavior": "none"})
    assert (gone.id, gone.deleted) == (added.id, True)
    assert len(client.v1.subscriptions.retrieve(subscription.id)["items"].data) == 1
    error = refused(client.v1.subscription_items.delete, item(subscription).id)
    assert "at least one active plan" in error.user_message


def test_a_declined_upgrade_is_past_due_unless_it_has_to_succeed(client, api, jenny, subscription, platinum):
    failing(client, jenny)
    api.passes(1 * DAY)
    given = {"items": [{"id": item(subscription).id, "price": platinum.id}], "proration_behavior": "always_invoice"}
    error = refused(
        client.v1.subscriptions.update, subscription.id, {**given, "payment_behavior": "error_if_incomplete"}
    )
    assert (error.http_status, error.code) == (402, "card_declined")
    held = client.v1.subscriptions.retrieve(subscription.id)
    assert (held.status, item(held).price.id) == ("active", item(subscription).price.id)
    changed = client.v1.subscriptions.update(subscription.id, given)
    assert (changed.status, item(changed).price.id) == ("past_due", platinum.id)


def test_a_pending_update_is_made_once_it_is_paid(client, api, jenny, subscription, platinum):
    failing(client, jenny)
    given = {
        "items": [{"id": item(subscription).id, "price": platinum.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    waiting = client.v1.subscriptions.update(subscription.id, given)
    assert (waiting.status, item(waiting).price.unit_amount) == ("active", 3000)
    assert waiting.pending_update.subscription_items[0].price.id == platinum.id
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": jenny.id})
    invoice = client.v1.invoices.list({"subscription": subscription.id, "status": "open"}).data[0]
    client.v1.invoices.pay(invoice.id, {"payment_method": card.id})
    done = client.v1.subscriptions.retrieve(subscription.id)
    assert (done.pending_update, item(done).price.id, done.latest_invoice) == (None, platinum.id, invoice.id)
    assert "customer.subscription.pending_update_applied" in api.events()


def test_a_pending_update_that_nobody_pays_is_dropped_after_a_day(client, api, jenny, subscription, platinum):
    failing(client, jenny)
    given = {
        "items": [{"id": item(subscription).id, "price": platinum.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "pending_if_incomplete",
    }
    client.v1.subscriptions.update(subscription.id, given)
    api.passes(24 * HOUR)
    after = client.v1.subscriptions.retrieve(subscription.id)
    assert (after.pending_update, after.status, item(after).price.unit_amount) == (None, "active", 3000)
    assert "customer.subscription.pending_update_expired" in api.events()
    assert client.v1.invoices.list({"subscription": subscription.id, "status": "void"}).data
    error = refused(client.v1.subscriptions.update, subscription.id, {**given, "description": "x"})
    assert error.param == "description"


def test_a_trial_given_later_gives_the_rest_of_the_period_back(client, api, subscription):
    api.passes(10 * DAY)
    until = item(subscription).current_period_start + 20 * DAY
    changed = client.v1.subscriptions.update(subscription.id, {"trial_end": until})
    assert (changed.status, changed.trial_end, item(changed).current_period_end) == ("trialing", until, until)
    assert [one.amount < 0 for one in client.v1.invoice_items.list({"pending": True}).data] == [True]
    api.passes(11 * DAY)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_ending_a_trial_now_begins_the_first_paid_period(client, api, jenny, gold):
    made = client.v1.subscriptions.create(
        {"customer": jenny.id, "items": [{"price": gold.id}], "trial_period_days": 30}
    )
    api.passes(3 * DAY)
    started = client.v1.subscriptions.update(made.id, {"trial_end": "now"})
    assert started.status == "active"
    assert item(started).current_period_start == started.trial_end < made.trial_end
    assert client.v1.invoices.retrieve(started.latest_invoice).amount_paid == 3000


def test_nothing_changed_is_told_to_nobody(client, api, subscription):
    before = api.events()
    given = {"items": [{"id": item(subscription).id, "quantity": 1}], "metadata": {}}
    client.v1.subscriptions.update(subscription.id, given)
    assert api.events() == before


def test_items_of_other_subscriptions_are_unknown(client, subscription):
    error = refused(client.v1.subscriptions.update, subscription.id, {"items": [{"id": "si_none", "quantity": 2}]})
    assert (error.code, error.param) == ("resource_missing", "items[0][id]")


def test_items_of_another_interval_are_renewed_at_their_own_time(client, api, jenny, product, gold):
    daily = price(client, product, 100, "day", interval_count=10)
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}, {"price": daily.id}]})
    api.passes(10 * DAY + 2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.id)
    assert client.v1.invoices.retrieve(after.latest_invoice).total == 100
    api.passes(22 * DAY)
    totals = [one.total for one in client.v1.invoices.list({"subscription": made.id}).data]
    assert sorted(totals) == [100, 100, 100, 3000, 3100]
