"""Customers and what they pay with, through the official SDK."""

import pytest
import stripe


def test_a_customer_is_whole_and_stays(client, api):
    made = client.v1.customers.create(
        params={
            "email": "jenny@example.com",
            "name": "Jenny Rosen",
            "address": {"line1": "1 Main St", "city": "Berlin", "country": "DE"},
            "metadata": {"plan": "pro"},
        }
    )
    assert made.id.startswith("cus_")
    assert len(made.id) == 18
    found = client.v1.customers.retrieve(made.id)
    assert found.to_dict() == made.to_dict()
    assert (found.email, found.address.city, found.address.postal_code) == ("jenny@example.com", "Berlin", None)
    assert found.livemode is False
    assert found.balance == 0
    assert found.invoice_settings.default_payment_method is None
    assert api.events() == ["customer.created"]


def test_lists_are_newest_first_and_page_by_cursor(client):
    made = [client.v1.customers.create(params={"name": f"n{number}"}).id for number in range(25)]
    first = client.v1.customers.list()
    assert [customer.id for customer in first.data] == made[:14:-1]
    assert first.has_more is True
    assert first.url == "/v1/customers"
    following = client.v1.customers.list(params={"starting_after": first.data[-1].id, "limit": 3})
    assert [customer.id for customer in following.data] == made[14:11:-1]
    back = client.v1.customers.list(params={"ending_before": following.data[0].id, "limit": 2})
    assert [customer.id for customer in back.data] == made[16:14:-1]


def test_auto_pagination_sees_every_customer_once(client):
    made = [client.v1.customers.create().id for _ in range(23)]
    seen = [customer.id for customer in client.v1.customers.list(params={"limit": 10}).auto_paging_iter()]
    assert seen == made[::-1]


def test_lists_filter_by_time_and_email(client):
    early = client.v1.customers.create(params={"email": "a@example.com"})
    late = client.v1.customers.create(params={"email": "b@example.com"})
    assert late.created > early.created
    found = client.v1.customers.list(params={"created": {"gte": late.created}})
    assert [customer.id for customer in found] == [late.id]
    found = client.v1.customers.list(params={"created": {"lt": late.created}})
    assert [customer.id for customer in found] == [early.id]
    assert [customer.id for customer in client.v1.customers.list(params={"email": "a@example.com"})] == [early.id]


def test_updates_merge_metadata_and_tell_what_was_before(client):
    made = client.v1.customers.create(params={"name": "Jenny", "metadata": {"a": "1", "b": "2"}})
    changed = client.v1.customers.update(made.id, params={"name": "Jen", "metadata": {"b": "", "c": "3"}})
    assert changed.name == "Jen"
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    event = client.v1.events.list(params={"type": "customer.updated"}).data[0]
    assert event.data.previous_attributes["name"] == "Jenny"
    assert event.data.object["name"] == "Jen"
    assert event.request.id.startswith("req_")


def test_events_tell_of_a_hash_what_has_changed_in_it(client: stripe.StripeClient) -> None:
    """Of the address the line, of metadata the keys: null for what wasn't there."""
    made = client.v1.customers.create({"address": {"city": "Rome", "line1": "1 Via"}, "metadata": {"a": "1", "b": "2"}})
    client.v1.customers.update(
        made.id, {"address": {"city": "Rome", "line1": "2 Via"}, "metadata": {"b": "", "c": "3"}}
    )
    event = client.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.to_dict()["previous_attributes"] == {
        "address": {"line1": "1 Via"},
        "metadata": {"b": "2", "c": None},
    }


def test_an_empty_text_unsets_a_field(client):
    made = client.v1.customers.create(params={"description": "first"})
    assert client.v1.customers.update(made.id, params={"description": ""}).description is None


