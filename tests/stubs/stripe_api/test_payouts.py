"""Money that leaves and comes: payouts, top-ups and when funds are available, through the official SDK."""

import pytest
import stripe

DAY = 86_400
OPENING = 100_000


def available(client, **options):
    balance = client.v1.balance.retrieve(**options)
    return balance.available[0].amount


def test_the_balance_is_always_the_sum_of_its_transactions(client, api):
    """Whatever happens — payments, disputes, payouts, failures — the balance and the book agree."""
    for method in ("pm_card_visa", "pm_card_createDispute", "pm_card_refundFail", "pm_card_de"):
        intent = client.v1.payment_intents.create(
            params={"amount": 7000, "currency": "usd", "payment_method": method, "payment_method_types": ["card"],
                    "confirm": True}
        )  # fmt: skip
        if method == "pm_card_refundFail":
            client.v1.refunds.create(params={"payment_intent": intent.id})
    client.v1.payouts.create(params={"amount": 1000, "currency": "usd"})
    client.v1.topups.create(params={"amount": 3000, "currency": "usd"})
    for days in (0, 1, 2, 30):
        api.passes(days * DAY + 10)
        lines = list(client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
        balance = client.v1.balance.retrieve()
        assert sum(part.amount for part in (*balance.available, *balance.pending)) == sum(line.net for line in lines)
        ready = sum(line.net for line in lines if line.status == "available")
        assert balance.available[0].amount == ready


def test_pending_money_becomes_available_on_its_day(client, api):
    """A card payment is pending for two days; `balance.available` tells when it isn't."""
    client.v1.charges.create(params={"amount": 1000, "currency": "usd", "source": "tok_visa"})
    assert available(client) == OPENING
    assert "balance.available" not in api.events()
    api.passes(3 * DAY)
    assert available(client) == OPENING + 941
    assert api.events()[-1] == "balance.available"


def test_a_payout_arrives_on_its_day(client, api):
    """Pending, in transit, paid: on the world's clock, as `arrival_date` says."""
    payout = client.v1.payouts.create(params={"amount": 1000, "currency": "usd"})
    seen = [payout.status]
    for _ in range(3):
        api.passes(DAY)
        seen.append(client.v1.payouts.retrieve(payout.id).status)
    assert seen == ["pending", "in_transit", "paid", "paid"]
    with api.world.transaction() as tx:
        assert tx.now() // 1000 >= payout.arrival_date


def test_an_instant_payout_takes_half_an_hour(client, api):
    """`method: instant` doesn't wait for days."""
    payout = client.v1.payouts.create(params={"amount": 1000, "currency": "usd", "method": "instant"})
    api.passes(3600)
    assert client.v1.payouts.retrieve(payout.id).status == "paid"


def test_more_than_there_is_is_refused_and_nothing_changes(client, api):
    """A payout, and a transfer, beyond the available balance."""
    account = client.v1.accounts.create(params={"type": "standard"})
    told = len(api.events())
    with pytest.raises(stripe.InvalidRequestError) as payout:
        client.v1.payouts.create(params={"amount": OPENING + 1, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError) as transfer:
        client.v1.transfers.create(params={"amount": OPENING + 1, "currency": "usd", "destination": account.id})
    assert (payout.value.code, transfer.value.code) == ("balance_insufficient", "balance_insufficient")
    assert (available(client), len(api.events())) == (OPENING, told)


def test_money_of_a_failed_payout_is_back(client, api):
    """A bank account whose number stands for `account_closed`."""
    bank = client.v1.accounts.external_accounts.create(
        "acct_1childproofTest0", params={"external_account": "btok_us_verified_accountClosed"}
    )
    payout = client.v1.payouts.create(params={"amount": 1000, "currency": "usd", "destination": bank.id})
    api.passes(4 * DAY)
    payout = client.v1.payouts.retrieve(payout.id)
    assert (payout.status, payout.failure_code) == ("failed", "account_closed")
    assert available(client) == OPENING
