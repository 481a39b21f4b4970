"""Checkout sessions and payment links: made, paid on their page, expired, recovered; each as Stripe tells of it."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from .conftest import Api

SHOP = {
    "success_url": "https://shop.example/done?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://shop.example/back",
}


def price(client: stripe.StripeClient, amount: int = 1500, **more: Any) -> str:
    product = client.v1.products.create({"name": "Tea"})
    return client.v1.prices.create({"product": product.id, "unit_amount": amount, "currency": "usd", **more}).id


def session(client: stripe.StripeClient, **more: Any) -> stripe.checkout.Session:
    body: dict[str, Any] = {"mode": "payment", **SHOP, **more}
    if "line_items" not in body and body["mode"] == "payment":
        body["line_items"] = [{"price": price(client), "quantity": 2}]
    return client.v1.checkout.sessions.create(body)


def press(api: Api, place: str, **fields: str) -> tuple[int, str]:
    """Press a button of a page; gives the status and where it leads."""
    reply = api.call(
        "POST", urlsplit(place).path, urlencode({"outcome": "paid", "email": "jo@example.com", **fields}), key=None
    )
    return reply.status, reply.headers.get("Location", "")


def since(api: Api, before: list[str]) -> list[str]:
    return api.events()[len(before) :]


def test_a_session_is_paid_on_its_page(api: Api, client: stripe.StripeClient) -> None:
    """The page leads to the shop; the session has its intent, its customer's details, and nothing left to do."""
    made = session(client)
    assert (made.status, made.payment_status, made.amount_total, made.payment_intent) == ("open", "unpaid", 3000, None)
    assert made.url.startswith(f"https://checkout.stripe.com/c/pay/{made.id}")
    assert "Pay $30.00" in api.call("GET", urlsplit(made.url).path, key=None).raw.decode()
    before = api.events()
    assert press(api, made.url) == (303, f"https://shop.example/done?session={made.id}")
    assert since(api, before) == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent", "line_items"]})
    assert (done.status, done.payment_status, done.url, done.customer) == ("complete", "paid", None, None)
    assert done.payment_intent.amount_received == 3000
    assert done.customer_details.email == "jo@example.com"
    assert [(item.description, item.quantity, item.amount_total) for item in done.line_items] == [("Tea", 2, 3000)]
    assert press(api, made.url)[1].startswith("https://shop.example/done")


def test_the_page_s_own_calls(api: Api, client: stripe.StripeClient) -> None:
    """What Stripe's command line does to complete a session."""
    made = session(client, payment_intent_data={"metadata": {"order": "7"}})
    page = api.call("GET", f"/v1/payment_pages/{made.id}").body
    assert (page["state"], page["line_item_group"]["total"]) == ("active", 3000)
    wrong = api.call("POST", f"/v1/payment_pages/{made.id}/confirm", "payment_method=pm_card_visa&expected_amount=1")
    assert wrong.body["error"]["code"] == "checkout_amount_mismatch"
    done = api.call(
        "POST", f"/v1/payment_pages/{made.id}/confirm", "payment_method=pm_card_visa&expected_amount=3000"
    ).body
    assert (done["state"], done["payment_intent"]["metadata"]) == ("succeeded", {"order": "7"})
    again = api.call("POST", f"/v1/payment_pages/{made.id}/confirm", "payment_method=pm_card_visa")
    assert (again.status, again.body["error"]["code"]) == (400, "checkout_not_active_session")


def test_a_declined_card_leaves_the_session_open(api: Api, client: stripe.StripeClient) -> None:
    """The page says what the issuer said; another card pays the same intent."""
    made = session(client)
    reply = api.call("POST", urlsplit(made.url).path, "outcome=paid&number=4000000000009995", key=None)
    assert "Your card has insufficient funds." in reply.raw.decode()
    held = client.v1.checkout.sessions.retrieve(made.id)
    assert (held.status, held.payment_status) == ("open", "unpaid")
    intent = held.payment_intent
    assert press(api, made.url)[0] == 303
    done = client.v1.checkout.sessions.retrieve(made.id)
    assert (done.status, done.payment_intent) == ("complete", intent)


