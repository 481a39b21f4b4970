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
