"""Connected accounts and what flows between them and the platform, through the official SDK."""

import pytest
import stripe

INDIVIDUAL = {
    "first_name": "Jenny", "last_name": "Rosen", "email": "jenny@example.com", "phone": "+15555550100", "id_number": "000000000",
    "dob": {"day": 1, "month": 1, "year": 1901},
    "address": {"line1": "address_full_match", "city": "San Francisco", "state": "CA", "postal_code": "94103"},
}  # fmt: skip
BUSINESS = {
    "business_type": "individual", "business_profile": {"mcc": "5734", "url": "https://shop.example"},
    "tos_acceptance": {"date": 1_767_603_600, "ip": "192.0.2.7"}, "external_account": "btok_us_verified",
}  # fmt: skip


def account(client, **params):
    given = {"type": "custom", "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}}}
    return client.v1.accounts.create(params=given | params)


def test_what_is_missing_is_told_and_goes_away_as_it_is_given(client, api):
    """Requirements shrink with what is known; the last one opens the capabilities and tells `account.updated`."""
    made = account(client)
    due = set(made.requirements.currently_due)
    made = client.v1.accounts.update(made.id, params=BUSINESS)
    assert set(made.requirements.currently_due) != due
    assert all(name.startswith("individual.") for name in made.requirements.currently_due)
    assert made.charges_enabled is False
    made = client.v1.accounts.update(made.id, params={"individual": INDIVIDUAL})
    assert made.requirements.currently_due == []
    assert (made.charges_enabled, made.payouts_enabled, made.capabilities.transfers) == (True, True, "active")
    assert api.events()[-4:] == ["account.updated", "capability.updated", "capability.updated", "account.updated"]


def test_numbers_are_never_shown(client):
    """Of an id number only whether it was given."""
    made = account(client, individual=INDIVIDUAL, **BUSINESS)
    assert made.individual.id_number_provided is True
    assert "000000000" not in str(client.v1.accounts.retrieve(made.id).to_dict()["individual"])


def test_an_account_without_the_capability_takes_no_transfers(client):
    """What must be active is named."""
    made = account(client)
    with pytest.raises(stripe.InvalidRequestError) as error:
        client.v1.transfers.create(params={"amount": 100, "currency": "usd", "destination": made.id})
    assert error.value.code == "insufficient_capabilities_for_transfer"


def test_accounts_do_not_see_each_other(client):
    """What `Stripe-Account` made is unknown to the platform and to other accounts, in lists and by id."""
    one, other = (client.v1.accounts.create(params={"type": "standard"}).id for _ in range(2))
    made = client.v1.customers.create(params={"name": "Theirs"}, options={"stripe_account": one})
    assert client.v1.customers.retrieve(made.id, options={"stripe_account": one}).name == "Theirs"
    for options in ({}, {"stripe_account": other}):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.retrieve(made.id, options=options)
        assert client.v1.customers.list(options=options).data == []
        assert client.v1.events.list(params={"type": "customer.created"}, options=options).data == []
    told = client.v1.events.list(params={"type": "customer.created"}, options={"stripe_account": one}).data
    assert [event.data.object.id for event in told] == [made.id]


def test_an_unknown_account_is_refused(client):
    """In Stripe's words, and with its type of error."""
    with pytest.raises(stripe.PermissionError, match="does not have access to account 'acct_1nobody'"):
        client.v1.customers.list(options={"stripe_account": "acct_1nobody"})


def test_money_between_accounts_is_neither_made_nor_lost(client):
    """Transfers, reversals, destination and direct charges: both balances together change by payments less fees alone."""
    other = client.v1.accounts.create(params={"type": "standard"}).id

    def both():
        balances = (client.v1.balance.retrieve(), client.v1.balance.retrieve(options={"stripe_account": other}))
        return sum(part.amount for one in balances for part in (*one.available, *one.pending))

    before = both()
    transfer = client.v1.transfers.create(params={"amount": 5000, "currency": "usd", "destination": other})
    client.v1.transfers.reversals.create(transfer.id, params={"amount": 1234})
    assert both() == before
    paid = {"amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "payment_method_types": ["card"],
            "confirm": True, "application_fee_amount": 777}  # fmt: skip
    shared = client.v1.payment_intents.create(params=paid | {"transfer_data": {"destination": other}})
    assert both() == before + 10_000 - 320
    client.v1.payment_intents.create(params=paid, options={"stripe_account": other})
    assert both() == before + 2 * (10_000 - 320)
    client.v1.refunds.create(
        params={"payment_intent": shared.id, "amount": 3333, "reverse_transfer": True, "refund_application_fee": True}
    )
    assert both() == before + 2 * (10_000 - 320) - 3333


def test_a_refund_s_reversal_names_it(client, api):
    """Reversal and refund name each other; what is expanded is whole, with its own lists; the event has the old list."""
    other = account(client, individual=INDIVIDUAL, **BUSINESS).id
    paid = client.v1.payment_intents.create(
        params={"amount": 10_000, "currency": "usd", "payment_method": "pm_card_visa", "payment_method_types": ["card"],
                "confirm": True, "application_fee_amount": 777, "transfer_data": {"destination": other},
                "expand": ["latest_charge.transfer", "latest_charge.application_fee"]},
    )  # fmt: skip
    assert (paid.latest_charge.transfer.reversals.data, paid.latest_charge.application_fee.refunds.data) == ([], [])
    back = client.v1.refunds.create(
        params={"payment_intent": paid.id, "reverse_transfer": True, "expand": ["transfer_reversal"]}
    )
    assert (back.transfer_reversal.source_refund, back.transfer_reversal.amount) == (back.id, 10_000)
    before = client.v1.events.list({"type": "transfer.reversed"}).data[0].data.to_dict()["previous_attributes"]
    assert before == {"amount_reversed": 0, "reversed": False, "reversals": {"data": []}}


def test_jobs_that_an_account_put_off_are_done_in_it(client, api):
    """A daily payout of a connected account leaves its own balance."""
    other = account(client, individual=INDIVIDUAL, **BUSINESS).id
    client.v1.payment_intents.create(
        params={"amount": 10_000, "currency": "usd", "payment_method": "pm_card_bypassPending", "confirm": True,
                "payment_method_types": ["card"]}, options={"stripe_account": other},
    )  # fmt: skip
    api.passes(2 * 86_400)
    payouts = client.v1.payouts.list(options={"stripe_account": other}).data
    assert [(one.amount, one.automatic) for one in payouts] == [(9680, True)]
    assert client.v1.payouts.list().data == []
