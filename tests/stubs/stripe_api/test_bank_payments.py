"""Payments from bank accounts and the cash balance, sources, and what is saved of them, through the official SDK."""

import pytest
import stripe

US = {"account_holder_type": "individual", "account_number": "000123456789", "routing_number": "110000000"}


def debit(client, method, kind="us_bank_account", currency="usd"):
    return client.v1.payment_intents.create(
        params={"amount": 2000, "currency": currency, "payment_method": method, "payment_method_types": [kind],
                "confirm": True}
    )  # fmt: skip


def typed(client):
    return client.v1.payment_methods.create(
        params={"type": "us_bank_account", "us_bank_account": US, "billing_details": {"name": "Jenny"}}
    ).id


@pytest.mark.parametrize(
    ("name", "code"),
    [("accountClosed", "account_closed"), ("noAccount", "no_account"), ("insufficientFunds", "insufficient_funds"),
     ("debitNotAuthorized", "debit_not_authorized"), ("weeklyLimitExceeded", "charge_exceeds_source_limit")],
)  # fmt: skip
def test_a_debit_fails_as_its_account_says(client, api, name, code):
    """Processing first; then the failure is on the charge and on the intent, and no money has moved."""
    intent = debit(client, f"pm_usBankAccount_{name}")
    assert intent.status == "processing"
    api.passes(5)
    intent = client.v1.payment_intents.retrieve(intent.id, params={"expand": ["latest_charge"]})
    assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", code)
    assert (intent.latest_charge.status, intent.latest_charge.failure_code) == ("failed", code)
    assert client.v1.balance_transactions.list(params={"type": "charge"}).data == []


def test_a_debit_that_stays_in_processing_can_be_canceled(client, api):
    """The account that is documented for it never gets anywhere."""
    intent = debit(client, "pm_usBankAccount_processing")
    api.passes(3600)
    assert client.v1.payment_intents.retrieve(intent.id).status == "processing"
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


@pytest.mark.parametrize("country", ["at", "fr", "gb", "no"])
def test_each_country_has_the_same_five_accounts(client, api, country):
    """A SEPA debit succeeds, fails or is disputed, at once or after three minutes."""
    outcomes = {}
    for scenario in ("success", "successDelayed", "failed", "failedDelayed", "disputed"):
        intent = debit(client, f"pm_sepaDebit_{scenario}_{country}", "sepa_debit", "eur")
        outcomes[scenario] = intent.id
    api.passes(10)
    now = {name: client.v1.payment_intents.retrieve(one).status for name, one in outcomes.items()}
    api.passes(200)
    later = {name: client.v1.payment_intents.retrieve(one).status for name, one in outcomes.items()}
    assert list(now.values()) == ["succeeded", "processing", "requires_payment_method", "processing", "succeeded"]
    assert (later["successDelayed"], later["failedDelayed"]) == ("succeeded", "requires_payment_method")
    assert len(client.v1.disputes.list(params={"payment_intent": outcomes["disputed"]}).data) == 1


def test_a_verified_account_is_not_verified_again(client, api):
    """Saved by a setup intent, it pays without small deposits."""
    customer = client.v1.customers.create(params={"name": "Jenny"}).id
    setup = client.v1.setup_intents.create(
        params={"customer": customer, "payment_method": typed(client), "payment_method_types": ["us_bank_account"],
                "confirm": True}
    )  # fmt: skip
    assert setup.next_action.type == "verify_with_microdeposits"
    setup = client.v1.setup_intents.verify_microdeposits(setup.id, params={"amounts": [45, 32]})
    assert (setup.status, client.v1.mandates.retrieve(setup.mandate).type) == ("succeeded", "multi_use")
    intent = client.v1.payment_intents.create(
        params={"amount": 2000, "currency": "usd", "customer": customer, "payment_method": setup.payment_method,
                "payment_method_types": ["us_bank_account"], "confirm": True}
    )  # fmt: skip
    assert intent.status == "processing"


