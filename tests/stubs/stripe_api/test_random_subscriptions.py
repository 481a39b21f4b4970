"""Hundreds of calls on subscriptions that nobody thought of, while time passes: every answer is Stripe's, in its shape."""

import re

import pytest

from .test_random_calls import Monkey

DAY = 86_400
NEW_YEAR = 1_577_836_800
MODELLED = re.compile(
    r"/v1/(subscriptions|subscription_items|subscription_schedules|billing/meter|billing_portal|test_helpers/test_clocks)"
)
CARD = {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
ALIASES = {
    "configuration": "billing_portal.configuration",
    "item": "subscription_item",
    "schedule": "subscription_schedule",
    "subscription_exposed_id": "subscription",
    "test_clock": "test_helpers.test_clock",
}


class Subscriber(Monkey):
    """Asks for subscriptions and schedules that can be, now and then, and changes them at random."""

    def act(self, operation):
        for name, kind in ALIASES.items():
            self.ids[name] = self.ids[kind]
        return super().act(operation)

    def request(self, operation):
        chance, name = self.random, operation.name
        body = {key: value for key, value in super().request(operation).items() if chance.random() < 0.5}
        price = {"price": chance.choice(self.ids["price"]), "quantity": chance.choice([1, 2, 3])}
        if name == "POST /v1/subscriptions":
            body |= {"customer": chance.choice(self.ids["payer"]), "items": [price]}
        elif name == "POST /v1/subscription_schedules":
            body.pop("from_subscription", None)
            body |= {
                "customer": chance.choice(self.ids["payer"]),
                "phases": [{"items": [price]}] * chance.choice([1, 2]),
            }
            body |= {"start_date": "now"} if chance.random() < 0.5 else {}
        elif name == "POST /v1/subscriptions/{subscription_exposed_id}" and self.ids["subscription_item"]:
            body["items"] = [
                {"id": chance.choice(self.ids["subscription_item"][-8:]), "quantity": chance.choice([1, 5])}
            ]
        elif name == "POST /v1/test_helpers/test_clocks":
            body = {"frozen_time": NEW_YEAR}
        elif name.endswith("/advance"):
            body = {"frozen_time": NEW_YEAR + chance.choice([1, 5, 20]) * DAY}
        return body


@pytest.mark.parametrize("seed", range(2))
def test_random_subscriptions_live_and_end_in_the_shapes_of_stripe(api, client, seed):
    monkey = Subscriber(api, seed)
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": NEW_YEAR})
    for given in (CARD, {}, CARD | {"test_clock": clock.id}):
        monkey.ids["payer"].append(client.v1.customers.create(given).id)
    product = client.v1.products.create({"name": "Gold"}).id
    for amount in (0, 900, 1500):
        recurring = {"interval": monkey.random.choice(["day", "month"])}
        price = {"product": product, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        monkey.ids["price"].append(client.v1.prices.create(price).id)
    operations = [one for one in monkey.document.operations() if MODELLED.match(one.path)]
    done = 0
    for number in range(250):
        operation = monkey.random.choice(operations)
        if operation.method == "DELETE" and monkey.random.random() < 0.7:
            continue
        reply = monkey.act(operation)
        assert reply.status in {200, 400, 402, 404}, (operation.name, reply.raw)
        done += reply.status == 200
        if number % 80 == 79:
            api.passes(10 * DAY)
    assert done > 40
