"""World files plant subscriptions with a past: renewals, failed payments and cancellations, as real ones leave them."""

from collections import Counter
from collections.abc import Iterator

import pytest
import stripe

from childproof.errors import InputError
from childproof.run.planting import grow
from childproof.stubkit.stub import Stub
from childproof.world.world import World
from tests.stubs.inprocess import START, shipped_catalog, world_of

from .conftest import KEY, Api, InProcess

FILE = """
world: shop
seed: 7
clock: {start: 2026-01-05T09:00:00Z, run: frozen}
people: 20
stripe:
  products: [{name: Pro, price: {amount: 2000, currency: usd, every: month}}]
  customers: {count: 20, with: {payment_method: 0.5}}
  billing: {after_last_failure: unpaid}
  subscriptions: {share: 0.8, over: 200d, trial: 0.2, canceled: 0.2, failed: 0.3}
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_of(FILE, tmp_path_factory.mktemp("seeds")) as world:
        yield world


@pytest.fixture
def shop_client(shop: World, stub: Stub) -> stripe.StripeClient:
    return stripe.StripeClient(KEY, http_client=InProcess(Api(stub, shop)))


def test_customers_subscribe_and_some_fall_behind_or_leave(shop_client):
    """As many as the share says, each with a customer of its own, in states that a business knows."""
    found = list(shop_client.v1.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter())
    states = Counter(one.status for one in found)
    assert (len(found), len({one.customer for one in found})) == (16, 16)
    assert states["active"] >= 5
    assert states["canceled"] >= 1
    assert states["past_due"] + states["unpaid"] >= 1
    assert all(one.cancellation_details.reason != "payment_failed" for one in found)


def test_every_period_has_its_invoice_and_every_payment_its_charge(shop_client):
    """Nothing is billed twice or left out, and what was charged is what was paid."""
    charged = paid = 0
    for one in shop_client.v1.subscriptions.list({"status": "all", "limit": 100}).auto_paging_iter():
        invoices = shop_client.v1.invoices.list({"subscription": one.id, "limit": 100}).data
        spans = sorted((line.period.start, line.period.end) for each in invoices for line in each.lines.data)
        assert [end for _, end in spans[:-1]] == [start for start, _ in spans[1:]]
        paid += sum(each.amount_paid for each in invoices)
    for charge in shop_client.v1.charges.list({"limit": 100}).auto_paging_iter():
        charged += charge.amount if charge.status == "succeeded" else 0
    assert charged == paid > 16 * 2000


def test_subscriptions_need_customers_and_something_to_subscribe_to(tmp_path):
    """A file that asks for what can't be is refused at its line."""
    file = tmp_path / "shop.yaml"
    file.write_text("world: w\nstripe:\n  subscriptions: {share: 1}\n")
    with pytest.raises(InputError) as caught, grow(file, shipped_catalog(), lambda: START):
        pass
    assert "subscriptions, without customers" in str(caught.value)
