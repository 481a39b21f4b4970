"""Subscriptions through the official SDK: how they fall behind, come back, and end. Months pass by the world's clock."""

import pytest

from .subscribing import DAY, HOUR, monthly, period, previous, refused, subscribe, with_card


@pytest.fixture
def product(client):
    return client.v1.products.create({"name": "Gold"})


@pytest.fixture
def gold(client, product):
    return monthly(client, product, 1500)


@pytest.fixture
def jenny(client):
    return with_card(client, "pm_card_visa")


# --- falling behind


def failing_from_now_on(client, customer):
    card = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})


def test_a_failed_renewal_is_past_due_tried_again_and_canceled_in_the_end(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    failing_from_now_on(client, jenny)
    api.passes(31 * DAY + 2 * HOUR)
    late = client.v1.subscriptions.retrieve(made.id)
    assert late.status == "past_due"
    invoice = client.v1.invoices.retrieve(late.latest_invoice)
    assert (invoice.status, invoice.attempt_count) == ("open", 1)
    api.passes(20 * DAY)
    after = client.v1.subscriptions.retrieve(made.id)
    assert (after.status, after.cancellation_details.reason) == ("canceled", "payment_failed")
    assert client.v1.invoices.retrieve(late.latest_invoice).attempt_count == 4
    assert api.events().count("invoice.payment_failed") == 4
    assert "customer.subscription.deleted" in api.events()


def test_a_new_card_brings_a_late_subscription_back(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    failing_from_now_on(client, jenny)
    api.passes(31 * DAY + 2 * HOUR)
    late = client.v1.subscriptions.retrieve(made.id)
    card = client.v1.payment_methods.attach("pm_card_mastercard", {"customer": jenny.id})
    client.v1.invoices.pay(late.latest_invoice, {"payment_method": card.id})
    assert client.v1.subscriptions.retrieve(made.id).status == "active"
    assert previous(client, "customer.subscription.updated").to_dict() == {"status": "past_due"}


# --- ending


def test_a_subscription_canceled_at_the_end_of_its_period_lives_until_then(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    marked = client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert (marked.status, marked.cancel_at, marked.cancel_at_period_end) == ("active", period(made)[1], True)
    assert set(previous(client, "customer.subscription.updated").to_dict()) == {
        "cancel_at", "cancel_at_period_end", "canceled_at", "cancellation_details"
    }  # fmt: skip
    api.passes(31 * DAY + 2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.id)
    assert (after.status, after.ended_at, after.canceled_at) == ("canceled", period(made)[1], marked.canceled_at)
    assert len(client.v1.invoices.list({"subscription": made.id}).data) == 1


def test_a_change_of_mind_keeps_it(client, api, jenny, gold):
    made = subscribe(client, jenny, gold, cancel_at_period_end=True)
    kept = client.v1.subscriptions.update(made.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at) == (None, None)
    api.passes(31 * DAY + 2 * HOUR)
    assert client.v1.subscriptions.retrieve(made.id).status == "active"


def test_cancel_at_ends_it_in_the_middle_of_a_period(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    client.v1.subscriptions.update(made.id, {"cancel_at": made.created + 3 * DAY})
    api.passes(3 * DAY)
    after = client.v1.subscriptions.retrieve(made.id)
    assert (after.status, after.ended_at) == ("canceled", made.created + 3 * DAY)


def test_canceling_at_once_can_give_the_rest_back(client, api, jenny, gold):
    made = subscribe(client, jenny, gold)
    api.passes(15 * DAY)
    gone = client.v1.subscriptions.cancel(made.id, {"prorate": True, "invoice_now": True})
    assert gone.status == "canceled"
    invoice = client.v1.invoices.retrieve(gone.latest_invoice)
    start, end = period(made)
    line = invoice.lines.data[0]
    assert line.amount == -round(1500 * (end - line.period.start) / (end - start))
    assert client.v1.customers.retrieve(jenny.id).balance == line.amount
    assert api.events()[-1] == "customer.subscription.deleted"


def test_what_has_ended_can_neither_be_canceled_nor_changed(client, jenny, gold):
    made = subscribe(client, jenny, gold)
    client.v1.subscriptions.cancel(made.id, {"cancellation_details": {"feedback": "unused", "comment": "Bye"}})
    gone = client.v1.subscriptions.retrieve(made.id)
    assert (gone.cancellation_details.feedback, gone.cancellation_details.reason) == (
        "unused",
        "cancellation_requested",
    )
    assert refused(client.v1.subscriptions.cancel, made.id).http_status == 404
    assert (
        "canceled subscription" in refused(client.v1.subscriptions.update, made.id, {"description": "x"}).user_message
    )
    assert client.v1.subscriptions.update(made.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_lists_leave_out_what_has_ended_unless_asked(client, jenny, gold):
    kept, gone = subscribe(client, jenny, gold), subscribe(client, jenny, gold)
    client.v1.subscriptions.cancel(gone.id)
    ids = lambda **query: [one.id for one in client.v1.subscriptions.list(query).data]  # noqa: E731 - four times below
    assert ids() == [kept.id]
    assert ids(status="all") == [gone.id, kept.id]
    assert ids(status="canceled") == ids(status="ended") == [gone.id]
    assert ids(price=gold.id, customer=jenny.id) == [kept.id]


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_paused_collection_treats_invoices_as_it_says_until_it_resumes(client, api, jenny, gold, behavior, status):
    made = subscribe(client, jenny, gold)
    pause = {"behavior": behavior, "resumes_at": made.created + 40 * DAY}
    client.v1.subscriptions.update(made.id, {"pause_collection": pause})
    api.passes(31 * DAY + 2 * HOUR)
    held = client.v1.subscriptions.retrieve(made.id)
    assert held.status == "active"
    assert client.v1.invoices.retrieve(held.latest_invoice).status == status
    api.passes(10 * DAY)
    assert client.v1.subscriptions.retrieve(made.id).pause_collection is None
    api.passes(20 * DAY)
    after = client.v1.subscriptions.retrieve(made.id)
    assert client.v1.invoices.retrieve(after.latest_invoice).status == "paid"
