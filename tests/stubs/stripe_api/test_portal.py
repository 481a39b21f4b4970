"""The billing portal: configurations and sessions through the official SDK, its page as a browser sees it."""

import pytest
import stripe

DAY = 86_400
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def jenny(client):
    return client.v1.customers.create(
        {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )


@pytest.fixture
def gold(client):
    product = client.v1.products.create({"name": "Gold"})
    recurring = {"interval": "month"}
    return client.v1.prices.create(
        {"product": product.id, "unit_amount": 1500, "currency": "usd", "recurring": recurring}
    )


@pytest.fixture
def subscription(client, jenny, gold):
    return client.v1.subscriptions.create({"customer": jenny.id, "items": [{"price": gold.id}]})


def visit(api, session):
    return api.send("GET", session.url, (), b"")


def press(api, session, **fields):
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    return api.send("POST", session.url, (("Content-Type", FORM),), body)


def refused(action, *args):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        action(*args)
    return caught.value


def test_the_first_session_makes_the_accounts_default_configuration(client, api, jenny):
    session = client.v1.billing_portal.sessions.create({"customer": jenny.id, "return_url": "https://shop.example/"})
    assert session.url.startswith("https://billing.stripe.com/p/session/test_")
    again = client.v1.billing_portal.sessions.create({"customer": jenny.id})
    assert again.configuration == session.configuration
    default = client.v1.billing_portal.configurations.retrieve(session.configuration)
    assert (default.is_default, default.active, default.features.invoice_history.enabled) == (True, True, True)
    assert api.events()[-3:] == [
        "billing_portal.configuration.created", "billing_portal.session.created", "billing_portal.session.created"
    ]  # fmt: skip
    assert refused(client.v1.billing_portal.configurations.update, default.id, {"active": False}).param == "active"


def test_a_configuration_is_changed_feature_by_feature(client, jenny):
    made = client.v1.billing_portal.configurations.create(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}, "metadata": {"a": "b"}}
    )
    assert (made.features.subscription_cancel.mode, made.features.customer_update.enabled) == ("immediately", False)
    changed = client.v1.billing_portal.configurations.update(
        made.id, {"features": {"invoice_history": {"enabled": True}}, "active": False}
    )
    assert changed.features.invoice_history.enabled
    assert changed.features.subscription_cancel.mode == "immediately"
    assert [one.id for one in client.v1.billing_portal.configurations.list({"active": False}).data] == [made.id]
    given = {"customer": jenny.id, "configuration": made.id}
    assert refused(client.v1.billing_portal.sessions.create, given).param == "configuration"
    update = {"features": {"subscription_update": {"enabled": True}}}
    assert "products" in refused(client.v1.billing_portal.configurations.create, update).param


def test_a_customer_cancels_on_the_page_and_thinks_again(client, api, jenny, subscription):
    session = client.v1.billing_portal.sessions.create({"customer": jenny.id})
    page = visit(api, session).raw.decode()
    assert "Gold ($15.00 / month)" in page
    assert "Cancel subscription" in page
    reply = press(api, session, action="cancel", subscription=subscription.id, feedback="unused")
    assert (reply.status, reply.headers["Location"]) == (303, session.url)
    held = client.v1.subscriptions.retrieve(subscription.id)
    assert (held.cancel_at_period_end, held.cancellation_details.feedback) == (True, "unused")
    assert "Don&#x27;t cancel" in visit(api, session).raw.decode()
    press(api, session, action="keep", subscription=subscription.id)
    assert not client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_a_customer_switches_to_what_is_offered_only(client, api, jenny, gold, subscription):
    more = client.v1.prices.create(
        {"product": gold.product, "unit_amount": 4500, "currency": "usd", "recurring": {"interval": "month"}}
    )
    features = {
        "subscription_update": {
            "enabled": True,
            "default_allowed_updates": ["price"],
            "proration_behavior": "always_invoice",
            "products": [{"product": gold.product, "prices": [more.id]}],
        }
    }
    configuration = client.v1.billing_portal.configurations.create({"features": features})
    session = client.v1.billing_portal.sessions.create({"customer": jenny.id, "configuration": configuration.id})
    assert "Switch to $45.00 / month" in visit(api, session).raw.decode()
    assert press(api, session, action="switch", subscription=subscription.id, price=gold.id).status == 400
    assert press(api, session, action="switch", subscription=subscription.id, price=more.id).status == 303
    assert client.v1.subscriptions.retrieve(subscription.id)["items"].data[0].price.id == more.id
    assert press(api, session, action="cancel", subscription=subscription.id).status == 400


def test_a_session_for_one_thing_leads_back_when_it_is_done(client, api, jenny, subscription):
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription.id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": "https://shop.example/bye"}},
    }
    session = client.v1.billing_portal.sessions.create({"customer": jenny.id, "flow_data": flow})
    assert session.flow.subscription_cancel.subscription == subscription.id
    reply = press(api, session, action="cancel", subscription=subscription.id)
    assert reply.headers["Location"] == "https://shop.example/bye"
    other = client.v1.customers.create({})
    error = refused(client.v1.billing_portal.sessions.create, {"customer": other.id, "flow_data": flow})
    assert error.param == "flow_data[subscription_cancel][subscription]"


def test_a_session_that_nobody_opens_expires(client, api, jenny, subscription):
    session = client.v1.billing_portal.sessions.create({"customer": jenny.id})
    api.passes(10 * 60)
    assert "expired" in visit(api, session).raw.decode()
    press(api, session, action="cancel", subscription=subscription.id)
    assert not client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert api.send("GET", session.url + "x", (), b"").status == 404


def test_a_card_added_on_the_page_becomes_the_default(client, api):
    customer = client.v1.customers.create({})
    session = client.v1.billing_portal.sessions.create({"customer": customer.id})
    assert press(api, session, action="pay_with", payment_method="pm_card_mastercard").status == 303
    after = client.v1.customers.retrieve(customer.id, {"expand": ["invoice_settings.default_payment_method"]})
    assert after.invoice_settings.default_payment_method.card.brand == "mastercard"