def test_a_card_that_must_authenticate(api: Api, client: stripe.StripeClient) -> None:
    """The page leads to 3D Secure; passing it completes the session, and the page then leads to the shop."""
    made = session(client)
    status, place = press(api, made.url, number="4000002760003184")
    assert (status, urlsplit(place).hostname) == (303, "hooks.stripe.com")
    assert client.v1.checkout.sessions.retrieve(made.id).status == "open"
    parts = urlsplit(place)
    reply = api.call("POST", f"{parts.path}?{parts.query}", "outcome=succeeded", key=None)
    assert reply.headers["Location"].startswith(f"https://checkout.stripe.com/c/pay/{made.id}")
    assert client.v1.checkout.sessions.retrieve(made.id).payment_status == "paid"
    assert (
        api.call("GET", urlsplit(made.url).path, key=None).headers["Location"].startswith("https://shop.example/done")
    )


def test_a_bank_debit_arrives_later(api: Api, client: stripe.StripeClient) -> None:
    """The session is complete at once and paid once the money is there."""
    product = client.v1.products.create({"name": "Tea"})
    euro = client.v1.prices.create({"product": product.id, "unit_amount": 1500, "currency": "eur"})
    made = session(client, line_items=[{"price": euro.id, "quantity": 1}], payment_method_types=["sepa_debit"])
    method = client.v1.payment_methods.create(
        {
            "type": "sepa_debit",
            "sepa_debit": {"iban": "AT611904300234573201"},
            "billing_details": {"email": "jo@example.com", "name": "Jo"},
        }
    )
    done = api.call("POST", f"/v1/payment_pages/{made.id}/confirm", f"payment_method={method.id}").body
    assert (done["status"], done["payment_status"]) == ("complete", "unpaid")
    assert api.events()[-1] == "checkout.session.completed"
    api.passes(86_400)
    assert client.v1.checkout.sessions.retrieve(made.id).payment_status == "paid"
    assert "checkout.session.async_payment_succeeded" in api.events()


def test_a_bank_debit_that_fails(api: Api, client: stripe.StripeClient) -> None:
    """The session stays complete and unpaid, and that is told."""
    product = client.v1.products.create({"name": "Tea"})
    euro = client.v1.prices.create({"product": product.id, "unit_amount": 1500, "currency": "eur"})
    made = session(client, line_items=[{"price": euro.id, "quantity": 1}], payment_method_types=["sepa_debit"])
    data = {
        "payment_method_data[type]": "sepa_debit",
        "payment_method_data[sepa_debit][iban]": "IT60X0542811101000000123456",
        "payment_method_data[billing_details][email]": "jo@example.com",
        "payment_method_data[billing_details][name]": "Jo",
    }
    api.call("POST", f"/v1/payment_pages/{made.id}/confirm", urlencode(data))
    api.passes(60)
    held = client.v1.checkout.sessions.retrieve(made.id)
    assert (held.status, held.payment_status) == ("complete", "unpaid")
    assert api.events()[-1] == "checkout.session.async_payment_failed"


def test_a_subscription_begins(api: Api, client: stripe.StripeClient) -> None:
    """With a customer of its own, the card saved, and one-time prices on its first invoice."""
    monthly = price(client, 900, recurring={"interval": "month"})
    once = price(client, 500)
    made = session(
        client,
        mode="subscription",
        line_items=[{"price": monthly, "quantity": 1}, {"price": once, "quantity": 1}],
        subscription_data={"metadata": {"plan": "tea"}},
    )
    assert (made.amount_total, made.customer_creation) == (1400, "always")
    assert press(api, made.url)[0] == 303
    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["subscription.latest_invoice"]})
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert (done.subscription.status, done.subscription.metadata["plan"]) == ("active", "tea")
    assert (done.subscription.latest_invoice.amount_paid, done.subscription.latest_invoice.id) == (1400, done.invoice)
    assert client.v1.customers.retrieve(done.customer).email == "jo@example.com"
    assert [event for event in api.events() if event.startswith(("checkout", "customer."))] == [
        "customer.created",
        "customer.subscription.created",
        "checkout.session.completed",
    ]


def test_a_trial_asks_for_nothing_yet(api: Api, client: stripe.StripeClient) -> None:
    """Nothing is due, and the session says so."""
    monthly = price(client, 900, recurring={"interval": "month"})
    made = session(
        client,
        mode="subscription",
        line_items=[{"price": monthly, "quantity": 1}],
        subscription_data={"trial_period_days": 7},
    )
    assert made.amount_total == 0
    press(api, made.url)
    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")


