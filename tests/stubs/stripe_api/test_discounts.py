"""Coupons, promotion codes and the discounts that they make, through the official SDK."""

import pytest
import stripe

DAY = 86_400


def refused(action, *args, **options):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args, **options)
    return caught.value


@pytest.fixture
def customer(client):
    return client.v1.customers.create(params={"email": "jenny@example.com"})


def bill(client, customer, *amounts, **extra):
    for amount in amounts:
        client.v1.invoice_items.create(params={"customer": customer.id, "amount": amount, "currency": "usd"})
    given = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    return client.v1.invoices.create(params=given | extra)


def test_a_coupon_says_what_is_off(client, api):
    coupon = client.v1.coupons.create(params={"percent_off": 20})
    assert (coupon.percent_off, coupon.duration, coupon.valid, coupon.times_redeemed) == (20, "once", True, 0)
    named = client.v1.coupons.create(params={"id": "FIVE", "amount_off": 500, "currency": "usd", "name": "Five off"})
    assert (named.id, named.amount_off, named.currency) == ("FIVE", 500, "usd")
    assert client.v1.coupons.update("FIVE", params={"name": "5 off"}).name == "5 off"
    assert api.events() == ["coupon.created", "coupon.created", "coupon.updated"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Must provide percent_off or amount_off"),
        ({"percent_off": 10, "amount_off": 10, "currency": "usd"}, "only specify one of these parameters"),
        ({"amount_off": 10}, "You must pass currency when passing amount_off"),
        ({"percent_off": 10, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 101}, "less than or equal to 100"),
    ],
)
def test_a_coupon_without_sense_is_refused(client, given, words):
    assert words in refused(client.v1.coupons.create, params=given).user_message


def test_a_coupon_id_is_taken_once(client):
    client.v1.coupons.create(params={"id": "ONE", "percent_off": 1})
    assert refused(client.v1.coupons.create, params={"id": "ONE", "percent_off": 1}).code == "resource_already_exists"


def test_a_customers_coupon_comes_off_the_next_invoice_and_is_used_up(client, api):
    """Older clients name the coupon on the customer itself."""
    coupon = client.v1.coupons.create(params={"percent_off": 25})
    reply = api.call("POST", "/v1/customers", f"email=a@example.com&coupon={coupon.id}")
    assert reply.body["discount"]["source"] == {"coupon": coupon.id, "type": "coupon"}
    assert api.events()[-2:] == ["customer.created", "customer.discount.created"]
    customer = client.v1.customers.retrieve(reply.body["id"])
    draft = bill(client, customer, 1000, 999)
    assert (draft.subtotal, draft.total) == (1999, 1499)
    assert [amount.amount for amount in draft.total_discount_amounts] == [500]
    assert sum(one.discount_amounts[0].amount for one in draft.lines) == 500
    client.v1.invoices.finalize_invoice(draft.id)
    assert client.v1.customers.retrieve(customer.id).discount is None
    assert api.events()[-1] != "customer.discount.created"
    assert "customer.discount.deleted" in api.events()


def test_another_coupon_takes_the_place_of_the_first(client, customer, api):
    first = client.v1.coupons.create(params={"percent_off": 20, "duration": "forever"})
    second = client.v1.coupons.create(params={"percent_off": 30, "duration": "forever"})
    api.call("POST", f"/v1/customers/{customer.id}", f"coupon={first.id}")
    api.call("POST", f"/v1/customers/{customer.id}", f"coupon={second.id}")
    event = client.v1.events.list(params={"type": "customer.discount.updated"}).data[0]
    assert event.data.object.source.coupon == second.id
    assert event.data.previous_attributes["source"].coupon == first.id
    api.call("POST", f"/v1/customers/{customer.id}", "coupon=")
    assert client.v1.customers.retrieve(customer.id).discount is None
    assert api.events()[-2:] == ["customer.discount.deleted", "customer.updated"]


def test_a_customers_discount_can_be_read_and_deleted(client, customer, api):
    coupon = client.v1.coupons.create(params={"percent_off": 20, "duration": "forever"})
    api.call("POST", f"/v1/customers/{customer.id}", f"coupon={coupon.id}")
    shown = api.call("GET", f"/v1/customers/{customer.id}/discount").body
    assert (shown["object"], shown["customer"]) == ("discount", customer.id)
    gone = client.v1.customers.delete_discount(customer.id)
    assert gone.deleted is True
    assert api.events()[-1] == "customer.discount.deleted"
    assert refused(client.v1.customers.delete_discount, customer.id).http_status == 404


def test_a_deleted_coupon_keeps_the_discounts_that_it_made(client, customer, api):
    coupon = client.v1.coupons.create(params={"percent_off": 50, "duration": "forever"})
    api.call("POST", f"/v1/customers/{customer.id}", f"coupon={coupon.id}")
    client.v1.coupons.delete(coupon.id)
    assert refused(client.v1.coupons.retrieve, coupon.id).http_status == 404
    assert bill(client, customer, 1000).total == 500
    assert refused(bill, client, customer, 100, discounts=[{"coupon": coupon.id}]).code == "resource_missing"


def test_a_coupon_runs_out(client, customer, api):
    coupon = client.v1.coupons.create(params={"percent_off": 50, "max_redemptions": 1})
    bill(client, customer, 1000, discounts=[{"coupon": coupon.id}])
    assert client.v1.coupons.retrieve(coupon.id).valid is False
    assert refused(bill, client, customer, 100, discounts=[{"coupon": coupon.id}]).code == "coupon_expired"
    dated = client.v1.coupons.create(params={"percent_off": 50, "redeem_by": coupon.created + DAY})
    api.passes(2 * DAY)
    assert client.v1.coupons.retrieve(dated.id).valid is False


