"""Usage through the official SDK: meters, their events, and what prices make of them."""

import json

import pytest
import stripe

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def meter(client):
    return client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "api_call", "default_aggregation": {"formula": "sum"}}
    )


@pytest.fixture
def jenny(client):
    return client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )


def use(client, customer, value, **extra):
    payload = {"stripe_customer_id": customer.id, "value": str(value)}
    return client.v1.billing.meter_events.create({"event_name": "api_call", "payload": payload} | extra)


def refused(action, *args):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args)
    return caught.value


def metered(client, meter, **extra):
    product = client.v1.products.create({"name": "Calls"})
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter.id}
    cost = {} if "tiers" in extra else {"unit_amount": 5}
    return client.v1.prices.create({"product": product.id, "currency": "usd", "recurring": recurring} | cost | extra)


def stream(api, token, *events):
    body = json.dumps({"events": list(events)}).encode()
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    return api.send("POST", "https://meter-events.stripe.com/v2/billing/meter_event_stream", headers, body)


def session(api):
    headers = (("Authorization", "Bearer sk_test_childproof123"), ("Content-Type", "application/json"))
    return api.send("POST", "https://api.stripe.com/v2/billing/meter_event_session", headers, b"{}").body


def test_a_meter_is_one_for_its_event_name(client, api, meter):
    assert (meter.status, meter.customer_mapping.event_payload_key) == ("active", "stripe_customer_id")
    again = {"display_name": "B", "event_name": "api_call", "default_aggregation": {"formula": "sum"}}
    assert refused(client.v1.billing.meters.create, again).param == "event_name"
    off = client.v1.billing.meters.deactivate(meter.id)
    assert (off.status, off.status_transitions.deactivated_at is None) == ("inactive", False)
    assert client.v1.billing.meters.list({"status": "active"}).data == []
    assert client.v1.billing.meters.reactivate(meter.id).status == "active"
    assert client.v1.billing.meters.update(meter.id, {"display_name": "C"}).display_name == "C"
    assert api.events() == [
        "billing.meter.created", "billing.meter.deactivated", "billing.meter.reactivated", "billing.meter.updated"
    ]  # fmt: skip


def test_usage_is_added_up_by_customer_and_billed_when_the_month_is_over(client, api, jenny, meter):
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": metered(client, meter).id}]})
    first = client.v1.invoices.retrieve(made.latest_invoice)
    assert (first.total, first.status, first.lines.data[0].quantity) == (0, "paid", 0)
    tom = client.v1.customers.create({})
    use(client, jenny, 300)
    use(client, jenny, 100)
    use(client, tom, 5000)
    api.passes(31 * DAY + 2 * HOUR)
    after = client.v1.subscriptions.retrieve(made.id)
    invoice = client.v1.invoices.retrieve(after.latest_invoice)
    assert (invoice.total, invoice.status) == (2000, "paid")
    line = invoice.lines.data[0]
    period = made["items"].data[0]
    assert (line.quantity, line.period.start, line.period.end) == (
        400,
        period.current_period_start,
        period.current_period_end,
    )


def test_tiers_of_a_metered_price(client, api, jenny, meter):
    tiers = [{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 3}]
    price = metered(client, meter, billing_scheme="tiered", tiers_mode="graduated", tiers=tiers)
    made = client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": price.id}]})
    use(client, jenny, 150)
    api.passes(32 * DAY)
    after = client.v1.subscriptions.retrieve(made.id)
    assert client.v1.invoices.retrieve(after.latest_invoice).total == 150


@pytest.mark.parametrize(("formula", "total"), [("sum", 7.0), ("count", 2.0), ("last", 4.0)])
def test_the_ways_of_counting(client, jenny, formula, total):
    meter = client.v1.billing.meters.create(
        {"display_name": "Calls", "event_name": "api_call", "default_aggregation": {"formula": formula}}
    )
    use(client, jenny, 3)
    at = use(client, jenny, 4).timestamp
    query = {"customer": jenny.id, "start_time": at - at % 60 - 60, "end_time": at - at % 60 + 60}
    summary = client.v1.billing.meters.event_summaries.list(meter.id, query).data
    assert [one.aggregated_value for one in summary] == [total]
    assert refused(
        client.v1.billing.meters.event_summaries.list, meter.id, {**query, "start_time": at - at % 60 + 1}
    ).param == ("start_time")


def test_an_event_is_counted_once_and_can_be_taken_back(client, api, jenny, meter):
    event = use(client, jenny, 3, identifier="one")
    assert (event.identifier, event.payload["value"]) == ("one", "3")
    assert refused(lambda: use(client, jenny, 3, identifier="one")).code == "duplicate_meter_event"
    given = {"event_name": "api_call", "type": "cancel", "cancel": {"identifier": "one"}}
    assert client.v1.billing.meter_event_adjustments.create(given).status == "pending"
    at = event.timestamp - event.timestamp % 60
    query = {"customer": jenny.id, "start_time": at, "end_time": at + 60}
    assert client.v1.billing.meters.event_summaries.list(meter.id, query).data == []
    assert refused(client.v1.billing.meter_event_adjustments.create, given).http_status == 400


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"event_name": "other"}, "no_meter"),
        ({"payload": {"value": "1"}}, "meter_event_no_customer_defined"),
        ({"payload": {"stripe_customer_id": "cus_none", "value": "1"}}, "resource_missing"),
        ({"payload": {"stripe_customer_id": "", "value": "x"}}, "meter_event_invalid_value"),
        ({"timestamp": 1_000_000_000}, "timestamp_too_far_in_past"),
        ({"timestamp": 4_000_000_000}, "timestamp_in_future"),
    ],
)
def test_what_cant_be_counted_is_refused(client, jenny, meter, given, code):
    payload = {"stripe_customer_id": jenny.id, "value": "1"}
    body = {"event_name": "api_call", "payload": payload} | given
    if "stripe_customer_id" in body["payload"] and not body["payload"]["stripe_customer_id"]:
        body["payload"]["stripe_customer_id"] = jenny.id
    assert refused(client.v1.billing.meter_events.create, body).code == code


def test_the_stream_takes_a_sessions_token_and_complains_by_events(client, api, jenny, meter):
    made = session(api)
    good = {"event_name": "api_call", "payload": {"stripe_customer_id": jenny.id, "value": "2"}}
    lost = {"event_name": "api_call", "payload": {"value": "2"}}
    unknown = {"event_name": "nobody", "payload": {"value": "2"}}
    before = len(api.events())
    assert stream(api, made["authentication_token"], good, lost, unknown).status == 200
    assert api.events()[before:] == ["v1.billing.meter.error_report_triggered", "v1.billing.meter.no_meter_found"]
    report = client.v1.events.list({"type": "v1.billing.meter.error_report_triggered"}).data[0].data.object
    assert report.reason.error_types[0].code == "meter_event_no_customer_defined"
    assert report.related_object.id == meter.id
    api.passes(16 * 60)
    late = stream(api, made["authentication_token"], good)
    assert (late.status, late.body["error"]["code"]) == (401, "billing_meter_event_session_expired")
    assert stream(api, "sk_test_childproof123", good).status == 401
