"""Payment intents through the official SDK: the whole lifecycle, and what Stripe says where it may not go on."""

import pytest
import stripe

CARD_ONLY = {"enabled": True, "allow_redirects": "never"}


def pay(client, method="pm_card_visa", **params):
    """Create and confirm in one call, without redirects."""
    given = {"amount": 2000, "currency": "usd", "payment_method": method, "confirm": True,
             "automatic_payment_methods": CARD_ONLY}  # fmt: skip
    return client.v1.payment_intents.create(params={**given, **params})


def refused(action, *args, **options):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args, **options)
    return caught.value


def test_a_new_intent_waits_for_a_payment_method(client):
    intent = client.v1.payment_intents.create(params={"amount": 2000, "currency": "USD"})
    assert intent.status == "requires_payment_method"
    assert intent.currency == "usd"
    assert intent.client_secret.startswith(intent.id + "_secret_")
    assert intent.automatic_payment_methods.enabled is True
    assert intent.capture_method == "automatic_async"


def test_an_intent_with_a_method_waits_for_confirmation_then_succeeds(client, api):
    intent = client.v1.payment_intents.create(
        params={"amount": 2000, "currency": "usd", "payment_method": "pm_card_visa", "payment_method_types": ["card"]}
    )
    assert intent.status == "requires_confirmation"
    assert intent.payment_method.startswith("pm_1")
    intent = client.v1.payment_intents.confirm(intent.id)
    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount, charge.paid, charge.captured, charge.payment_intent) == (2000, True, True, intent.id)
    assert charge.payment_method_details.card.last4 == "4242"
    assert api.events() == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


def test_expansion_reaches_the_balance_transaction(client):
    intent = pay(client, expand=["latest_charge.balance_transaction", "payment_method"])
    assert intent.payment_method.card.brand == "visa"
    entry = intent.latest_charge.balance_transaction
    assert (entry.amount, entry.fee, entry.net, entry.type) == (2000, 88, 1912, "charge")
    assert entry.source == intent.latest_charge.id


def test_redirecting_methods_need_a_return_url(client):
    error = refused(pay, client, automatic_payment_methods={"enabled": True})
    assert "you must provide a `return_url`" in str(error)


def test_a_return_url_is_enough(client):
    intent = pay(client, automatic_payment_methods={"enabled": True}, return_url="https://shop.example/done")
    assert intent.status == "succeeded"


def test_a_decline_is_a_card_error_and_stays_on_record(client, declined, api):
    error = declined(pay, client, "pm_card_chargeDeclinedInsufficientFunds")
    assert (error.http_status, error.code, error.param) == (402, "card_declined", None)
    assert error.user_message == "Your card has insufficient funds."
    body = error.json_body["error"]
    assert body["decline_code"] == "insufficient_funds"
    assert body["doc_url"] == "https://stripe.com/docs/error-codes/card-declined"
    assert body["payment_method"]["card"]["last4"] == "9995"
    intent = client.v1.payment_intents.retrieve(body["payment_intent"]["id"])
    assert intent.status == "requires_payment_method"
    assert intent.payment_method is None
    assert intent.last_payment_error.decline_code == "insufficient_funds"
    charge = client.v1.charges.retrieve(body["charge"])
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, "card_declined")
    assert charge.outcome.reason == "insufficient_funds"
    assert intent.latest_charge == charge.id
    assert api.events() == ["payment_intent.created", "charge.failed", "payment_intent.payment_failed"]


def test_a_declined_intent_can_be_paid_with_another_card(client, declined):
    error = declined(pay, client, "pm_card_chargeDeclined")
    intent_id = error.json_body["error"]["payment_intent"]["id"]
    intent = client.v1.payment_intents.confirm(intent_id, params={"payment_method": "pm_card_mastercard"})
    assert intent.status == "succeeded"
    assert intent.last_payment_error is None
    charges = client.v1.charges.list(params={"payment_intent": intent_id})
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_manual_capture_takes_a_part_and_gives_the_rest_back(client):
    intent = pay(client, capture_method="manual")
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 2000, 0)
    intent = client.v1.payment_intents.capture(intent.id, params={"amount_to_capture": 1500})
    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("succeeded", 0, 1500)
    charge = client.v1.charges.retrieve(intent.latest_charge, params={"expand": ["balance_transaction"]})
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (2000, 1500, 500)
    assert charge.balance_transaction.amount == 1500