def test_a_repeating_coupon_ends_after_its_months(client, customer, api):
    coupon = client.v1.coupons.create(params={"percent_off": 50, "duration": "repeating", "duration_in_months": 1})
    api.call("POST", f"/v1/customers/{customer.id}", f"coupon={coupon.id}")
    first = client.v1.invoices.finalize_invoice(bill(client, customer, 1000).id)
    assert first.total == 500
    assert client.v1.customers.retrieve(customer.id).discount is not None
    api.passes(32 * DAY)
    assert client.v1.customers.retrieve(customer.id).discount is None
    assert api.events()[-1] == "customer.discount.deleted"
    assert bill(client, customer, 1000).total == 1000


def test_a_coupon_may_be_for_some_products_only(client, customer):
    tea = client.v1.products.create(
        params={"name": "Tea", "default_price_data": {"currency": "usd", "unit_amount": 400}}
    )
    cup = client.v1.products.create(
        params={"name": "Cup", "default_price_data": {"currency": "usd", "unit_amount": 900}}
    )
    coupon = client.v1.coupons.create(
        params={"percent_off": 50, "applies_to": {"products": [tea.id]}, "expand": ["applies_to"]}
    )
    assert coupon.applies_to.products == [tea.id]
    for product in (tea, cup):
        client.v1.invoice_items.create(
            params={"customer": customer.id, "pricing": {"price": product.default_price}, "quantity": 2}
        )
    invoice = bill(client, customer, discounts=[{"coupon": coupon.id}])
    assert (invoice.subtotal, invoice.total) == (2600, 2200)


def test_several_discounts_are_taken_one_after_the_other(client, customer):
    half = client.v1.coupons.create(params={"percent_off": 50})
    fixed = client.v1.coupons.create(params={"amount_off": 300, "currency": "usd"})
    invoice = bill(client, customer, 1000, discounts=[{"coupon": half.id}, {"coupon": fixed.id}])
    assert invoice.total == 200
    assert [one.amount for one in invoice.total_discount_amounts] == [500, 300]
    cleared = client.v1.invoices.update(invoice.id, params={"discounts": ""})
    assert (cleared.discounts, cleared.total) == ([], 1000)


def test_a_promotion_code_is_unique_while_it_is_active(client, api):
    coupon = client.v1.coupons.create(params={"percent_off": 50})
    given = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "Summer"}
    code = client.v1.promotion_codes.create(params=given)
    assert (code.code, code.active, code.promotion.coupon) == ("Summer", True, coupon.id)
    assert "already exists" in refused(client.v1.promotion_codes.create, params=given | {"code": "SUMMER"}).user_message
    client.v1.promotion_codes.update(code.id, params={"active": False})
    assert client.v1.promotion_codes.create(params=given).id != code.id
    assert api.events()[-3:] == ["promotion_code.created", "promotion_code.updated", "promotion_code.created"]
    found = client.v1.promotion_codes.list(params={"code": "summer", "active": True})
    assert len(found.data) == 1


def test_older_clients_name_the_coupon_of_a_promotion_code(client, api):
    coupon = client.v1.coupons.create(params={"percent_off": 50})
    reply = api.call("POST", "/v1/promotion_codes", f"coupon={coupon.id}")
    assert (reply.status, reply.body["promotion"]) == (200, {"coupon": coupon.id, "type": "coupon"})


def test_a_promotion_code_keeps_its_restrictions(client, customer):
    coupon = client.v1.coupons.create(params={"percent_off": 10})
    other = client.v1.customers.create()
    shared = {"promotion": {"type": "coupon", "coupon": coupon.id}}
    personal = client.v1.promotion_codes.create(params=shared | {"customer": other.id, "max_redemptions": 1})
    use = {"discounts": [{"promotion_code": personal.id}]}
    assert "another customer" in refused(bill, client, customer, 100, **use).user_message
    assert bill(client, other, 1000, **use).total == 900
    assert client.v1.promotion_codes.retrieve(personal.id).active is False
    assert "expired or inactive" in refused(bill, client, other, 100, **use).user_message


def test_a_first_time_code_is_refused_to_who_has_paid(client, customer):
    method = client.v1.payment_methods.attach("pm_card_visa", params={"customer": customer.id})
    client.v1.invoices.pay(bill(client, customer, 1000).id, params={"payment_method": method.id})
    coupon = client.v1.coupons.create(params={"percent_off": 10})
    code = client.v1.promotion_codes.create(
        params={"promotion": {"type": "coupon", "coupon": coupon.id}, "restrictions": {"first_time_transaction": True}}
    )
    error = refused(bill, client, customer, 100, discounts=[{"promotion_code": code.id}])
    assert "prior transactions" in error.user_message


def test_a_code_may_ask_for_a_minimum(client, customer):
    coupon = client.v1.coupons.create(params={"percent_off": 10})
    restrictions = {"minimum_amount": 1000, "minimum_amount_currency": "usd"}
    code = client.v1.promotion_codes.create(
        params={"promotion": {"type": "coupon", "coupon": coupon.id}, "restrictions": restrictions}
    )
    use = {"discounts": [{"promotion_code": code.id}]}
    assert "minimum amount of $10.00" in refused(bill, client, customer, 999, **use).user_message
    assert client.v1.promotion_codes.retrieve(code.id).times_redeemed == 0
    assert bill(client, customer, 1, **use).total == 900
