"""How Stripe's API talks: keys, errors, idempotency, headers, expansion, events, determinism."""

import json

import pytest
import stripe

from childproof.model import Fidelity
from childproof.world import ClockSettings, Store


def error(reply):
    return reply.body["error"]


def test_a_missing_key_is_refused_in_the_words_of_stripe(api):
    reply = api.call("GET", "/v1/customers", key=None)
    assert reply.status == 401
    assert error(reply)["message"].startswith("You did not provide an API key. You need to provide your API key in the")
    assert error(reply)["type"] == "invalid_request_error"


def test_a_wrong_key_is_masked(api):
    reply = api.call("GET", "/v1/customers", key="hunter2hunter2hunter2")
    assert reply.status == 401
    assert error(reply)["message"] == "Invalid API Key provided: hunter2**********ter2"


def test_the_key_may_be_a_user_name(api):
    reply = api.send("GET", "/v1/customers", (("Authorization", "Basic c2tfdGVzdF8xMjM0NTY6"),), b"")
    assert reply.status == 200


def test_replies_name_the_request_and_echo_the_version(api):
    reply = api.call("POST", "/v1/customers", Stripe_Version="2024-06-20", Idempotency_Key="k1")
    assert reply.headers["Request-Id"].startswith("req_")
    assert reply.headers["Stripe-Version"] == "2024-06-20"
    assert reply.headers["Idempotency-Key"] == "k1"
    assert reply.headers["Content-Type"].startswith("application/json")
    assert api.call("GET", "/v1/customers").headers["Stripe-Version"] == "2026-08-26.dahlia"


def test_an_error_links_its_code_and_the_request_log(api):
    reply = api.call("GET", "/v1/payment_intents/pi_missing")
    assert reply.status == 404
    found = error(reply)
    assert found["message"] == "No such payment_intent: 'pi_missing'"
    assert (found["code"], found["param"]) == ("resource_missing", "intent")
    assert found["doc_url"] == "https://stripe.com/docs/error-codes/resource-missing"
    assert reply.headers["Request-Id"] in found["request_log_url"]


@pytest.mark.parametrize(
    ("path", "body", "code", "param", "message"),
    [
        ("/v1/payment_intents", "currency=usd", "parameter_missing", "amount", "Missing required param: amount."),
        ("/v1/payment_intents", "amount=ten&currency=usd", "parameter_invalid_integer", "amount", "Invalid integer: ten"),
        ("/v1/customers", "fooo=1", "parameter_unknown", "fooo", "Received unknown parameter: fooo"),
        ("/v1/customers", "address[planet]=Mars", "parameter_unknown", "address[planet]",
         "Received unknown parameter: address[planet]"),
        ("/v1/payment_intents", "amount=100&currency=usd&confirm=maybe", None, "confirm", "Invalid boolean: maybe"),
        ("/v1/payment_intents", "amount=100&currency=usd&capture_method=never", None, "capture_method",
         "Invalid capture_method: must be one of automatic, automatic_async, or manual"),
        ("/v1/customers", "expand=x", None, "expand", "Invalid array"),
        ("/v1/refunds", "charge=ch_missing", "resource_missing", "charge", "No such charge: 'ch_missing'"),
        ("/v1/payment_intents", "amount=100&currency=usd&customer=cus_missing", "resource_missing", "customer",
         "No such customer: 'cus_missing'"),
        ("/v1/payment_intents", "amount=100&currency=", "parameter_invalid_empty", "currency",
         ("You passed an empty string for 'currency'. We assume empty values are an attempt to unset a parameter; however "
         "'currency' cannot be unset. You should remove 'currency' from your request or supply a non-empty value.")),
    ],
)  # fmt: skip
def test_requests_are_validated_in_the_words_of_stripe(api, path, body, code, param, message):
    reply = api.call("POST", path, body)
    assert reply.status == 400
    found = error(reply)
    assert found["message"] == message
    assert found.get("code") == code
    assert found["param"] == param
    assert found["type"] == "invalid_request_error"


def test_an_unknown_path_is_refused_in_the_words_of_stripe(api):
    reply = api.call("GET", "/v1/unicorns")
    assert reply.status == 404
    assert error(reply)["message"].startswith("Unrecognized request URL (GET: /v1/unicorns).")
    assert reply.fidelity == Fidelity.GAP


def test_the_same_key_and_call_is_answered_once(client, api):
    options = {"idempotency_key": "order-1"}
    first = client.v1.customers.create(params={"name": "Jenny"}, options=options)
    again = client.v1.customers.create(params={"name": "Jenny"}, options=options)
    assert again.id == first.id
    assert api.replies[-1].headers["Idempotent-Replayed"] == "true"
    assert api.replies[-1].raw == api.replies[0].raw
    assert len(client.v1.customers.list().data) == 1
    assert api.replies[1].effects == ()


def test_the_same_key_with_another_call_is_refused(client):
    client.v1.customers.create(params={"name": "Jenny"}, options={"idempotency_key": "order-1"})
    with pytest.raises(stripe.IdempotencyError) as caught:
        client.v1.customers.create(params={"name": "Tom"}, options={"idempotency_key": "order-1"})
    assert caught.value.http_status == 400
    assert caught.value.user_message == (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a "
        "key other than 'order-1' if you meant to execute a different request."
    )


