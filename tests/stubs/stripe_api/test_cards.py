"""Stripe's test cards: every one by number and by name, and what each does."""

import re
from pathlib import Path

import pytest

from childproof.stubkit.folder.loading import load_stub

FOLDER = Path(__file__).parents[3] / "stubs" / "stripe"
CARD_ONLY = {"enabled": True, "allow_redirects": "never"}

# number, test name, code, decline code, message (docs.stripe.com/testing#declined-payments)
DECLINES = [
    ("4000000000000002", "chargeDeclined", "card_declined", "generic_decline", "Your card was declined."),
    ("4000000000009995", "chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
     "Your card has insufficient funds."),
    ("4000000000009987", "chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."),
    ("4000000000009979", "chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."),
    ("4000000000000069", "chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."),
    ("4000000000000127", "chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc",
     "Your card's security code is incorrect."),
    ("4000000000000119", "chargeDeclinedProcessingError", "processing_error", "processing_error",
     "An error occurred while processing your card. Try again in a little bit."),
    ("4000000000006975", "chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded",
     "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."),
    ("4100000000000019", "radarBlock", "card_declined", "fraudulent", "Your card was declined."),
]  # fmt: skip
GOOD = [
    ("4242424242424242", "visa", "US"), ("4000056655665556", "visa", "US"), ("5555555555554444", "mastercard", "US"),
    ("378282246310005", "amex", "US"), ("6011111111111117", "discover", "US"), ("3056930009020004", "diners", "US"),
    ("3566002020360505", "jcb", "US"), ("6200000000000005", "unionpay", "US"), ("4000008260000000", "visa", "GB"),
    ("4000002760000016", "visa", "DE"), ("4000000000000077", "visa", "US"),
]  # fmt: skip


def pay(client, method):
    return client.v1.payment_intents.create(
        params={"amount": 2000, "currency": "usd", "payment_method": method, "confirm": True,
                "automatic_payment_methods": CARD_ONLY}
    )  # fmt: skip


def typed(client, number):
    card = {"number": number, "exp_month": 8, "exp_year": 2031, "cvc": "314"}
    return client.v1.payment_methods.create(params={"type": "card", "card": card}).id


@pytest.mark.parametrize(
    ("number", "name", "code", "decline_code", "message"), DECLINES, ids=lambda value: str(value)[:20]
)
def test_declined_cards_say_why_by_name_and_by_number(client, declined, number, name, code, decline_code, message):
    for method in (f"pm_card_{name}", typed(client, number)):
        error = declined(pay, client, method)
        assert (error.http_status, error.code, error.user_message) == (402, code, message)
        assert error.json_body["error"]["decline_code"] == decline_code


@pytest.mark.parametrize(("number", "brand", "country"), GOOD)
def test_good_cards_pay(client, number, brand, country):
    intent = pay(client, typed(client, number))
    charge = client.v1.charges.retrieve(intent.latest_charge)
    card = charge.payment_method_details.card
    assert (intent.status, card.brand, card.country, card.last4) == ("succeeded", brand, country, number[-4:])


def test_a_blocked_payment_never_reached_the_network(client, declined):
    error = declined(pay, client, "pm_card_radarBlock")
    outcome = client.v1.charges.retrieve(error.json_body["error"]["charge"]).outcome
    assert (outcome.type, outcome.network_status, outcome.risk_level) == ("blocked", "not_sent_to_network", "highest")


def test_elevated_risk_pays_and_says_so(client):
    intent = pay(client, "pm_card_riskLevelElevated")
    assert client.v1.charges.retrieve(intent.latest_charge).outcome.risk_level == "elevated"


def test_a_failed_cvc_check_is_told_and_pays(client):
    intent = pay(client, "pm_card_cvcCheckFail")
    assert client.v1.charges.retrieve(intent.latest_charge).payment_method_details.card.checks.cvc_check == "fail"


def test_the_same_number_has_the_same_fingerprint(client):
    one, two = (client.v1.payment_methods.retrieve(typed(client, "4242424242424242")) for _ in range(2))
    assert one.id != two.id
    assert one.card.fingerprint == two.card.fingerprint


def test_every_test_card_passes_the_luhn_check_and_has_one_meaning():
    """A digit mistyped in the table would make a documented card unusable."""
    load_stub(FOLDER)
    text = (FOLDER / "cards.py").read_text()
    numbers = set(re.findall(r'"(\d{14,19})"', text))
    assert len(numbers) > 90
    wrong = [number for number in numbers if not luhn(number)]
    assert wrong == []


def luhn(number):
    digits = [int(digit) for digit in reversed(number)]
    return sum(digit if at % 2 == 0 else sum(divmod(digit * 2, 10)) for at, digit in enumerate(digits)) % 10 == 0