def test_capturing_more_than_authorized_is_refused(client):
    intent = pay(client, capture_method="manual")
    error = refused(client.v1.payment_intents.capture, intent.id, params={"amount_to_capture": 2001})
    assert (error.code, error.param) == ("amount_too_large", "amount_to_capture")


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (
            "confirm",
            "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.",
        ),
        ("capture", "This PaymentIntent could not be captured because it has already been captured."),
        (
            "cancel",
            (
                "You cannot cancel this PaymentIntent because it has a status of succeeded. Only a PaymentIntent with one of "
                "the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, "
                "requires_action, processing."
            ),
        ),
    ],
)
def test_what_a_succeeded_intent_forbids_is_refused_and_changes_nothing(client, action, message):
    intent = pay(client)
    before = client.v1.payment_intents.retrieve(intent.id).to_dict()
    error = refused(getattr(client.v1.payment_intents, action), intent.id)
    assert error.user_message == message
    assert error.code == "payment_intent_unexpected_state"
    assert error.json_body["error"]["payment_intent"]["id"] == intent.id
    assert client.v1.payment_intents.retrieve(intent.id).to_dict() == before


def test_capturing_what_was_not_confirmed_names_the_status(client):
    intent = client.v1.payment_intents.create(params={"amount": 2000, "currency": "usd"})
    error = refused(client.v1.payment_intents.capture, intent.id)
    assert error.user_message == (
        "This PaymentIntent could not be captured because it has a status of requires_payment_method. Only a "
        "PaymentIntent with one of the following statuses may be captured: requires_capture."
    )


def test_the_amount_of_a_succeeded_intent_is_fixed_but_its_metadata_is_not(client):
    intent = pay(client, metadata={"order": "1"})
    error = refused(client.v1.payment_intents.update, intent.id, params={"amount": 3000})
    assert "amount could not be updated because it has a status of succeeded" in str(error)
    changed = client.v1.payment_intents.update(intent.id, params={"metadata": {"gift": "yes"}, "description": "Shoes"})
    assert changed.metadata.to_dict() == {"order": "1", "gift": "yes"}
    assert changed.description == "Shoes"


def test_confirming_without_a_payment_method_is_refused(client):
    intent = client.v1.payment_intents.create(params={"amount": 2000, "currency": "usd"})
    error = refused(client.v1.payment_intents.confirm, intent.id, params={"return_url": "https://a.example"})
    assert error.code == "payment_intent_unexpected_state"
    assert "it's missing a payment method" in str(error)


def test_canceling_an_authorization_gives_it_back(client):
    intent = pay(client, capture_method="manual")
    intent = client.v1.payment_intents.cancel(intent.id, params={"cancellation_reason": "requested_by_customer"})
    assert (intent.status, intent.cancellation_reason) == ("canceled", "requested_by_customer")
    assert intent.canceled_at is not None
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.captured, charge.refunded, charge.amount_refunded) == (False, True, 2000)


def test_a_card_with_3d_secure_asks_for_it(client, api):
    intent = pay(client, "pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    assert intent.status == "requires_action"
    assert intent.next_action.type == "redirect_to_url"
    assert intent.next_action.redirect_to_url.return_url == "https://shop.example/back"
    assert intent.amount_received == 0
    assert api.events()[-1] == "payment_intent.requires_action"


def test_without_a_return_url_the_sdk_of_the_browser_is_to_authenticate(client):
    intent = pay(client, "pm_card_authenticationRequired")
    assert intent.next_action.type == "use_stripe_sdk"


def test_off_session_authentication_is_a_decline(client, declined):
    customer = client.v1.customers.create(params={"email": "jenny@example.com"})
    method = client.v1.payment_methods.attach("pm_card_authenticationRequired", params={"customer": customer.id})
    error = declined(pay, client, method.id, customer=customer.id, off_session=True)
    assert error.code == "authentication_required"
    assert error.json_body["error"]["payment_intent"]["status"] == "requires_payment_method"


def test_another_card_ends_a_pending_authentication(client):
    intent = pay(client, "pm_card_threeDSecure2Required")
    intent = client.v1.payment_intents.confirm(intent.id, params={"payment_method": "pm_card_visa"})
    assert intent.status == "succeeded"
    assert intent.next_action is None


@pytest.mark.parametrize(
    ("params", "code", "message"),
    [
        ({"amount": 49, "currency": "usd"}, "amount_too_small", "Amount must be at least $0.50 usd"),
        ({"amount": 20, "currency": "jpy"}, "amount_too_small", "Amount must be at least ¥50 jpy"),
        ({"amount": 0, "currency": "usd"}, "parameter_invalid_integer", "greater than or equal to 1"),
        ({"amount": 100_000_000, "currency": "usd"}, "amount_too_large", "no more than $999,999.99"),
        (
            {"amount": 2000, "currency": "zzz"},
            None,
            "Invalid currency: zzz. Stripe currently supports these currencies: usd",
        ),
    ],
)
def test_amounts_that_cannot_be_charged_are_refused(client, params, code, message):
    error = refused(client.v1.payment_intents.create, params=params)
    assert error.http_status == 400
    assert error.code == code
    assert message in str(error)


def test_a_method_of_another_customer_is_refused(client):
    jenny = client.v1.customers.create(params={"name": "Jenny"})
    tom = client.v1.customers.create(params={"name": "Tom"})
    method = client.v1.payment_methods.attach("pm_card_visa", params={"customer": jenny.id})
    assert "does not belong to the Customer you supplied" in str(refused(pay, client, method.id, customer=tom.id))
    assert "Please include the Customer" in str(refused(pay, client, method.id))
    assert pay(client, method.id, customer=jenny.id).status == "succeeded"


def test_a_lone_payment_method_pays_once(client):
    method = client.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}})
    assert pay(client, method.id).status == "succeeded"
    assert "It may not be used again" in str(refused(pay, client, method.id))


