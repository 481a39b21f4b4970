"""Subscription schedules through the official SDK: phase by phase, by the clock."""

import pytest
import stripe

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def product(client):
    return client.v1.products.create({"name": "Gold"})


@pytest.fixture
def gold(client, product):
    return price(client, product, 1500)


@pytest.fixture
def jenny(client):
    return client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )


def price(client, product, amount):
    recurring = {"interval": "month"}
    return client.v1.prices.create(
        {"product": product.id, "unit_amount": amount, "currency": "usd", "recurring": recurring}
    )


def phase(price, quantity=1, months=1, **extra):
    duration = {"interval": "month", "interval_count": months}
    return {"items": [{"price": price.id, "quantity": quantity}], "duration": duration} | extra


def plan(client, customer, *phases, **extra):
    return client.v1.subscription_schedules.create(
        {"customer": customer.id, "start_date": "now", "phases": list(phases)} | extra
    )


def refused(action, *args):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args)
    return caught.value


def test_a_schedule_that_begins_now_has_its_subscription_at_once(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold), phase(gold, 2))
    assert (made.status, made.end_behavior) == ("active", "release")
    assert made.phases[0].end_date == made.phases[1].start_date
    assert made.current_phase.start_date == made.phases[0].start_date
    subscription = client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.schedule) == ("active", made.id)
    assert client.v1.invoices.retrieve(subscription.latest_invoice).status == "draft"
    api.passes(2 * HOUR)
    assert client.v1.invoices.retrieve(subscription.latest_invoice).status == "paid"


def test_the_next_phase_is_what_its_first_invoice_bills(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold), phase(gold, 2))
    api.passes(31 * DAY + 2 * HOUR)
    subscription = client.v1.subscriptions.retrieve(made.subscription)
    assert subscription["items"].data[0].quantity == 2
    assert client.v1.invoices.retrieve(subscription.latest_invoice).total == 3000
    now = client.v1.subscription_schedules.retrieve(made.id)
    assert now.current_phase.start_date == made.phases[1].start_date
    assert client.v1.invoice_items.list({"pending": True}).data == []


def test_released_at_the_end_the_subscription_goes_on(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold))
    api.passes(32 * DAY)
    done = client.v1.subscription_schedules.retrieve(made.id)
    assert (done.status, done.completed_at, done.current_phase) == ("completed", made.phases[0].end_date, None)
    subscription = client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.schedule) == ("active", None)
    events = api.events()
    assert events.index("subscription_schedule.expiring") < events.index("subscription_schedule.completed")


def test_canceled_at_the_end_the_subscription_ends_with_it(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold), end_behavior="cancel")
    api.passes(32 * DAY)
    subscription = client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.ended_at) == ("canceled", made.phases[0].end_date)
    assert client.v1.subscription_schedules.retrieve(made.id).status == "completed"
    assert len(client.v1.invoices.list({"subscription": subscription.id}).data) == 1


def test_one_that_begins_later_waits(client, api, jenny, gold):
    later = jenny.created + 10 * DAY
    made = plan(client, jenny, phase(gold), start_date=later)
    assert (made.status, made.subscription) == ("not_started", None)
    assert client.v1.subscription_schedules.list({"scheduled": True}).data[0].id == made.id
    api.passes(10 * DAY)
    begun = client.v1.subscription_schedules.retrieve(made.id)
    assert begun.status == "active"
    assert client.v1.subscriptions.retrieve(begun.subscription).start_date == later


def test_a_trial_in_a_phase_and_what_is_paid_once(client, api, jenny, product, gold):
    setup = client.v1.prices.create({"product": product.id, "unit_amount": 500, "currency": "usd"})
    made = plan(client, jenny, phase(gold, trial=True), phase(gold, add_invoice_items=[{"price": setup.id}]))
    subscription = client.v1.subscriptions.retrieve(made.subscription)
    assert (subscription.status, subscription.trial_end) == ("trialing", made.phases[0].end_date)
    api.passes(31 * DAY + 2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.subscription)
    assert after.status == "active"
    assert sorted(one.total for one in client.v1.invoices.list({"subscription": after.id}).data) == [0, 500, 1500]


def test_a_schedule_is_released_and_canceled_by_hand(client, api, jenny, gold):
    freed = client.v1.subscription_schedules.release(plan(client, jenny, phase(gold)).id)
    assert (freed.status, freed.subscription) == ("released", None)
    assert client.v1.subscriptions.retrieve(freed.released_subscription).status == "active"
    canceled = client.v1.subscription_schedules.cancel(plan(client, jenny, phase(gold)).id)
    assert canceled.status == "canceled"
    assert client.v1.subscriptions.retrieve(canceled.subscription).status == "canceled"
    assert api.events()[-1] == "subscription_schedule.canceled"
    assert "`canceled` status" in refused(client.v1.subscription_schedules.release, canceled.id).user_message


def test_a_subscription_that_is_there_gets_a_schedule_and_another_phase(client, api, jenny, gold):
    subscription = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})
    made = client.v1.subscription_schedules.create({"from_subscription": subscription.id})
    assert (made.status, made.subscription, len(made.phases)) == ("active", subscription.id, 1)
    assert client.v1.subscriptions.retrieve(subscription.id).schedule == made.id
    first = made.phases[0]
    now = {"items": [{"price": gold.id, "quantity": 1}], "start_date": first.start_date, "end_date": first.end_date}
    changed = client.v1.subscription_schedules.update(made.id, {"phases": [now, phase(gold, 5)]})
    assert [one["items"][0].quantity for one in changed.phases] == [1, 5]
    api.passes(31 * DAY + 2 * HOUR)
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    assert client.v1.invoices.retrieve(renewed.latest_invoice).total == 7500
    assert refused(client.v1.subscription_schedules.create, {"from_subscription": subscription.id}).param


def test_the_current_phase_can_be_changed_on_the_way(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold, months=2))
    api.passes(10 * DAY)
    span = {"start_date": made.phases[0].start_date, "end_date": made.phases[0].end_date}
    client.v1.subscription_schedules.update(
        made.id, {"phases": [{"items": [{"price": gold.id, "quantity": 3}], **span}]}
    )
    assert client.v1.subscriptions.retrieve(made.subscription)["items"].data[0].quantity == 3
    assert len(client.v1.invoice_items.list({"pending": True}).data) == 2


def test_a_schedule_whose_subscription_nobody_pays_is_aborted(client, api, jenny, gold):
    made = plan(client, jenny, phase(gold, months=6))
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": jenny.id})
    client.v1.customers.update(jenny.id, {"invoice_settings": {"default_payment_method": card.id}})
    api.passes(55 * DAY)
    assert client.v1.subscription_schedules.retrieve(made.id).status == "canceled"
    assert api.events()[-1] == "subscription_schedule.aborted"


@pytest.mark.parametrize(
    ("phases", "param"),
    [
        ([], "phases"),
        ([{"items": [], "trial": True}], "phases[0][items]"),
        ([{"items": [{"price": "no"}]}], "phases[0][items][0][price]"),
    ],
)
def test_a_schedule_of_nothing_is_refused(client, jenny, phases, param):
    assert refused(lambda: plan(client, jenny, *phases)).param == param