def test_a_deleted_customer_is_a_stump_and_can_not_be_changed(client):
    made = client.v1.customers.create(params={"email": "gone@example.com"})
    gone = client.v1.customers.delete(made.id)
    assert (gone.deleted, gone.id) == (True, made.id)
    assert client.v1.customers.retrieve(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.update(made.id, params={"name": "Back"})
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    assert client.v1.customers.list().data == []


def test_an_unknown_customer_is_missing_in_the_words_of_stripe(client):
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.customers.retrieve("cus_missing")
    error = caught.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert error.user_message == "No such customer: 'cus_missing'"
    assert error.json_body["error"]["doc_url"] == "https://stripe.com/docs/error-codes/resource-missing"


def test_an_email_without_an_at_is_refused(client):
    with pytest.raises(stripe.InvalidRequestError, match="Invalid email address: nobody") as caught:
        client.v1.customers.create(params={"email": "nobody"})
    assert caught.value.code == "email_invalid"


def test_attached_methods_belong_to_the_customer_until_detached(client, api):
    customer = client.v1.customers.create()
    method = client.v1.payment_methods.attach("pm_card_amex", params={"customer": customer.id})
    assert (method.customer, method.card.brand, method.card.last4) == (customer.id, "amex", "0005")
    assert method.card.checks.cvc_check == "pass"
    assert [one.id for one in client.v1.customers.payment_methods.list(customer.id)] == [method.id]
    assert [one.id for one in client.v1.payment_methods.list(params={"customer": customer.id})] == [method.id]
    settings = {"invoice_settings": {"default_payment_method": method.id}}
    assert client.v1.customers.update(customer.id, params=settings).invoice_settings.default_payment_method == method.id
    assert client.v1.payment_methods.detach(method.id).customer is None
    assert client.v1.customers.payment_methods.list(customer.id).data == []
    assert client.v1.customers.retrieve(customer.id).invoice_settings.default_payment_method is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_methods.attach(method.id, params={"customer": customer.id})
    assert "payment_method.attached" in api.events()
    assert api.events()[-1] == "payment_method.detached"


def test_a_default_method_must_be_the_customers_own(client):
    customer = client.v1.customers.create()
    method = client.v1.payment_methods.create(params={"type": "card", "card": {"token": "tok_visa"}})
    with pytest.raises(stripe.InvalidRequestError, match="must be attached to the customer"):
        client.v1.customers.update(customer.id, params={"invoice_settings": {"default_payment_method": method.id}})


def test_a_declined_card_can_not_be_attached_but_one_that_fails_later_can(client, declined):
    customer = client.v1.customers.create()
    error = declined(client.v1.payment_methods.attach, "pm_card_chargeDeclined", params={"customer": customer.id})
    assert error.code == "card_declined"
    method = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", params={"customer": customer.id})
    assert method.customer == customer.id


def test_a_source_becomes_the_default_and_pays_the_older_way(client):
    customer = client.v1.customers.create(params={"source": "tok_mastercard"})
    assert customer.default_source.startswith("card_")
    card = client.v1.customers.payment_sources.retrieve(customer.id, customer.default_source)
    assert (card.brand, card.last4, card.customer) == ("MasterCard", "4444", customer.id)
    charge = client.v1.charges.create(params={"amount": 1000, "currency": "usd", "customer": customer.id})
    assert (charge.paid, charge.customer, charge.payment_method) == (True, customer.id, card.id)


def test_sources_are_listed_only_where_asked_for(client):
    customer = client.v1.customers.create(params={"source": "tok_visa"})
    assert "sources" not in customer
    expanded = client.v1.customers.retrieve(customer.id, params={"expand": ["sources"]})
    assert [source.id for source in expanded.sources.data] == [customer.default_source]


def test_a_saved_card_can_be_renewed_and_removed(client):
    customer = client.v1.customers.create(params={"source": "tok_visa"})
    sources = client.v1.customers.payment_sources
    card = sources.update(customer.id, customer.default_source, params={"exp_month": 5, "exp_year": 2033})
    assert (card.exp_month, card.exp_year) == (5, 2033)
    other = sources.create(customer.id, params={"source": "tok_amex"})
    assert sources.delete(customer.id, card.id).deleted is True
    assert client.v1.customers.retrieve(customer.id).default_source == other.id


def test_an_empty_text_unsets_to_what_the_schema_has_for_nothing(client, api):
    product = client.v1.products.create(params={"name": "Pro", "images": ["https://shop.example/1.png"]})
    assert client.v1.products.update(product.id, params={"images": ""}).images == []
    reply = api.call("POST", f"/v1/products/{product.id}", "name=")
    assert (reply.status, reply.body["error"]["code"]) == (400, "parameter_invalid_empty")
