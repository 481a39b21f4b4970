"""Setup intents through the official SDK."""

import pytest
import stripe

CARD_ONLY = {"enabled": True, "allow_redirects": "never"}


@pytest.fixture
def customer(client):
    return client.v1.customers.create(params={"email": "jenny@example.com"})


def set_up(client, method, **params):
    given = {"payment_method": method, "confirm": True, "automatic_payment_methods": CARD_ONLY, **params}
    return client.v1.setup_intents.create(params=given)


def test_a_card_is_saved_for_later(client, customer, api):
    intent = set_up(client, "pm_card_visa", customer=customer.id)
    assert (intent.status, intent.usage, intent.customer) == ("succeeded", "off_session", customer.id)
    assert [method.id for method in client.v1.customers.payment_methods.list(customer.id)] == [intent.payment_method]
    assert api.events()[1:] == ["setup_intent.created", "payment_method.attached", "setup_intent.succeeded"]


def test_a_card_set_up_with_authentication_pays_off_session(client, customer, api):
    intent = set_up(client, "pm_card_authenticationRequiredOnSetup", customer=customer.id)
    assert intent.status == "requires_action"
    page = intent.next_action.use_stripe_sdk["stripe_js"]
    assert api.call("GET", page, key=None).status == 200
    api.call("POST", page, "outcome=succeeded", key=None)
    intent = client.v1.setup_intents.retrieve(intent.id)
    assert intent.status == "succeeded"
    paid = client.v1.payment_intents.create(
        params={"amount": 500, "currency": "usd", "customer": customer.id, "payment_method": intent.payment_method,
                "off_session": True, "confirm": True}
    )  # fmt: skip
    assert paid.status == "succeeded"


def test_a_failed_authentication_is_on_the_intent(client, customer, api):
    intent = set_up(client, "pm_card_threeDSecure2Required", customer=customer.id)
    api.call("POST", intent.next_action.use_stripe_sdk["stripe_js"], "outcome=failed", key=None)
    intent = client.v1.setup_intents.retrieve(intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_setup_error.code == "setup_intent_authentication_failure"


def test_a_declined_card_is_not_saved(client, customer, declined):
    error = declined(set_up, client, "pm_card_chargeDeclinedLostCard", customer=customer.id)
    body = error.json_body["error"]
    assert (error.code, body["decline_code"]) == ("card_declined", "lost_card")
    assert client.v1.setup_intents.retrieve(body["setup_intent"]["id"]).status == "requires_payment_method"
    assert client.v1.customers.payment_methods.list(customer.id).data == []


@pytest.mark.parametrize("action", ["confirm", "cancel"])
def test_a_succeeded_intent_is_final(client, action):
    intent = set_up(client, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        getattr(client.v1.setup_intents, action)(intent.id)
    assert caught.value.code == "setup_intent_unexpected_state"
    assert client.v1.setup_intents.retrieve(intent.id).status == "succeeded"
