"""Webhook endpoints by the official package: made, changed, told of events, their signatures believed."""

import json
import time
from typing import Any

import pytest
import stripe

from childproof.world import Delivery, deliveries
from childproof.world.deliveries import Told

CARD = {"payment_method": "pm_card_visa", "payment_method_types": ["card"], "confirm": True}


def queued(api: Any) -> list[Delivery]:
    with api.world.view() as view:
        return deliveries.listed(view)


def posted(api: Any, delivery: Delivery) -> tuple[bytes, str]:
    """Body and signature of an attempt made now."""
    with api.world.view() as view:
        made = api.stub.posting(delivery, view, time.time_ns() // 1_000_000)
    return made.body, dict(made.headers)["Stripe-Signature"]


def answered(api: Any, delivery: Delivery, status: int) -> Delivery:
    with api.world.transaction() as tx:
        api.stub.told(delivery, Told(tx.now(), status), tx)
    [now] = [one for one in queued(api) if one.id == delivery.id]
    return now


def endpoint(client: stripe.StripeClient, **more: Any) -> stripe.WebhookEndpoint:
    return client.v1.webhook_endpoints.create({"url": "http://localhost:4242/hook", "enabled_events": ["*"], **more})


def test_the_package_believes_what_is_sent_with_the_endpoints_secret_alone(api, client) -> None:
    """`construct_event` gives the event that is in /v1/events."""
    hook, other = endpoint(client), endpoint(client)
    client.v1.customers.create({"name": "Jenny"})
    body, signature = posted(api, queued(api)[0])
    event = stripe.Webhook.construct_event(body, signature, hook.secret)
    stored = client.v1.events.retrieve(event.id)
    assert (event.type, event.data.object.name) == ("customer.created", "Jenny")
    assert json.loads(body) == json.loads(str(stored))
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, other.secret)


def test_there_are_sixteen_endpoints_at_most(client) -> None:
    """As Stripe has it; one that is deleted makes room."""
    made = [endpoint(client) for _ in range(16)]
    with pytest.raises(stripe.InvalidRequestError, match="reached the maximum of 16 test webhook endpoints"):
        endpoint(client)
    client.v1.webhook_endpoints.delete(made[3].id)
    endpoint(client)


def test_a_payments_events_come_in_their_order_to_those_who_asked(api, client) -> None:
    """Each with how many endpoints are to get it."""
    some = endpoint(client, enabled_events=["charge.succeeded", "payment_intent.succeeded"])
    every = endpoint(client)
    client.v1.payment_intents.create({"amount": 2000, "currency": "usd", **CARD})
    by = {
        one: [delivery.type for delivery in queued(api) if delivery.subscription == one] for one in (some.id, every.id)
    }
    told = [event.type for event in reversed(client.v1.events.list().data)]
    assert by[every.id] == told
    assert by[some.id] == [kind for kind in told if kind in {"charge.succeeded", "payment_intent.succeeded"}]
    pending = {event.type: event.pending_webhooks for event in client.v1.events.list().data}
    assert (pending["charge.succeeded"], pending["payment_intent.created"]) == (2, 1)


def test_pending_webhooks_go_down_as_they_arrive(api, client) -> None:
    """And `delivery_success` finds those that are through."""
    endpoint(client)
    endpoint(client)
    client.v1.customers.create({"name": "Jenny"})
    first, second = queued(api)
    event = client.v1.events.retrieve(first.event)
    assert event.pending_webhooks == 2
    assert answered(api, first, 500).state == "waiting"
    assert client.v1.events.retrieve(first.event).pending_webhooks == 2
    answered(api, queued(api)[0], 200)
    answered(api, second, 200)
    assert client.v1.events.retrieve(first.event).pending_webhooks == 0
    assert [one.id for one in client.v1.events.list({"delivery_success": True}).data] == [event.id]
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_it_is_tried_three_times_more_over_a_few_hours(api, client) -> None:
    """As Stripe says of test mode."""
    endpoint(client)
    client.v1.customers.create({"name": "Jenny"})
    waits = []
    while queued(api)[0].due is not None:
        before = queued(api)[0]
        with api.world.view() as view:
            now = view.now()
        after = answered(api, before, 500)
        waits.append(None if after.due is None else round((after.due - now) / 60_000))
    assert waits == [10, 60, 180, None]
    assert queued(api)[0].state == "failed"


def test_one_that_is_switched_off_hears_nothing_and_on_again_does(api, client) -> None:
    """What was under way isn't sent either."""
    hook = endpoint(client)
    client.v1.customers.create({"name": "Jenny"})
    assert client.v1.webhook_endpoints.update(hook.id, {"disabled": True}).status == "disabled"
    client.v1.customers.create({"name": "Tom"})
    [one] = queued(api)
    with api.world.view() as view:
        assert api.stub.posting(one, view, 0) == "what asked for it is switched off"
    assert client.v1.webhook_endpoints.update(hook.id, {"disabled": False}).status == "enabled"
    client.v1.customers.create({"name": "Ann"})
    assert len(queued(api)) == 2


def test_live_endpoints_hear_of_live_events_and_test_endpoints_of_the_others(api, client) -> None:
    """The mode is the key's."""
    test = endpoint(client)
    live = api.call(
        "POST", "/v1/webhook_endpoints", "url=https%3A%2F%2Fx.example&enabled_events[]=*", "sk_live_abc"
    ).body
    client.v1.customers.create({"name": "Jenny"})
    api.call("POST", "/v1/customers", "name=Tom", "sk_live_abc")
    assert [(one.subscription, json.loads(one.body)["livemode"]) for one in queued(api)] == [
        (test.id, False), (live["id"], True),
    ]  # fmt: skip


def test_the_secret_is_told_once(client) -> None:
    """Neither a look nor a list nor a change shows it again."""
    hook = endpoint(client, description="mine", metadata={"a": "b"})
    assert hook.secret.startswith("whsec_")
    shown = [
        client.v1.webhook_endpoints.retrieve(hook.id),
        client.v1.webhook_endpoints.list().data[0],
        client.v1.webhook_endpoints.update(hook.id, {"enabled_events": ["charge.failed"]}),
    ]
    for one in shown:
        assert "secret" not in one
        assert (one.id, one.description, one.metadata.to_dict()) == (hook.id, "mine", {"a": "b"})
    assert shown[-1].enabled_events == ["charge.failed"]
    assert client.v1.webhook_endpoints.delete(hook.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook"):
        client.v1.webhook_endpoints.retrieve(hook.id)


def test_a_connect_endpoint_hears_of_accounts_and_no_other_of_them(api, client) -> None:
    """Events of a connected account go to `connect` endpoints, one's own to the others."""
    own, connected = endpoint(client), endpoint(client, connect=True)
    account = client.v1.accounts.create({"type": "custom", "country": "US"})
    before = len(queued(api))
    client.v1.customers.create({"name": "Jenny"}, {"stripe_account": account.id})
    client.v1.customers.create({"name": "Tom"})
    told = [(one.subscription, one.type) for one in queued(api)[before:]]
    assert told == [(connected.id, "customer.created"), (own.id, "customer.created")]
    first, second = (json.loads(one.body) for one in queued(api)[before:])
    assert first["account"] == account.id
    assert "account" not in second