def test_a_declined_subscription_is_none(api: Api, client: stripe.StripeClient) -> None:
    """The session stays open, without a subscription."""
    monthly = price(client, 900, recurring={"interval": "month"})
    made = session(client, mode="subscription", line_items=[{"price": monthly, "quantity": 1}])
    reply = api.call("POST", urlsplit(made.url).path, "outcome=paid&number=4000000000000002", key=None)
    assert "Your card was declined." in reply.raw.decode()
    held = client.v1.checkout.sessions.retrieve(made.id)
    assert (held.status, held.subscription) == ("open", None)
    assert not client.v1.subscriptions.list({"status": "all"}).data


def test_a_card_is_saved_in_setup_mode(api: Api, client: stripe.StripeClient) -> None:
    """The setup intent is there from the beginning; the card belongs to the customer in the end."""
    customer = client.v1.customers.create({"email": "ada@example.com"})
    made = session(client, mode="setup", currency="usd", customer=customer.id)
    assert (made.payment_status, made.amount_total) == ("no_payment_required", None)
    press(api, made.url)
    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["setup_intent"]})
    assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
    assert [one.id for one in client.v1.customers.payment_methods.list(customer.id)] == [
        done.setup_intent.payment_method
    ]


def test_totals_with_discounts_taxes_and_delivery(client: stripe.StripeClient) -> None:
    """Each line bears its part; the sums add up."""
    coupon = client.v1.coupons.create({"percent_off": 10, "duration": "once"})
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 20, "inclusive": False})
    shipping = {"display_name": "Post", "type": "fixed_amount", "fixed_amount": {"amount": 500, "currency": "usd"}}
    described = {"currency": "usd", "unit_amount": 1000, "product_data": {"name": "Cup"}}
    made = client.v1.checkout.sessions.create(
        {
            **SHOP,
            "mode": "payment",
            "line_items": [
                {"price": price(client), "quantity": 2, "tax_rates": [rate.id]},
                {"price_data": described, "quantity": 1, "adjustable_quantity": {"enabled": True, "maximum": 5}},
            ],
            "discounts": [{"coupon": coupon.id}],
            "shipping_options": [{"shipping_rate_data": shipping}],
            "expand": ["line_items"],
        }
    )
    assert (made.amount_subtotal, made.amount_total) == (4000, 4640)
    details = made.total_details
    assert (details.amount_discount, details.amount_tax, details.amount_shipping) == (400, 540, 500)
    assert [(item.amount_discount, item.amount_tax, item.amount_total) for item in made.line_items] == [
        (300, 540, 3240),
        (100, 0, 900),
    ]
    assert client.v1.coupons.retrieve(coupon.id).times_redeemed == 0
    assert [item.id for item in client.v1.checkout.sessions.line_items.list(made.id)] == [
        one.id for one in made.line_items
    ]


def test_sessions_expire(api: Api, client: stripe.StripeClient) -> None:
    """By hand or after a day; what is expired can't be paid, but recovered where it says so."""
    made = session(client)
    gone = client.v1.checkout.sessions.expire(made.id)
    assert (gone.status, gone.url) == ("expired", None)
    with pytest.raises(stripe.InvalidRequestError, match='status in \\["open"\\] can be expired'):
        client.v1.checkout.sessions.expire(made.id)
    later = session(client, after_expiration={"recovery": {"enabled": True}})
    assert later.expires_at - later.created == 86_400
    api.passes(86_400)
    old = client.v1.checkout.sessions.retrieve(later.id)
    assert old.status == "expired"
    assert api.events()[-1] == "checkout.session.expired"
    place = api.call("GET", urlsplit(old.after_expiration.recovery.url).path, key=None).headers["Location"]
    fresh = client.v1.checkout.sessions.retrieve(urlsplit(place).path.rpartition("/")[2])
    assert (fresh.status, fresh.recovered_from, fresh.amount_total) == ("open", later.id, 3000)


TEA = {"currency": "usd", "unit_amount": 1500, "product_data": {"name": "Tea"}}


