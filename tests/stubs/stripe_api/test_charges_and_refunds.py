"""Tokens, charges, refunds and the balance, through the official SDK."""

import pytest
import stripe

CARD_ONLY = {"enabled": True, "allow_redirects": "never"}
RAW = {"number": "4242 4242 4242 4242", "exp_month": 12, "exp_year": 2030, "cvc": "123"}

OPENING = 100_000  # what every fresh world's account has put in, by a top-up


def refused(action, *args, **options):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args, **options)
    return caught.value


def paid(client, amount=2000, method="pm_card_visa", **params):
    given = {"amount": amount, "currency": "usd", "payment_method": method, "confirm": True,
             "automatic_payment_methods": CARD_ONLY}  # fmt: skip
    return client.v1.payment_intents.create(params={**given, **params})


def test_a_token_of_a_raw_card_is_used_once(client):
    token = client.v1.tokens.create(params={"card": RAW})
    assert (token.type, token.used, token.card.last4, token.card.brand) == ("card", False, "4242", "Visa")
    charge = client.v1.charges.create(params={"amount": 500, "currency": "usd", "source": token.id})
    assert charge.status == "succeeded"
    assert client.v1.tokens.retrieve(token.id).used is True
    error = refused(client.v1.charges.create, params={"amount": 500, "currency": "usd", "source": token.id})
    assert error.code == "token_already_used"


@pytest.mark.parametrize(
    ("wrong", "code", "param"),
    [
        ({"number": "4242424242424241"}, "incorrect_number", "number"),
        ({"exp_month": 13}, "invalid_expiry_month", "exp_month"),
        ({"exp_year": 2020}, "invalid_expiry_year", "exp_year"),
        ({"cvc": "99"}, "invalid_cvc", "cvc"),
    ],
)
def test_card_details_that_can_not_be_are_refused(client, declined, wrong, code, param):
    error = declined(client.v1.tokens.create, params={"card": {**RAW, **wrong}})
    assert (error.http_status, error.code, error.param) == (402, code, param)


def test_a_real_card_in_test_mode_is_declined(client, declined):
    error = declined(client.v1.tokens.create, params={"card": {**RAW, "number": "4539578763621486"}})
    assert error.json_body["error"]["decline_code"] == "test_mode_live_card"


def test_a_charge_can_be_authorized_first_and_captured_later(client, api):
    charge = client.v1.charges.create(params={"amount": 900, "currency": "usd", "source": "tok_visa", "capture": False})
    assert (charge.captured, charge.balance_transaction) == (False, None)
    charge = client.v1.charges.capture(charge.id, params={"amount": 700})
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (True, 700, 200)
    assert charge.balance_transaction.startswith("txn_")
    assert refused(client.v1.charges.capture, charge.id).code == "charge_already_captured"
    assert api.events() == ["charge.succeeded", "charge.captured"]


def test_a_declined_charge_is_an_error_and_a_failed_charge(client, declined):
    error = declined(
        client.v1.charges.create, params={"amount": 900, "currency": "usd", "source": "tok_chargeDeclined"}
    )
    assert error.code == "card_declined"
    charge = client.v1.charges.retrieve(error.json_body["error"]["charge"])
    assert (charge.status, charge.failure_message) == ("failed", "Your card was declined.")


def test_refunds_go_in_parts_until_nothing_is_left(client, api):
    intent = paid(client)
    first = client.v1.refunds.create(
        params={"payment_intent": intent.id, "amount": 500, "reason": "requested_by_customer"}
    )
    assert (first.amount, first.status, first.charge) == (500, "succeeded", intent.latest_charge)
    charge = client.v1.charges.retrieve(intent.latest_charge)
    assert (charge.amount_refunded, charge.refunded) == (500, False)
    error = refused(client.v1.refunds.create, params={"payment_intent": intent.id, "amount": 1501})
    assert error.user_message == "Refund amount ($15.01) is greater than unrefunded amount on charge ($15.00)"
    rest = client.v1.refunds.create(params={"charge": charge.id})
    assert rest.amount == 1500
    charge = client.v1.charges.retrieve(charge.id, params={"expand": ["refunds"]})
    assert (charge.amount_refunded, charge.refunded) == (2000, True)
    assert [refund.id for refund in charge.refunds.data] == [rest.id, first.id]
    error = refused(client.v1.refunds.create, params={"charge": charge.id})
    assert (error.code, error.user_message) == (
        "charge_already_refunded",
        f"Charge {charge.id} has already been refunded.",
    )
    assert api.events()[-4:] == ["refund.created", "charge.refunded", "refund.created", "charge.refunded"]


def test_refunding_more_than_was_charged_names_both_amounts(client):
    intent = paid(client, amount=5445)
    error = refused(client.v1.refunds.create, params={"payment_intent": intent.id, "amount": 9390})
    assert error.user_message == "Refund amount ($93.90) is greater than charge amount ($54.45)"


def test_what_was_not_paid_can_not_be_refunded(client):
    intent = client.v1.payment_intents.create(params={"amount": 2000, "currency": "usd"})
    error = refused(client.v1.refunds.create, params={"payment_intent": intent.id})
    assert error.user_message == f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
    assert "payment_intent or charge" in str(refused(client.v1.refunds.create))


def test_the_balance_is_the_sum_of_its_transactions(client):
    intent = paid(client)
    client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 500})
    entries = client.v1.balance_transactions.list().data
    assert [(entry.type, entry.amount, entry.fee, entry.net) for entry in entries] == [
        ("refund", -500, 0, -500),
        ("charge", 2000, 88, 1912),
        ("topup", OPENING, 0, OPENING),
    ]
    balance = client.v1.balance.retrieve()
    assert balance.pending[0].amount + balance.available[0].amount == OPENING + 1412


def test_funds_of_the_bypass_card_are_there_at_once(client):
    paid(client, amount=10_000, method="pm_card_bypassPending")
    balance = client.v1.balance.retrieve()
    assert balance.available[0].amount == OPENING + 10_000 - 320


def test_cards_from_abroad_cost_more(client):
    intent = paid(client, amount=10_000, method="pm_card_de", expand=["latest_charge.balance_transaction"])
    assert intent.latest_charge.balance_transaction.fee == 470


def test_a_lone_intent_of_a_bank_debit_goes_through_processing(client):
    intent = client.v1.payment_intents.create(
        params={"amount": 2000, "currency": "usd", "payment_method": "pm_usBankAccount_success", "confirm": True,
                "payment_method_types": ["us_bank_account"]}
    )  # fmt: skip
    assert intent.status == "processing"
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"
