"""Invoices from draft to paid, through the official SDK."""

import pytest
import stripe

HOUR, DAY = 3_600, 86_400


@pytest.fixture
def customer(client):
    return client.v1.customers.create(params={"email": "jenny@example.com", "name": "Jenny Rosen"})


@pytest.fixture
def paying(client, customer):
    """The customer with a good card as the default of invoices."""
    return with_card(client, customer, "pm_card_visa")


def with_card(client, customer, name):
    method = client.v1.payment_methods.attach(name, params={"customer": customer.id})
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    return client.v1.customers.update(customer.id, params=settings)


def item(client, customer, amount=2000, **extra):
    given = {"customer": customer.id, "amount": amount, "currency": "usd", "description": "Work"}
    return client.v1.invoice_items.create(params=given | extra)


def draft(client, customer, **extra):
    given = {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    return client.v1.invoices.create(params=given | extra)


def refused(action, *args, **options):
    with pytest.raises(stripe.StripeError) as caught:
        action(*args, **options)
    return caught.value


def test_a_draft_takes_pending_items_and_adds_them_up(client, customer, api):
    item(client, customer, 2000)
    item(client, customer, 500, description="More work")
    invoice = draft(client, customer)
    assert (invoice.status, invoice.number, invoice.subtotal, invoice.total, invoice.amount_due) == (
        "draft",
        None,
        2500,
        2500,
        2500,
    )
    assert [line.description for line in invoice.lines] == ["More work", "Work"]
    assert api.events() == ["customer.created", "invoiceitem.created", "invoiceitem.created", "invoice.created"]
    assert client.v1.invoice_items.list(params={"customer": customer.id, "pending": True}).data == []


def test_pending_items_wait_unless_they_are_asked_for(client, customer):
    item(client, customer)
    invoice = client.v1.invoices.create(params={"customer": customer.id})
    assert (invoice.total, invoice.lines.data) == (0, [])
    assert len(client.v1.invoice_items.list(params={"customer": customer.id, "pending": True}).data) == 1


def test_finalizing_numbers_an_invoice_and_asks_for_the_money(client, customer, api):
    item(client, customer)
    invoice = client.v1.invoices.finalize_invoice(draft(client, customer).id, params={"expand": ["payments"]})
    assert (invoice.status, invoice.number) == ("open", f"{customer.invoice_prefix}-0001")
    assert invoice.hosted_invoice_url.startswith("https://invoice.stripe.com/i/")
    assert invoice.status_transitions.finalized_at == invoice.effective_at
    payment = invoice.payments.data[0]
    assert (payment.status, payment.is_default, payment.amount_requested) == ("open", True, 2000)
    assert api.events()[-2:] == ["payment_intent.created", "invoice.finalized"]
    again = refused(client.v1.invoices.finalize_invoice, invoice.id)
    assert (again.http_status, again.code) == (400, "invoice_not_editable")


def test_paying_charges_the_default_card(client, paying, api):
    item(client, paying)
    invoice = client.v1.invoices.pay(
        draft(client, paying).id, params={"expand": ["payments.data.payment.payment_intent"]}
    )
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 2000, 0)
    assert (invoice.attempt_count, invoice.attempted) == (1, True)
    payment = invoice.payments.data[0]
    assert (payment.status, payment.amount_paid) == ("paid", 2000)
    assert payment.payment.payment_intent.status == "succeeded"
    assert api.events()[-7:] == [
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    assert client.v1.balance.retrieve().pending[0].amount == 2000 - 88


def test_a_declined_payment_leaves_the_invoice_open(client, customer, api):
    broke = with_card(client, customer, "pm_card_chargeCustomerFail")
    item(client, broke)
    invoice = draft(client, broke)
    error = refused(client.v1.invoices.pay, invoice.id)
    assert (error.http_status, error.code) == (402, "card_declined")
    found = client.v1.invoices.retrieve(invoice.id)
    assert (found.status, found.attempted, found.attempt_count, found.amount_remaining) == ("open", True, 1, 2000)
    assert "invoice.payment_failed" in api.events()
    good = client.v1.payment_methods.attach("pm_card_visa", params={"customer": broke.id})
    paid = client.v1.invoices.pay(invoice.id, params={"payment_method": good.id})
    assert (paid.status, paid.attempt_count) == ("paid", 1)


def test_without_a_way_to_pay_there_is_nothing_to_charge(client, customer):
    item(client, customer)
    error = refused(client.v1.invoices.pay, draft(client, customer).id)
    assert "no attached payment source or default payment method" in error.user_message


def test_a_card_that_wants_3d_secure_waits_for_the_customer(client, customer, api):
    careful = with_card(client, customer, "pm_card_threeDSecure2Required")
    item(client, careful)
    invoice = draft(client, careful)
    error = refused(client.v1.invoices.pay, invoice.id)
    assert (error.http_status, error.code) == (402, "invoice_payment_intent_requires_action")
    assert "invoice.payment_action_required" in api.events()
    secret = client.v1.invoices.retrieve(invoice.id, params={"expand": ["confirmation_secret"]}).confirmation_secret
    intent = client.v1.payment_intents.retrieve(secret.client_secret.partition("_secret")[0])
    page = intent.next_action.use_stripe_sdk["stripe_js"]
    path = "/3d_secure_2/hosted?" + page.partition("?")[2]
    reply = api.send(
        "POST",
        path,
        (("Content-Type", "application/x-www-form-urlencoded"), ("Host", "hooks.stripe.com")),
        b"outcome=succeeded",
    )
    assert reply.status in {303, 200}
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"


def test_paid_out_of_band_moves_no_money(client, customer):
    item(client, customer)
    invoice = client.v1.invoices.pay(draft(client, customer).id, params={"paid_out_of_band": True})
    assert (invoice.status, invoice.amount_paid, invoice.amount_paid_off_stripe) == ("paid", 2000, 2000)
    assert client.v1.charges.list().data == []
    payment = client.v1.invoice_payments.list(params={"invoice": invoice.id}).data[0]
    assert payment.status == "canceled"


def test_nothing_due_is_paid_at_once(client, customer, api):
    invoice = client.v1.invoices.finalize_invoice(draft(client, customer).id)
    assert (invoice.status, invoice.amount_due) == ("paid", 0)
    assert "payment_intent.created" not in api.events()
    assert api.events()[-3:] == ["invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]


def test_void_and_uncollectible_end_what_is_owed(client, customer, api):
    item(client, customer)
    invoice = client.v1.invoices.finalize_invoice(draft(client, customer).id)
    lost = client.v1.invoices.mark_uncollectible(invoice.id)
    assert (lost.status, lost.status_transitions.marked_uncollectible_at is not None) == ("uncollectible", True)
    gone = client.v1.invoices.void_invoice(invoice.id)
    assert (gone.status, gone.amount_remaining) == ("void", 0)
    error = refused(client.v1.invoices.pay, invoice.id)
    assert (error.http_status, "void" in error.user_message) == (400, True)
    assert {"invoice.marked_uncollectible", "invoice.voided", "payment_intent.canceled"} <= set(api.events())


@pytest.mark.parametrize("action", ["void_invoice", "mark_uncollectible"])
def test_a_draft_cannot_be_voided_or_given_up(client, customer, action):
    invoice = draft(client, customer)
    error = refused(getattr(client.v1.invoices, action), invoice.id)
    assert error.code == "status_transition_invalid"
    assert client.v1.invoices.retrieve(invoice.id).status == "draft"


def test_a_draft_can_be_deleted_a_final_invoice_not(client, customer, api):
    item(client, customer)
    invoice = draft(client, customer)
    assert client.v1.invoices.delete(invoice.id).deleted is True
    assert api.events()[-1] == "invoice.deleted"
    item(client, customer)
    final = client.v1.invoices.finalize_invoice(draft(client, customer).id)
    assert "only delete draft invoices" in refused(client.v1.invoices.delete, final.id).user_message


def test_a_sent_invoice_needs_an_address_and_a_due_date(client, customer, api):
    item(client, customer)
    assert "days_until_due" in refused(draft, client, customer, collection_method="send_invoice").user_message
    nobody = client.v1.customers.create()
    error = refused(draft, client, nobody, collection_method="send_invoice", days_until_due=7)
    assert "Missing email" in error.user_message
    invoice = draft(client, customer, collection_method="send_invoice", days_until_due=7)
    sent = client.v1.invoices.send_invoice(invoice.id)
    assert (sent.status, sent.due_date - sent.status_transitions.finalized_at) == ("open", 7 * DAY)
    assert api.events()[-1] == "invoice.sent"
    api.passes(8 * DAY)
    assert api.events()[-3:] == ["invoice.will_be_due", "invoice.overdue", "customer.updated"]


def test_automatic_collection_finalizes_and_charges_after_an_hour(client, paying, api):
    item(client, paying)
    invoice = draft(client, paying, auto_advance=True)
    assert invoice.automatically_finalizes_at == invoice.created + HOUR
    api.passes(HOUR - 60)
    assert client.v1.invoices.retrieve(invoice.id).status == "draft"
    api.passes(120)
    paid = client.v1.invoices.retrieve(invoice.id)
    assert (paid.status, paid.attempt_count) == ("paid", 1)


def test_payments_are_tried_again_by_the_schedule(client, customer, api):
    broke = with_card(client, customer, "pm_card_chargeCustomerFail")
    item(client, broke)
    invoice = draft(client, broke, auto_advance=True)
    api.passes(HOUR + 10)
    tries = []
    for days in (3, 5, 7):
        found = client.v1.invoices.retrieve(invoice.id)
        tries.append(
            (found.attempt_count, round((found.next_payment_attempt - found.status_transitions.finalized_at) / DAY))
        )
        api.passes(days * DAY + 60)
    assert tries == [(1, 3), (2, 8), (3, 15)]
    last = client.v1.invoices.retrieve(invoice.id)
    assert (last.status, last.attempt_count, last.next_payment_attempt) == ("open", 4, None)
    assert api.events().count("invoice.payment_failed") == 4


def test_what_is_changed_by_hand_shows_what_was_there(client, customer, api):
    invoice = draft(client, customer, metadata={"order": "1"})
    client.v1.invoices.update(invoice.id, params={"metadata": {"order": "2"}, "description": "Thanks"})
    event = client.v1.events.list(params={"type": "invoice.updated"}).data[0]
    assert event.data.previous_attributes["metadata"].order == "1"
    assert event.data.previous_attributes["description"] is None


def test_a_finalized_invoice_keeps_its_amounts(client, customer):
    item(client, customer)
    final = client.v1.invoices.finalize_invoice(draft(client, customer).id)
    assert client.v1.invoices.update(final.id, params={"metadata": {"a": "b"}}).metadata["a"] == "b"
    error = refused(client.v1.invoices.update, final.id, params={"description": "late"})
    assert (error.code, error.param) == ("invoice_not_editable", "description")
    error = refused(item, client, customer, invoice=final.id)
    assert error.code == "invoice_not_editable"


def test_the_balance_of_a_customer_pays_first(client, paying):
    client.v1.customers.balance_transactions.create(paying.id, params={"amount": -1500, "currency": "usd"})
    item(client, paying)
    invoice = client.v1.invoices.finalize_invoice(draft(client, paying).id)
    assert (invoice.total, invoice.starting_balance, invoice.ending_balance, invoice.amount_due) == (
        2000,
        -1500,
        0,
        500,
    )
    assert client.v1.customers.retrieve(paying.id).balance == 0
    ledger = client.v1.customers.balance_transactions.list(paying.id).data
    assert [(line.type, line.amount, line.ending_balance) for line in ledger] == [
        ("applied_to_invoice", 1500, 0),
        ("adjustment", -1500, -1500),
    ]
    gone = client.v1.invoices.void_invoice(invoice.id)
    assert gone.status == "void"
    assert client.v1.customers.retrieve(paying.id).balance == -1500


def test_too_little_to_charge_is_put_on_the_balance(client, paying):
    item(client, paying, 30)
    invoice = client.v1.invoices.finalize_invoice(draft(client, paying).id)
    assert (invoice.status, invoice.amount_due, invoice.ending_balance) == ("paid", 0, 30)
    assert client.v1.customers.retrieve(paying.id).balance == 30
    line = client.v1.customers.balance_transactions.list(paying.id).data[0]
    assert (line.type, line.invoice) == ("invoice_too_small", invoice.id)


def test_a_negative_invoice_is_credit_for_the_next(client, paying):
    item(client, paying, -700)
    invoice = client.v1.invoices.finalize_invoice(draft(client, paying).id)
    assert (invoice.status, invoice.total, invoice.amount_due, invoice.ending_balance) == ("paid", -700, 0, -700)
    assert client.v1.customers.retrieve(paying.id).balance == -700


def test_the_clock_leaves_invoices_of_deleted_customers_alone(client, paying, api):
    item(client, paying)
    invoice = draft(client, paying, auto_advance=True)
    client.v1.customers.delete(paying.id)
    api.passes(2 * HOUR)
    assert client.v1.invoices.retrieve(invoice.id).status == "draft"


def test_an_intent_of_ones_own_can_pay_an_invoice(client, paying):
    item(client, paying)
    invoice = client.v1.invoices.finalize_invoice(draft(client, paying).id)
    given = {
        "amount": 2500,
        "currency": "usd",
        "customer": paying.id,
        "payment_method": paying.invoice_settings.default_payment_method,
        "confirm": True,
        "payment_method_types": ["card"],
    }
    intent = client.v1.payment_intents.create(params=given)
    paid = client.v1.invoices.attach_payment(invoice.id, params={"payment_intent": intent.id})
    assert (paid.status, paid.amount_paid, paid.amount_overpaid) == ("paid", 2000, 500)
    assert {one.status for one in client.v1.invoice_payments.list(params={"invoice": invoice.id})} == {
        "paid",
        "canceled",
    }
    assert client.v1.customers.retrieve(paying.id).balance == -500
    error = refused(client.v1.invoices.attach_payment, invoice.id, params={"payment_intent": intent.id})
    assert error.code == "invoice_not_payable"


def test_a_revision_starts_with_the_lines_of_the_invoice(client, customer):
    item(client, customer)
    first = client.v1.invoices.finalize_invoice(draft(client, customer).id)
    copy = client.v1.invoices.create(params={"from_invoice": {"action": "revision", "invoice": first.id}})
    assert (copy.status, copy.total, copy.from_invoice.invoice) == ("draft", 2000, first.id)
    second = client.v1.invoices.finalize_invoice(copy.id)
    before = client.v1.invoices.retrieve(first.id)
    assert (before.status, before.latest_revision, second.status) == ("void", second.id, "open")


def test_the_customer_can_pay_with_the_intent_of_an_invoice(client, customer):
    item(client, customer)
    invoice = client.v1.invoices.finalize_invoice(
        draft(client, customer).id, params={"expand": ["confirmation_secret"]}
    )
    intent = invoice.confirmation_secret.client_secret.partition("_secret")[0]
    error = refused(client.v1.payment_intents.confirm, intent, params={"payment_method": "pm_card_chargeDeclined"})
    assert error.code == "card_declined"
    assert client.v1.invoices.retrieve(invoice.id).attempt_count == 1
    client.v1.payment_intents.confirm(intent, params={"payment_method": "pm_card_visa"})
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"


def test_a_payment_s_event_has_all_that_it_changed(client, paying):
    item(client, paying)
    client.v1.invoices.pay(client.v1.invoices.finalize_invoice(draft(client, paying).id).id)
    event = client.v1.events.list({"type": "invoice.updated", "limit": 1}).data[0]
    assert event.data.to_dict()["previous_attributes"] == {
        "amount_paid": 0,
        "amount_remaining": 2000,
        "attempt_count": 0,
        "attempted": False,
        "status": "open",
        "status_transitions": {"paid_at": None},
    }


def test_a_customer_is_delinquent_by_what_happened_last(client, api):
    """A failure by itself or a due date that has passed says yes; a payment, or giving the invoice up, says no."""
    late = client.v1.customers.create({"email": "late@example.com"})
    params = {"customer": late.id, "collection_method": "send_invoice", "days_until_due": 7}
    invoice = client.v1.invoices.create(params)
    client.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 2000, "description": "Work"}]})
    client.v1.invoices.finalize_invoice(invoice.id)
    assert client.v1.customers.retrieve(late.id).delinquent is False
    api.passes(8 * 86_400)
    assert client.v1.customers.retrieve(late.id).delinquent is True
    event = client.v1.events.list({"type": "customer.updated", "limit": 1}).data[0]
    assert event.data.to_dict()["previous_attributes"] == {"delinquent": False}
    client.v1.invoices.mark_uncollectible(invoice.id)
    assert client.v1.customers.retrieve(late.id).delinquent is False
    card = "pm_card_chargeCustomerFail"
    broke = client.v1.customers.create({"payment_method": card, "invoice_settings": {"default_payment_method": card}})
    invoice = client.v1.invoices.create({"customer": broke.id, "auto_advance": True})
    client.v1.invoices.add_lines(invoice.id, {"lines": [{"amount": 2000, "description": "Work"}]})
    api.passes(7_200)
    assert client.v1.customers.retrieve(broke.id).delinquent is True
    client.v1.invoices.pay(invoice.id, {"paid_out_of_band": True})
    assert client.v1.customers.retrieve(broke.id).delinquent is False
