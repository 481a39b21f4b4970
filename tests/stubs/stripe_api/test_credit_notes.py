"""Credit notes of open and paid invoices, through the official SDK."""

import pytest
import stripe


def refused(action, *args, **options):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args, **options)
    return caught.value


@pytest.fixture
def customer(client):
    made = client.v1.customers.create(params={"email": "jenny@example.com"})
    method = client.v1.payment_methods.attach("pm_card_visa", params={"customer": made.id})
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    return client.v1.customers.update(made.id, params=settings)


@pytest.fixture
def invoice(client, customer):
    """An open invoice of two items, 3000 in all."""
    for amount in (1000, 2000):
        client.v1.invoice_items.create(params={"customer": customer.id, "amount": amount, "currency": "usd"})
    made = client.v1.invoices.create(params={"customer": customer.id, "pending_invoice_items_behavior": "include"})
    return client.v1.invoices.finalize_invoice(made.id)


@pytest.fixture
def paid(client, invoice):
    return client.v1.invoices.pay(invoice.id)


def custom(amount):
    return [{"type": "custom_line_item", "unit_amount": amount, "quantity": 1, "description": "Sorry"}]


def test_a_credit_note_lowers_what_is_owed(client, invoice, api):
    note = client.v1.credit_notes.create(params={"invoice": invoice.id, "lines": custom(1000), "reason": "duplicate"})
    assert (note.status, note.type, note.total, note.pre_payment_amount) == ("issued", "pre_payment", 1000, 1000)
    assert note.number == f"{invoice.number}-CN-01"
    found = client.v1.invoices.retrieve(invoice.id)
    assert (found.amount_due, found.amount_remaining, found.pre_payment_credit_notes_amount) == (2000, 2000, 1000)
    assert api.events()[-2:] == ["credit_note.created", "invoice.updated"]
    paid = client.v1.invoices.pay(invoice.id)
    assert (paid.status, paid.amount_paid) == ("paid", 2000)
    assert client.v1.charges.list().data[0].amount == 2000


def test_crediting_all_of_an_open_invoice_settles_it(client, invoice):
    client.v1.credit_notes.create(params={"invoice": invoice.id, "amount": 3000})
    found = client.v1.invoices.retrieve(invoice.id)
    assert (found.status, found.amount_paid, found.amount_remaining) == ("paid", 0, 0)
    assert client.v1.charges.list().data == []


def test_a_voided_credit_note_is_owed_again(client, invoice, api):
    note = client.v1.credit_notes.create(params={"invoice": invoice.id, "amount": 1000})
    gone = client.v1.credit_notes.void_credit_note(note.id)
    assert (gone.status, gone.voided_at is not None) == ("void", True)
    assert client.v1.invoices.retrieve(invoice.id).amount_remaining == 3000
    assert "credit_note.voided" in api.events()
    assert refused(client.v1.credit_notes.void_credit_note, note.id).http_status == 400


def test_a_paid_invoice_is_refunded_or_credited(client, paid, customer, api):
    note = client.v1.credit_notes.create(
        params={"invoice": paid.id, "amount": 1500, "refund_amount": 1000, "credit_amount": 500}
    )
    assert (note.type, note.post_payment_amount, note.refunds[0].amount_refunded) == ("post_payment", 1500, 1000)
    refund = client.v1.refunds.retrieve(note.refunds[0].refund)
    assert (refund.amount, refund.status) == (1000, "succeeded")
    assert client.v1.customers.retrieve(customer.id).balance == -500
    line = client.v1.customers.balance_transactions.retrieve(customer.id, note.customer_balance_transaction)
    assert (line.type, line.amount, line.credit_note) == ("credit_note", -500, note.id)
    found = client.v1.invoices.retrieve(paid.id)
    assert (found.status, found.post_payment_credit_notes_amount) == ("paid", 1500)
    assert {"refund.created", "charge.refunded", "credit_note.created", "customer.updated"} <= set(api.events())


def test_the_amount_of_a_paid_invoice_must_go_somewhere(client, paid):
    error = refused(client.v1.credit_notes.create, params={"invoice": paid.id, "lines": custom(1000)})
    assert "must equal the credit note amount ($10.00)" in error.user_message
    ok = client.v1.credit_notes.create(params={"invoice": paid.id, "lines": custom(1000), "out_of_band_amount": 1000})
    assert ok.out_of_band_amount == 1000


def test_no_more_is_credited_than_was_paid(client, paid):
    client.v1.credit_notes.create(params={"invoice": paid.id, "amount": 2500, "credit_amount": 2500})
    error = refused(client.v1.credit_notes.create, params={"invoice": paid.id, "amount": 501, "credit_amount": 501})
    assert "($5.00)" in error.user_message
    assert len(client.v1.credit_notes.list(params={"invoice": paid.id}).data) == 1


def test_a_draft_cannot_be_credited(client, customer):
    draft = client.v1.invoices.create(params={"customer": customer.id})
    assert (
        "finalized invoices"
        in refused(client.v1.credit_notes.create, params={"invoice": draft.id, "amount": 1}).user_message
    )


def test_a_credited_line_brings_its_discount_and_tax_along(client, customer):
    rate = client.v1.tax_rates.create(params={"display_name": "VAT", "percentage": 10, "inclusive": False})
    coupon = client.v1.coupons.create(params={"percent_off": 50})
    client.v1.invoice_items.create(
        params={
            "customer": customer.id,
            "unit_amount_decimal": "500",
            "quantity": 4,
            "currency": "usd",
            "tax_rates": [rate.id],
        }
    )
    draft = client.v1.invoices.create(
        params={
            "customer": customer.id,
            "pending_invoice_items_behavior": "include",
            "discounts": [{"coupon": coupon.id}],
        }
    )
    invoice = client.v1.invoices.finalize_invoice(draft.id)
    assert (invoice.subtotal, invoice.total) == (2000, 1100)
    given = {
        "invoice": invoice.id,
        "lines": [{"type": "invoice_line_item", "invoice_line_item": invoice.lines.data[0].id, "quantity": 1}],
    }
    preview = client.v1.credit_notes.preview(params=given)
    assert client.v1.credit_notes.list().data == []
    note = client.v1.credit_notes.create(params=given)
    for one in (preview, note):
        assert (one.subtotal, one.discount_amount, one.total_excluding_tax, one.total) == (500, 250, 250, 275)
        assert [(tax.amount, tax.taxable_amount) for tax in one.total_taxes] == [(25, 250)]
    assert client.v1.credit_notes.line_items.list(note.id).data[0].quantity == 1


def test_what_a_credit_note_says_can_be_changed(client, invoice, api):
    note = client.v1.credit_notes.create(params={"invoice": invoice.id, "amount": 100})
    changed = client.v1.credit_notes.update(note.id, params={"memo": "Sorry", "metadata": {"foo": "bar"}})
    assert (changed.memo, changed.metadata["foo"], changed.total) == ("Sorry", "bar", 100)
    assert api.events()[-1] == "credit_note.updated"
