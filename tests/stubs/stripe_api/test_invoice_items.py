"""Invoice items, the lines they become, and the taxes on them, through the official SDK."""

import pytest
import stripe


def refused(action, *args, **options):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args, **options)
    return caught.value


@pytest.fixture
def customer(client):
    return client.v1.customers.create(params={"email": "jenny@example.com"})


def item(client, customer, **given):
    return client.v1.invoice_items.create(params={"customer": customer.id, **given})


def draft(client, customer, **extra):
    given = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    return client.v1.invoices.create(params=given | extra)


def test_an_item_has_an_amount_of_its_own(client, customer, api):
    made = item(client, customer, amount=1099, currency="USD", description="Work")
    assert (made.amount, made.currency, made.quantity, made.invoice, made.proration) == (1099, "usd", 1, None, False)
    assert str(made.pricing.unit_amount_decimal) == "1099"
    assert client.v1.prices.retrieve(made.pricing.price_details.price).active is False
    assert client.v1.customers.retrieve(customer.id).currency == "usd"
    assert api.events() == ["customer.created", "invoiceitem.created"]


def test_an_item_may_be_so_many_of_a_price(client, customer):
    product = client.v1.products.create(
        params={"name": "Tea", "default_price_data": {"currency": "usd", "unit_amount": 450}}
    )
    made = item(client, customer, pricing={"price": product.default_price}, quantity=3)
    assert (made.amount, made.quantity, made.description) == (1350, 3, "Tea")
    described = item(
        client,
        customer,
        price_data={"currency": "usd", "product": product.id, "unit_amount_decimal": "0.5"},
        quantity=5,
    )
    assert described.amount == 3
    recurring = client.v1.prices.create(
        params={"product": product.id, "currency": "usd", "unit_amount": 5, "recurring": {"interval": "month"}}
    )
    error = refused(item, client, customer, pricing={"price": recurring.id})
    assert "only accepts prices with `type=one_time`" in error.user_message


def test_older_clients_name_price_and_unit_amount_at_the_top(client, customer, api):
    product = client.v1.products.create(
        params={"name": "Tea", "default_price_data": {"currency": "usd", "unit_amount": 450}}
    )
    reply = api.call("POST", "/v1/invoiceitems", f"customer={customer.id}&price={product.default_price}&quantity=2")
    assert (reply.status, reply.body["amount"]) == (200, 900)
    reply = api.call("POST", "/v1/invoiceitems", f"customer={customer.id}&unit_amount=250&quantity=2&currency=usd")
    assert (reply.status, reply.body["amount"]) == (200, 500)


def test_an_item_needs_an_amount(client, customer):
    assert refused(item, client, customer, currency="usd").param == "amount"
    assert refused(item, client, customer, amount=5).param == "currency"
    assert refused(client.v1.invoice_items.create, params={"amount": 5, "currency": "usd"}).param == "customer"


def test_an_item_can_be_put_on_a_draft_and_taken_off(client, customer, api):
    invoice = draft(client, customer)
    made = item(client, customer, invoice=invoice.id, amount=500, currency="usd")
    assert client.v1.invoices.retrieve(invoice.id).total == 500
    client.v1.invoice_items.update(made.id, params={"amount": 700, "description": "More"})
    found = client.v1.invoices.retrieve(invoice.id)
    assert (found.total, found.lines.data[0].description) == (700, "More")
    assert client.v1.invoice_items.delete(made.id).deleted is True
    assert client.v1.invoices.retrieve(invoice.id).lines.data == []
    assert api.events()[-1] == "invoiceitem.deleted"


def test_an_item_of_a_final_invoice_stays(client, customer):
    made = item(client, customer, amount=500, currency="usd")
    client.v1.invoices.finalize_invoice(draft(client, customer).id)
    assert refused(client.v1.invoice_items.delete, made.id).code == "invoice_not_editable"
    assert refused(client.v1.invoice_items.update, made.id, params={"amount": 1}).code == "invoice_not_editable"


def test_only_items_of_its_currency_come_onto_a_draft(client, customer):
    item(client, customer, amount=500, currency="usd")
    item(client, customer, amount=700, currency="eur")
    assert draft(client, customer).total == 500
    assert draft(client, customer, currency="eur").total == 700


def test_taxes_are_worked_out_per_line(client, customer):
    on_top = client.v1.tax_rates.create(params={"display_name": "Sales tax", "percentage": 8.25, "inclusive": False})
    within = client.v1.tax_rates.create(params={"display_name": "VAT", "percentage": 19, "inclusive": True})
    item(client, customer, amount=1000, currency="usd", tax_rates=[on_top.id])
    item(client, customer, amount=1190, currency="usd")
    invoice = draft(client, customer, default_tax_rates=[within.id])
    assert (invoice.subtotal, invoice.total_excluding_tax, invoice.total) == (2190, 2000, 2273)
    found = {tax.tax_rate_details.tax_rate: (tax.amount, tax.tax_behavior) for tax in invoice.total_taxes}
    assert found == {on_top.id: (83, "exclusive"), within.id: (190, "inclusive")}
    assert [tax.amount for line in invoice.lines for tax in line.taxes] == [190, 83]