def test_a_declined_payment_is_replayed_as_declined(api):
    body = "amount=900&currency=usd&source=tok_chargeDeclined"
    first = api.call("POST", "/v1/charges", body, Idempotency_Key="k")
    again = api.call("POST", "/v1/charges", body, Idempotency_Key="k")
    assert (first.status, again.status) == (402, 402)
    assert again.body == first.body
    assert len(api.call("GET", "/v1/charges").body["data"]) == 1


def test_a_request_that_was_refused_unread_may_be_mended_under_its_key(api):
    assert api.call("POST", "/v1/payment_intents", "currency=usd", Idempotency_Key="k").status == 400
    assert api.call("POST", "/v1/payment_intents", "amount=500&currency=usd", Idempotency_Key="k").status == 200


def test_expansion_replaces_ids_by_objects(api):
    customer = api.call("POST", "/v1/customers", "name=Jenny").body["id"]
    api.call("POST", "/v1/payment_intents", f"amount=500&currency=usd&customer={customer}")
    reply = api.call("GET", "/v1/payment_intents?expand[]=data.customer")
    assert reply.body["data"][0]["customer"]["name"] == "Jenny"
    reply = api.call("GET", f"/v1/customers/{customer}?expand[]=metadata")
    assert reply.status == 400
    assert error(reply)["message"] == "This property cannot be expanded (metadata)."


@pytest.mark.parametrize("limit", ["0", "101"])
def test_limits_are_from_1_to_100(api, limit):
    reply = api.call("GET", f"/v1/customers?limit={limit}")
    assert reply.status == 400
    assert error(reply)["param"] == "limit"


def test_events_carry_the_request_that_caused_them(api):
    reply = api.call("POST", "/v1/customers", "name=Jenny", Idempotency_Key="abc")
    event = api.call("GET", "/v1/events").body["data"][0]
    assert event["type"] == "customer.created"
    assert event["request"] == {"id": reply.headers["Request-Id"], "idempotency_key": "abc"}
    assert event["data"]["object"] == reply.body
    assert "previous_attributes" not in event["data"]
    assert event["api_version"] == "2026-08-26.dahlia"
    assert api.call("GET", f"/v1/events/{event['id']}").body == event
    assert len(api.call("GET", "/v1/events?type=customer.*").body["data"]) == 1
    assert api.call("GET", "/v1/events?type=charge.*").body["data"] == []


def test_a_live_key_makes_live_objects(api):
    assert api.call("POST", "/v1/customers", "name=J", key="sk_live_123456789").body["livemode"] is True
    [event] = api.call("GET", "/v1/events").body["data"]
    assert event["livemode"] is event["data"]["object"]["livemode"] is True
    assert api.call("POST", "/v1/customers", "name=J").body["livemode"] is False
    assert [one["livemode"] for one in api.call("GET", "/v1/events").body["data"]] == [False, True]


def test_nothing_hidden_is_ever_shown(api):
    body = "amount=900&currency=usd&payment_method=pm_card_chargeDeclined&confirm=true&payment_method_types[]=card"
    api.call("POST", "/v1/payment_intents", body)
    api.call("POST", "/v1/payment_intents", body.replace("pm_card_chargeDeclined", "pm_card_visa"))
    api.call("GET", "/v1/payment_intents?expand[]=data.payment_method&expand[]=data.latest_charge")
    api.call("GET", "/v1/events")
    for reply in api.replies:
        assert '"_' not in reply.raw.decode()
    for effect in api.effects:
        assert '"_' not in json.dumps(effect.data)


def test_the_same_seed_and_calls_give_the_same_bytes(stub, api):
    calls = [
        ("POST", "/v1/customers", "name=Jenny"),
        (
            "POST",
            "/v1/payment_intents",
            "amount=900&currency=usd&payment_method=pm_card_visa&confirm=true&return_url=https://x.example",
        ),
        ("GET", "/v1/events", ""),
        ("GET", "/v1/customers/cus_missing", ""),
    ]
    for call in calls:
        api.call(*call)
    start = 1_767_603_600_000
    store = Store.open(":memory:", wall=lambda: start + 12345)
    world = store.create("other", seed=7, clock=ClockSettings(start=start, run="step", step=1000))
    other = type(api)(stub, world)
    for call in calls:
        other.call(*call)
    assert [(reply.raw, reply.headers) for reply in api.replies] == [
        (reply.raw, reply.headers) for reply in other.replies
    ]
    store.close()


def test_outcomes_tell_what_would_have_happened(client, api, stub):
    customer = client.v1.customers.create().id
    for amount in (30_000, 12_000):
        client.v1.payment_intents.create(
            params={"amount": amount, "currency": "usd", "payment_method": "pm_card_visa", "confirm": True,
                    "payment_method_types": ["card"], "customer": customer}
        )  # fmt: skip
    api.call("POST", "/v1/charges", "amount=900&currency=usd&source=tok_chargeDeclined")
    charge = client.v1.charges.list().data[-1].id
    client.v1.refunds.create(params={"charge": charge, "amount": 2000})
    assert stub.outcomes(api.effects) == "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline"


def test_the_key_belongs_to_an_account_that_may_charge(client):
    account = client.v1.accounts.retrieve_current()
    assert (account.id, account.charges_enabled, account.default_currency) == ("acct_1childproofTest0", True, "usd")


def test_the_same_key_at_another_endpoint_is_refused(api):
    api.call("POST", "/v1/customers", "name=Jenny", Idempotency_Key="k")
    reply = api.call("POST", "/v1/products", "name=Pro", Idempotency_Key="k")
    assert (reply.status, error(reply)["type"]) == (400, "idempotency_error")
    assert "('/v1/customers' vs '/v1/products')" in error(reply)["message"]
