"""What world files plant at Stripe is what real calls leave: the official package reads it, schemas and sums agree."""

from collections import Counter
from collections.abc import Iterator

import pytest
import stripe

from childproof.stubkit.stub import Stub
from childproof.world import Store
from tests.stubs.inprocess import START, planted

from .conftest import KEY, Api, InProcess

FILE = """
world: shop
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: {count: 40, given: [{name: Jenny Rosen, email: jenny@example.com}]}
stripe:
  products: [{name: Pro, price: {amount: 2000, currency: usd, every: month}}, {name: Mug, price: {amount: 1200}}]
  customers: {count: 40, with: {payment_method: 0.8}, over: 180d}
  payments: {per_customer: 3, over: 90d, declined: 0.1, refunded: 0.1}
"""
DAY = 86_400


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with planted(FILE, tmp_path_factory.mktemp("seeds")) as store:
        yield store


@pytest.fixture
def shop_client(shop: Store, stub: Stub) -> stripe.StripeClient:
    """Every reply is checked against Stripe's schemas, too."""
    return stripe.StripeClient(KEY, http_client=InProcess(Api(stub, shop.world("planted"))))


def test_people_are_customers(shop_client: stripe.StripeClient) -> None:
    """Forty of them; Jenny as she was given, most with a card."""
    found = list(shop_client.v1.customers.list({"limit": 100}).auto_paging_iter())
    assert len(found) == 40
    assert [one.email for one in found if one.name == "Jenny Rosen"] == ["jenny@example.com"]
    assert all(one.address and one.phone and one.phone.startswith("+1") for one in found)
    cards = [shop_client.v1.customers.payment_methods.list(one.id).data for one in found]
    assert 25 <= sum(bool(methods) for methods in cards) <= 38


def test_payments_have_all_that_belongs_to_them(shop_client: stripe.StripeClient) -> None:
    """Each intent its charge, each paid one its balance transaction and receipt; some declined, some refunded."""
    expand = {"limit": 100, "expand": ["data.latest_charge.balance_transaction", "data.customer"]}
    found = list(shop_client.v1.payment_intents.list(expand).auto_paging_iter())
    assert len(found) == 120
    kinds = Counter(one.status for one in found)
    assert kinds["succeeded"] + kinds["requires_payment_method"] == 120
    assert 3 <= kinds["requires_payment_method"] <= 25
    for one in found:
        charge = one.latest_charge
        assert isinstance(charge, stripe.Charge)
        assert isinstance(one.customer, stripe.Customer)
        assert one.customer.created <= one.created
        assert one.amount in {2000, 1200}
        if one.status == "succeeded":
            assert charge.receipt_url
            assert isinstance(charge.balance_transaction, stripe.BalanceTransaction)
            assert charge.balance_transaction.created == one.created
        else:
            assert charge.failure_code in {"card_declined", "expired_card"}


def test_the_months_are_in_order(shop_client: stripe.StripeClient) -> None:
    """Newest first and within the span, for payments as for the events of all kinds."""
    intents = [one.created for one in shop_client.v1.payment_intents.list({"limit": 100}).auto_paging_iter()]
    assert intents == sorted(intents, reverse=True)
    assert START // 1000 - 90 * DAY <= intents[-1] < intents[0] < START // 1000
    events = list(shop_client.v1.events.list({"limit": 100}).auto_paging_iter())
    assert [one.created for one in events] == sorted((one.created for one in events), reverse=True)
    told = Counter(one.type for one in events)
    assert told["customer.created"] == 40
    assert told["payment_intent.created"] == 120


def test_the_balance_is_the_sum_of_the_past(shop_client: stripe.StripeClient) -> None:
    """What is available and pending now adds up to every charge and refund less fees."""
    lines = list(shop_client.v1.balance_transactions.list({"limit": 100}).auto_paging_iter())
    assert {one.type for one in lines} == {"charge", "refund", "topup"}
    balance = shop_client.v1.balance.retrieve()
    assert sum(one.amount for one in (*balance.available, *balance.pending)) == sum(one.net for one in lines)


def test_refunds_come_after_their_payments(shop_client: stripe.StripeClient) -> None:
    """A refund is later than its charge, and the charge says so."""
    refunds = list(shop_client.v1.refunds.list({"limit": 100, "expand": ["data.charge"]}).auto_paging_iter())
    assert refunds
    for one in refunds:
        assert isinstance(one.charge, stripe.Charge)
        assert one.charge.refunded
        assert one.charge.created <= one.created < START // 1000


def test_a_planted_customer_can_pay(shop: Store, stub: Stub) -> None:
    """The world goes on from there: a saved card is charged."""
    world = shop.fork("planted", "next")
    client = stripe.StripeClient(KEY, http_client=InProcess(Api(stub, world)))
    method = next(one for one in client.v1.payment_methods.list({"limit": 100}).auto_paging_iter() if one.customer)
    paid = client.v1.payment_intents.create(
        {"amount": 500, "currency": "usd", "customer": str(method.customer), "payment_method": method.id,
         "payment_method_types": ["card"], "confirm": True}
    )  # fmt: skip
    assert paid.status == "succeeded"