def test_who_is_exempt_is_not_taxed(client, customer):
    client.v1.customers.update(customer.id, params={"tax_exempt": "exempt"})
    rate = client.v1.tax_rates.create(params={"display_name": "Sales tax", "percentage": 8.25, "inclusive": False})
    item(client, customer, amount=1000, currency="usd", tax_rates=[rate.id])
    invoice = draft(client, customer)
    assert (invoice.total, invoice.total_taxes[0].taxability_reason) == (1000, "customer_exempt")


def test_an_archived_tax_rate_is_refused(client, customer, api):
    rate = client.v1.tax_rates.create(params={"display_name": "Old", "percentage": 5, "inclusive": False})
    client.v1.tax_rates.update(rate.id, params={"active": False})
    assert api.events()[-2:] == ["tax_rate.created", "tax_rate.updated"]
    assert refused(item, client, customer, amount=5, currency="usd", tax_rates=[rate.id]).param == "tax_rates[0]"


def test_lines_of_a_draft_are_added_changed_and_removed(client, customer):
    invoice = draft(client, customer, currency="usd")
    added = client.v1.invoices.add_lines(
        invoice.id,
        params={
            "lines": [
                {"amount": 100, "description": "A"},
                {"price_data": {"currency": "usd", "unit_amount": 50, "product_data": {"name": "B"}}, "quantity": 3},
            ]
        },
    )
    assert (added.total, [line.description for line in added.lines]) == (250, ["A", "B"])
    first, second = added.lines.data
    changed = client.v1.invoices.update_lines(invoice.id, params={"lines": [{"id": second.id, "quantity": 5}]})
    assert changed.total == 350
    line = client.v1.invoices.line_items.update(invoice.id, first.id, params={"description": "AA"})
    assert (line.id, line.description) == (first.id, "AA")
    left = client.v1.invoices.remove_lines(invoice.id, params={"lines": [{"id": first.id, "behavior": "delete"}]})
    assert left.total == 250
    client.v1.invoices.finalize_invoice(invoice.id)
    error = refused(client.v1.invoices.add_lines, invoice.id, params={"lines": [{"amount": 1}]})
    assert error.code == "invoice_not_editable"


def test_an_invoice_shows_ten_lines_and_lists_the_rest(client, customer):
    for number in range(12):
        item(client, customer, amount=100 + number, currency="usd")
    invoice = draft(client, customer)
    assert (len(invoice.lines.data), invoice.lines.has_more, invoice.total) == (10, True, 1266)
    every = list(client.v1.invoices.line_items.list(invoice.id, params={"limit": 5}).auto_paging_iter())
    assert len(every) == 12


def test_shipping_is_added_after_discounts(client, customer):
    rate = client.v1.shipping_rates.create(
        params={"display_name": "Ground", "type": "fixed_amount", "fixed_amount": {"amount": 500, "currency": "usd"}}
    )
    coupon = client.v1.coupons.create(params={"percent_off": 50})
    item(client, customer, amount=1000, currency="usd")
    invoice = draft(client, customer, shipping_cost={"shipping_rate": rate.id}, discounts=[{"coupon": coupon.id}])
    assert (invoice.subtotal, invoice.amount_shipping, invoice.total) == (1000, 500, 1000)


def test_a_plan_is_a_price_by_another_name(client, api):
    plan = client.v1.plans.create(
        params={"id": "gold", "currency": "usd", "interval": "month", "amount": 2000, "product": {"name": "Gold"}}
    )
    assert (plan.id, plan.amount, plan.interval, plan.interval_count) == ("gold", 2000, "month", 1)
    price = client.v1.prices.retrieve("gold")
    assert (price.unit_amount, price.product, price.recurring.interval) == (2000, plan.product, "month")
    assert client.v1.plans.update("gold", params={"metadata": {"foo": "bar"}}).metadata["foo"] == "bar"
    assert api.events() == ["product.created", "plan.created", "price.created", "price.updated", "plan.updated"]
    assert [one.id for one in client.v1.plans.list(params={"product": plan.product})] == ["gold"]
    assert client.v1.plans.delete("gold").deleted is True
    assert api.events()[-2:] == ["plan.deleted", "price.deleted"]
    assert refused(client.v1.prices.retrieve, "gold").http_status == 404
    tiered = client.v1.plans.create(
        params={"currency": "usd", "interval": "year", "billing_scheme": "tiered", "tiers_mode": "volume",
                "tiers": [{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount": 90}],
                "product": plan.product, "expand": ["tiers", "product"]}
    )  # fmt: skip
    assert (tiered.tiers[1].unit_amount, tiered.product.name, tiered.amount) == (90, "Gold", None)