def test_what_describes_itself_is_sold_again(api: Api, client: stripe.StripeClient) -> None:
    """The price that `price_data` makes is archived; its session may be changed and recovered, its link followed."""
    rate = client.v1.tax_rates.create({"display_name": "VAT", "percentage": 10, "inclusive": False})
    line = {"price_data": TEA, "quantity": 2, "tax_rates": [rate.id]}
    made = session(client, line_items=[line], after_expiration={"recovery": {"enabled": True}})
    item = client.v1.checkout.sessions.line_items.list(made.id).data[0]
    changed = client.v1.checkout.sessions.update(made.id, {"line_items": [{"id": item.id, "quantity": 3}]})
    assert changed.amount_total == 4950
    old = client.v1.checkout.sessions.expire(made.id)
    place = api.call("GET", urlsplit(old.after_expiration.recovery.url).path, key=None).headers["Location"]
    fresh = client.v1.checkout.sessions.retrieve(urlsplit(place).path.rpartition("/")[2])
    assert (fresh.status, fresh.amount_total) == ("open", 4950)
    link = client.v1.payment_links.create({"line_items": [{"price_data": TEA, "quantity": 1}]})
    assert api.call("GET", urlsplit(link.url).path, key=None).status == 303


def test_an_embedded_session_has_no_page(client: stripe.StripeClient) -> None:
    """It has a client secret instead, and a place to return to."""
    body = {"mode": "payment", "ui_mode": "embedded_page", "line_items": [{"price": price(client), "quantity": 1}]}
    made = client.v1.checkout.sessions.create({**body, "return_url": "https://shop.example/done"})
    assert (made.url, made.redirect_on_completion) == (None, "always")
    assert made.client_secret.startswith(f"{made.id}_secret_")
    with pytest.raises(stripe.InvalidRequestError, match="return_url"):
        client.v1.checkout.sessions.create(body)


REFUSED: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no page to lead to": ({"success_url": ""}, "success_url", "success_url"),
    "nothing sold": ({"line_items": []}, "Missing required param: line_items", "line_items"),
    "a recurring price to be paid once": ({"price": "month"}, "You specified `payment` mode but passed a recurring", "mode"),
    "no recurring price to subscribe to": ({"mode": "subscription", "price": "once"}, "at least one recurring", "line_items"),
    "data of another mode": ({"subscription_data": {"description": "x"}}, "You can not pass `subscription_data`", "subscription_data"),
    "too little": ({"price": "little"}, "must add up to at least \\$0.50 usd", None),
    "too soon an end": ({"expires_at": 1}, "at least 30 minutes", "expires_at"),
    "no quantity": ({"price": "once", "quantity": None}, "Quantity is required", "line_items[0][quantity]"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_sessions_that_can_t_be(client: stripe.StripeClient, name: str) -> None:
    """Refused in Stripe's words, with the parameter."""
    more, message, param = REFUSED[name]
    body: dict[str, Any] = {
        "mode": "payment",
        **SHOP,
        **{key: value for key, value in more.items() if key not in {"price", "quantity"}},
    }
    kinds: dict[str, Any] = {"month": {"recurring": {"interval": "month"}}, "little": {"amount": 10}}
    if "line_items" not in more:
        line: dict[str, Any] = {"price": price(client, **kinds.get(more.get("price", ""), {}))}
        if "quantity" not in more:
            line["quantity"] = 1
        body["line_items"] = [line]
    with pytest.raises(stripe.InvalidRequestError, match=message) as caught:
        client.v1.checkout.sessions.create(body)
    assert caught.value.param == param


def test_a_payment_link(api: Api, client: stripe.StripeClient) -> None:
    """Everyone who follows it gets a session; one that may be used once is closed by that."""
    link = client.v1.payment_links.create(
        {"line_items": [{"price": price(client), "quantity": 1}], "restrictions": {"completed_sessions": {"limit": 1}}}
    )
    assert (link.active, link.currency) == (True, "usd")
    place = api.call("GET", urlsplit(link.url).path, key=None).headers["Location"]
    assert press(api, place)[0] == 303
    (made,) = client.v1.checkout.sessions.list({"payment_link": link.id})
    assert (made.payment_status, made.amount_total) == ("paid", 1500)
    used = client.v1.payment_links.retrieve(link.id, {"expand": ["line_items"]})
    assert (used.active, used.restrictions.completed_sessions.count) == (False, 1)
    assert "no longer active" in api.call("GET", urlsplit(link.url).path, key=None).raw.decode()
    client.v1.payment_links.update(link.id, {"active": True, "metadata": {"a": "b"}})
    assert [event for event in api.events() if event.startswith("payment_link")] == [
        "payment_link.created",
        "payment_link.updated",
        "payment_link.updated",
    ]


def test_unknown_places(api: Api) -> None:
    """Pages of nothing are Stripe's 404."""
    for path in ("/c/pay/cs_test_none", "/test_none", "/r/none", "/v1/payment_pages/cs_test_none"):
        assert api.call("GET", path).status == 404