def test_future_usage_saves_the_method_on_the_customer(client):
    customer = client.v1.customers.create()
    intent = pay(client, customer=customer.id, setup_future_usage="off_session")
    saved = client.v1.customers.payment_methods.list(customer.id)
    assert [method.id for method in saved] == [intent.payment_method]
    assert pay(client, intent.payment_method, customer=customer.id, off_session=True).status == "succeeded"


def test_zero_decimal_currencies_are_charged_in_whole_units(client):
    intent = pay(client, amount=500, currency="jpy", expand=["latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.currency == "jpy"
    assert intent.latest_charge.balance_transaction.fee == 45


def page_of(intent):
    action = intent.next_action
    return action.redirect_to_url.url if action.type == "redirect_to_url" else action.use_stripe_sdk["stripe_js"]


def test_completing_the_authentication_pays_and_leads_back_to_the_shop(client, api):
    intent = pay(client, "pm_card_threeDSecure2Required", return_url="https://shop.example/back?order=1")
    page = api.call("GET", page_of(intent), key=None)
    assert page.status == 200
    assert b'name="outcome" value="succeeded"' in page.raw
    done = api.call("POST", page_of(intent), "outcome=succeeded", key=None)
    assert done.status == 303
    assert done.headers["Location"].startswith(f"https://shop.example/back?order=1&payment_intent={intent.id}&")
    assert done.headers["Location"].endswith("&redirect_status=succeeded")
    intent = client.v1.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge"]})
    assert intent.status == "succeeded"
    assert intent.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"


def test_failing_the_authentication_asks_for_another_method(client, api):
    intent = pay(client, "pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    done = api.call("POST", page_of(intent), "outcome=failed", key=None)
    assert done.headers["Location"].endswith("&redirect_status=failed")
    intent = client.v1.payment_intents.retrieve(intent.id)
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"


def test_a_card_may_be_declined_after_its_authentication(client, api):
    method = "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds"
    intent = pay(client, method, return_url="https://shop.example/back")
    done = api.call("POST", page_of(intent), "outcome=succeeded", key=None)
    assert done.headers["Location"].endswith("&redirect_status=failed")
    intent = client.v1.payment_intents.retrieve(intent.id)
    assert intent.last_payment_error.decline_code == "insufficient_funds"


def test_with_manual_confirmation_the_server_confirms_once_more(client, api):
    intent = pay(
        client, "pm_card_threeDSecure2Required", confirmation_method="manual", return_url="https://shop.example/"
    )
    api.call("POST", page_of(intent), "outcome=succeeded", key=None)
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_confirmation"
    assert client.v1.payment_intents.confirm(intent.id).status == "succeeded"


def test_the_page_needs_the_clients_secret(client, api):
    intent = pay(client, "pm_card_threeDSecure2Required", return_url="https://shop.example/back")
    wrong = page_of(intent).replace(intent.client_secret, "guessed")
    assert api.call("POST", wrong, "outcome=succeeded", key=None).status == 400
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_action"
