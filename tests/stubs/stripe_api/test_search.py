"""Search through the official SDK."""

import pytest
import stripe


@pytest.fixture
def people(client):
    names = (("Jenny", "jenny@example.com", "1"), ("Tom", "tom@example.com", "2"), ("Jenna", "jenna@example.org", "1"))
    return [
        client.v1.customers.create(params={"name": name, "email": email, "metadata": {"shop": shop}}).name
        for name, email, shop in names
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("email:'JENNY@example.com'", ["Jenny"]),
        ('name~"jen"', ["Jenna", "Jenny"]),
        ("metadata['shop']:'1'", ["Jenna", "Jenny"]),
        ("metadata['shop']:'1' AND -name:'Jenny'", ["Jenna"]),
        ("name:'Tom' OR name:'Jenna'", ["Jenna", "Tom"]),
        ("phone:null", ["Jenna", "Tom", "Jenny"]),
        ("created>1", ["Jenna", "Tom", "Jenny"]),
        ("created<1", []),
    ],
)
@pytest.mark.usefixtures("people")
def test_queries(client, query, names):
    assert [customer.name for customer in client.v1.customers.search(params={"query": query})] == names


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("nonsense", "unable to parse"),
        ("shoe:'42'", "Field `shoe` is an unsupported search field for resource `customers`."),
        ("name:'a' AND name:'b' OR name:'c'", "both AND and OR"),
        ("name~'je'", "at least 3 characters"),
        ("email>5", "operator `>` is not supported for the field `email`"),
        ("created~'123'", "operator `~` is not supported for the field `created`"),
        ("created>'soon'", "Field `created` only takes numbers"),
        (" AND ".join(["name:'a'"] * 11), "more than 10 clauses"),
    ],
)
def test_broken_queries_are_refused(client, query, message):
    with pytest.raises(stripe.InvalidRequestError, match=message):
        client.v1.customers.search(params={"query": query})


@pytest.mark.usefixtures("people")
def test_results_page(client):
    found = client.v1.customers.search(params={"query": "created>1", "limit": 2})
    assert found.has_more is True
    assert [customer.name for customer in found.auto_paging_iter()] == ["Jenna", "Tom", "Jenny"]


@pytest.mark.usefixtures("people")
def test_how_many_there_are_is_told_to_whom_asks(client):
    found = client.v1.customers.search(params={"query": "created>1", "limit": 1, "expand": ["total_count"]})
    assert (found.total_count, len(found.data)) == (3, 1)
    assert "total_count" not in client.v1.customers.search(params={"query": "created>1"})


def test_every_resource_that_can_be_searched(client):
    """Each by a field of its own and by metadata, quoted either way."""
    product = client.v1.products.create({"name": "Green tea", "metadata": {"k": "v"}})
    price = client.v1.prices.create({"product": product.id, "unit_amount": 900, "currency": "usd", "lookup_key": "tea_9",
                                     "recurring": {"interval": "month"}})  # fmt: skip
    customer = client.v1.customers.create({"email": "ada@example.com", "payment_method": "pm_card_visa",
                                           "invoice_settings": {"default_payment_method": "pm_card_visa"}})  # fmt: skip
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "metadata": {"plan": "tea"}}
    )
    charge = client.v1.charges.create({"amount": 777, "currency": "usd", "source": "tok_mastercard"})
    intent = client.v1.payment_intents.create({"amount": 888, "currency": "usd", "metadata": {"order": "7"}})
    assert [one.id for one in client.v1.products.search({"query": "name~'green' AND active:'true'"})] == [product.id]
    assert [one.id for one in client.v1.prices.search({"query": f'lookup_key:"tea_9" AND product:"{product.id}"'})] == [
        price.id
    ]
    found = client.v1.subscriptions.search({"query": "status:'active' AND metadata[\"plan\"]:'tea'"})
    assert [one.id for one in found] == [subscription.id]
    invoices = client.v1.invoices.search(
        {"query": f"subscription:'{subscription.id}' AND total>=900 AND -status:'draft'"}
    )
    assert [one.id for one in invoices] == [subscription.latest_invoice]
    assert [
        one.id
        for one in client.v1.charges.search({"query": "amount:777 AND payment_method_details.card.brand:mastercard"})
    ] == [charge.id]
    assert [one.id for one in client.v1.payment_intents.search({"query": "metadata['order']:'7' OR amount>900"})][
        -1
    ] == intent.id
    assert not client.v1.payment_intents.search({"query": "metadata['order']:null AND amount:888"}).data


def test_invoices_are_found_by_number_total_and_subscription(client):
    customer = client.v1.customers.create(params={"email": "jenny@example.com", "source": "tok_visa"})
    price = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "month"}, "product_data": {"name": "Pro"}}
    items = [{"price": client.v1.prices.create(params=price).id}]
    subscription = client.v1.subscriptions.create(params={"customer": customer.id, "items": items})
    number = client.v1.invoices.retrieve(subscription.latest_invoice).number
    for query in (f"number:'{number}'", "total>899", f"subscription:'{subscription.id}'", "status:'paid'"):
        found = client.v1.invoices.search(params={"query": query})
        assert [one.id for one in found.data] == [subscription.latest_invoice]
    assert client.v1.invoices.search(params={"query": "total>900"}).data == []
    assert len(client.v1.subscriptions.search(params={"query": "status:'active'"}).data) == 1
