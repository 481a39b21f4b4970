"""Test clocks through the official SDK: a time of its own for some customers, advanced with the world's."""

import pytest
import stripe

HOUR, DAY = 3_600, 86_400
NEW_YEAR = 1_577_836_800  # 2020-01-01


@pytest.fixture
def clock(client):
    return client.v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR, "name": "Years ago"})


@pytest.fixture
def gold(client):
    product = client.v1.products.create({"name": "Gold"})
    recurring = {"interval": "month"}
    return client.v1.prices.create(
        {"product": product.id, "unit_amount": 1500, "currency": "usd", "recurring": recurring}
    )


@pytest.fixture
def jenny(client, clock):
    return client.v1.customers.create(
        {
            "test_clock": clock.id,
            "payment_method": "pm_card_visa",
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
    )


def advance(client, clock, to):
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})
    return client.v1.test_helpers.test_clocks.retrieve(clock.id)


def refused(action, *args):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args)
    return caught.value


def test_a_clock_stands_until_it_is_advanced(client, api, clock):
    assert (clock.status, clock.frozen_time, clock.name) == ("ready", NEW_YEAR, "Years ago")
    api.passes(40 * DAY)
    assert client.v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time == NEW_YEAR


def test_a_clock_renews_so_many_subscriptions_at_a_time(client, clock, gold):
    """Time passes for customers without a clock as well; a clock of nobody would else renew theirs for years."""
    daily = client.v1.prices.create(
        {"product": gold.product, "unit_amount": 100, "currency": "usd", "recurring": {"interval": "day"}}
    )
    card = "pm_card_visa"
    ada = client.v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    subscription = client.v1.subscriptions.create({"customer": ada.id, "items": [{"price": daily.id}]})
    assert "would renew subscriptions 700 times" in refused(advance, client, clock, NEW_YEAR + 700 * DAY).user_message
    assert advance(client, clock, NEW_YEAR + 3 * DAY).status == "ready"
    assert len(client.v1.invoices.list({"subscription": subscription.id}).data) == 4
    client.v1.subscriptions.cancel(subscription.id)
    assert advance(client, clock, NEW_YEAR + 700 * DAY).status == "ready"


def test_advancing_is_answered_at_once_and_done_right_after(client, api, clock):
    replied = client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": NEW_YEAR + DAY})
    assert (replied.status, replied.frozen_time) == ("advancing", NEW_YEAR)
    assert replied.status_details.advancing.target_frozen_time == NEW_YEAR + DAY
    after = client.v1.test_helpers.test_clocks.retrieve(clock.id)
    assert (after.status, after.frozen_time) == ("ready", NEW_YEAR + DAY)
    assert api.events()[-2:] == ["test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"]


def test_the_worlds_time_goes_on_by_as_much(client, api, clock):
    before = client.v1.customers.create({}).created
    advance(client, clock, NEW_YEAR + 3 * DAY)
    after = client.v1.customers.create({}).created
    assert 3 * DAY <= after - before <= 3 * DAY + 10


def test_its_customers_live_by_its_time(client, api, clock, jenny, gold):
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})
    assert (jenny.created, made.created, made.test_clock) == (NEW_YEAR, NEW_YEAR, clock.id)
    assert made["items"].data[0].current_period_end == NEW_YEAR + 31 * DAY
    invoice = client.v1.invoices.retrieve(made.latest_invoice)
    assert (invoice.created, invoice.test_clock, invoice.status_transitions.paid_at) == (NEW_YEAR, clock.id, NEW_YEAR)
    api.passes(60 * DAY)  # of the world, which is nothing to them
    assert client.v1.subscriptions.retrieve(made.id).latest_invoice == made.latest_invoice


def test_months_pass_to_the_second(client, clock, jenny, gold):
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})
    ends = made["items"].data[0].current_period_end
    advance(client, clock, ends - 1)
    assert client.v1.subscriptions.retrieve(made.id).latest_invoice == made.latest_invoice
    advance(client, clock, ends)
    renewed = client.v1.subscriptions.retrieve(made.id)
    invoice = client.v1.invoices.retrieve(renewed.latest_invoice)
    assert (invoice.status, invoice.created) == ("draft", ends)
    advance(client, clock, ends + HOUR)
    invoice = client.v1.invoices.retrieve(renewed.latest_invoice)
    assert (invoice.status, invoice.status_transitions.paid_at) == ("paid", ends + HOUR)
    month = ends
    for _ in range(6):
        month += 31 * DAY
        assert advance(client, clock, month).status == "ready"
    paid = client.v1.invoices.list({"subscription": made.id, "limit": 20}).data
    assert [one.period_end for one in reversed(paid)] == sorted({one.period_end for one in paid})
    assert len(paid) == 8


def test_a_clock_goes_forward_only_and_not_further_than_two_periods(client, clock, jenny, gold):
    advance_to = lambda to: client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})  # noqa: E731 - thrice
    assert refused(advance_to, NEW_YEAR).param == "frozen_time"
    client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})
    assert "two intervals" in refused(advance_to, NEW_YEAR + 90 * DAY).user_message
    assert client.v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time == NEW_YEAR
    assert refused(client.v1.customers.create, {"test_clock": "clock_none"}).param == "test_clock"


def test_a_deleted_clock_takes_its_customers_along(client, api, clock, jenny, gold):
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})
    other = client.v1.customers.create({})
    gone = client.v1.test_helpers.test_clocks.delete(clock.id)
    assert (gone.id, gone.deleted) == (clock.id, True)
    assert client.v1.customers.retrieve(jenny.id).deleted
    assert client.v1.subscriptions.retrieve(made.id).status == "canceled"
    assert client.v1.customers.list().data[0].id == other.id
    assert api.events()[-1] == "test_helpers.test_clock.deleted"
    assert client.v1.test_helpers.test_clocks.list().data == []
    api.passes(60 * DAY)
    assert "customer.subscription.updated" not in api.events()


def test_two_clocks_have_each_their_own_time(client, clock):
    other = client.v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR + 900 * DAY})
    advance(client, clock, NEW_YEAR + DAY)
    assert client.v1.test_helpers.test_clocks.retrieve(other.id).frozen_time == NEW_YEAR + 900 * DAY
    assert [one.id for one in client.v1.test_helpers.test_clocks.list().data] == [other.id, clock.id]