def test_deposits_that_cannot_be_sent_fail_the_payment(client, api):
    """The account that is documented for it."""
    method = client.v1.payment_methods.create(
        params={"type": "us_bank_account", "us_bank_account": US | {"account_number": "000666666661"}}
    )
    intent = debit(client, method.id)
    api.passes(5)
    intent = client.v1.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.last_payment_error.code) == (
        "requires_payment_method", "payment_method_microdeposit_failed")  # fmt: skip


def test_the_oldest_intent_is_paid_first_unless_a_reference_names_another(client):
    """Two intents wait; a transfer with the second's reference pays that one."""
    customer = client.v1.customers.create(params={"name": "Jenny"}).id
    waiting = [
        client.v1.payment_intents.create(
            params={"amount": 1000, "currency": "eur", "customer": customer, "confirm": True,
                    "payment_method_types": ["customer_balance"], "payment_method_data": {"type": "customer_balance"},
                    "payment_method_options": {"customer_balance": {"funding_type": "bank_transfer", "bank_transfer": {
                        "type": "eu_bank_transfer", "eu_bank_transfer": {"country": "DE"}}}}}
        )
        for _ in range(3)
    ]  # fmt: skip
    reference = waiting[1].next_action.display_bank_transfer_instructions.reference
    fund = client.v1.test_helpers.customers.fund_cash_balance
    fund(customer, params={"amount": 1000, "currency": "eur", "reference": reference})
    fund(customer, params={"amount": 1000, "currency": "eur"})
    statuses = [client.v1.payment_intents.retrieve(one.id).status for one in waiting]
    assert statuses == ["succeeded", "succeeded", "requires_action"]


def test_the_cash_balance_is_the_sum_of_its_lines(client):
    """Funds, payments and refunds."""
    customer = client.v1.customers.create(params={"name": "Jenny"}).id
    client.v1.test_helpers.customers.fund_cash_balance(customer, params={"amount": 5000, "currency": "usd"})
    intent = client.v1.payment_intents.create(
        params={"amount": 3000, "currency": "usd", "customer": customer, "confirm": True,
                "payment_method_types": ["customer_balance"], "payment_method_data": {"type": "customer_balance"}}
    )  # fmt: skip
    assert intent.status == "succeeded"
    refund = client.v1.refunds.create(params={"payment_intent": intent.id, "amount": 700})
    assert refund.destination_details.type == "customer_cash_balance"
    lines = client.v1.customers.cash_balance_transactions.list(customer).data
    assert client.v1.customers.cash_balance.retrieve(customer).to_dict()["available"] == {
        "usd": sum(one.net_amount for one in lines)
    }
    assert [one.ending_balance for one in lines] == [2700, 2000, 5000]


def test_a_source_is_used_up_by_its_charge_and_fails_at_its_page(client, api):
    """A redirect has two ends."""
    made = [
        client.v1.sources.create(
            params={
                "type": "ideal",
                "amount": 1000,
                "currency": "eur",
                "redirect": {"return_url": "https://a.example/b"},
            }
        )
        for _ in range(2)
    ]
    for source, outcome in zip(made, ("succeeded", "failed"), strict=True):
        reply = api.call("POST", f"/3d_secure_2/hosted?source={source.id}", f"outcome={outcome}", key=None)
        assert reply.headers["Location"].startswith("https://a.example/b?client_secret=src_client_secret_")
    assert [client.v1.sources.retrieve(one.id).status for one in made] == ["chargeable", "failed"]
    client.v1.charges.create(params={"amount": 1000, "currency": "eur", "source": made[0].id})
    for source in made:
        with pytest.raises(stripe.InvalidRequestError, match="not in a chargeable state"):
            client.v1.charges.create(params={"amount": 1000, "currency": "eur", "source": source.id})
    assert api.events() == ["source.chargeable", "source.failed", "charge.succeeded"]


def test_accounts_of_customers_are_given_up_after_ten_wrong_answers(client):
    """A bank account that nobody can verify stays so."""
    customer = client.v1.customers.create(params={"source": "btok_us"}).id
    bank = client.v1.customers.retrieve(customer).default_source
    for _ in range(10):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.payment_sources.verify(customer, bank, params={"amounts": [1, 2]})
    assert client.v1.customers.payment_sources.retrieve(customer, bank).status == "verification_failed"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.customers.payment_sources.verify(customer, bank, params={"amounts": [32, 45]})
