"""Lists: what filters and sorts them. Paging is in test_paging.py."""

from collections.abc import Callable
from typing import Any

import pytest

from childproof.stubkit.entity import Entity
from childproof.stubkit.generic import acting
from childproof.stubkit.reply import filtering
from childproof.world.query import Order
from tests.unit.stubkit.conftest import Caller
from tests.unit.stubkit.things import ids, plant

FILTERS = {
    "name=thing+3": lambda n: n % 7 == 3,
    "name_in=thing+3,thing+4": lambda n: n % 7 in {3, 4},
    "price=4": lambda n: n % 10 == 4,
    "price[gte]=7": lambda n: n % 10 >= 7,
    "price[gt]=2&price[lt]=5": lambda n: 2 < n % 10 < 5,
    "price__lt=3": lambda n: n % 10 < 3,
    "minPrice=8": lambda n: n % 10 >= 8,
    "max_price=1&open=true": lambda n: n % 10 <= 1 and n % 2 == 0,
    "open=false": lambda n: n % 2,
    "tags=b": lambda n: n % 3 == 2,
    "address[city]=Oslo": lambda n: n % 5 == 0,
    "created_after=2026-01-20T10:00:00Z": lambda n: n % 28 + 1 > 20,
    "createdBefore=2026-01-03": lambda n: n % 28 + 1 < 3,
    "until=2026-01-03": lambda n: n % 28 + 1 <= 3,
    "created_after=2026-01-20T11:00:00%2B02:00": lambda n: n % 28 + 1 >= 20,
    "due_since=2026-02-01": lambda n: n >= 31,
    "colour=red": lambda _: True,
    "undocumented_min=3": lambda _: True,
}


@pytest.mark.parametrize("query", FILTERS)
def test_a_parameter_filters_by_the_field_that_its_name_means(shop: Callable[..., Caller], query: str) -> None:
    """By equality, by ranges in every spelling, by days and moments, through lists and objects."""
    caller = shop(style="none")
    plant(caller, 60)
    status, body = caller(f"GET /things?{query}")
    assert status == 200
    assert ids(body) == [n for n in range(60, 0, -1) if FILTERS[query](n)]


def test_a_list_of_values_matches_any_of_them(shop: Callable[..., Caller]) -> None:
    """An array parameter comes in every spelling that its document or brackets give it."""
    array = {"type": "array", "items": {"type": "integer"}}
    caller = shop(style="none", parameters=[{"name": "price", "in": "query", "schema": array}])
    plant(caller, 20)
    expected = [n for n in range(20, 0, -1) if n % 10 in {1, 2}]
    assert ids(caller("GET /things?price=1&price=2")[1]) == expected
    assert ids(caller("GET /things?price[]=1&price[]=2")[1]) == expected


GROUPED = {
    "filter[name]=thing+3": lambda n: n % 7 == 3,
    "filter[price]=4&filter[open]=true": lambda n: n % 10 == 4 and n % 2 == 0,
    "filter[price][gte]=7": lambda n: n % 10 >= 7,
    "filter[created_after]=2026-01-20T10:00:00Z": lambda n: n % 28 + 1 > 20,
    "filter_gt[price]=7": lambda n: n % 10 > 7,
    "filter[colour]=red": lambda _: True,
}


@pytest.mark.parametrize("names", [("filter", "filter_gt"), ("filter[name]", "filter[price]", "filter_gt[price]")])
@pytest.mark.parametrize("query", GROUPED)
def test_a_filter_holds_conditions_by_their_fields(
    shop: Callable[..., Caller], query: str, names: tuple[str, ...]
) -> None:
    """Whether the document has one parameter for all of them, or one for each."""
    caller = shop(
        style="none",
        parameters=[
            {"name": name, "in": "query", "schema": {} if "[" in name else {"type": "object"}} for name in names
        ],
    )
    plant(caller, 60)
    status, body = caller(f"GET /things?{query}")
    assert status == 200
    assert ids(body) == [n for n in range(60, 0, -1) if GROUPED[query](n)]


def test_an_order_may_be_told_by_fields(shop: Callable[..., Caller]) -> None:
    """`sort_by[price]=desc`; what is no field is refused."""
    sort = {"name": "sort_by", "in": "query", "schema": {"type": "object"}}
    caller = shop(style="none", parameters=[sort])
    plant(caller, 12)
    assert ids(caller("GET /things?sort_by[price]=desc")[1])[:2] == [9, 8]
    assert caller("GET /things?sort_by[colour]=desc")[0] == 400


def test_a_call_has_so_many_conditions_and_orders(shop: Callable[..., Caller]) -> None:
    """Each is asked of every entity. To sort by a field again says nothing more, so it costs nothing."""
    parameters = [{"name": name, "in": "query", "schema": {}} for name in ("filter", "address", "sort")]
    caller = shop(style="none", parameters=parameters)
    plant(caller, 12)
    for many in ("filter[price][ne][]=x{}", "address[x{}]=1", "filter[price][x{}][gte]=1"):
        query = "&".join(many.format(n) for n in range(filtering.MOST_TERMS + 1))
        assert caller(f"GET /things?{query}")[0] == 400, many
    fine = "&".join(f"filter[price][ne][]=x{n}" for n in range(filtering.MOST_TERMS))
    assert len(caller(f"GET /things?{fine}")[1]) == 12
    plan = caller.stub.service.plan("GET", "/things")
    assert plan is not None
    orders, _ = plan.filtering.orders({"sort": ",".join(["-price", "name"] * 500)})
    assert orders == (Order("price", descending=True), Order("name"))


def test_declared_filters_are_the_only_ones(shop: Callable[..., Caller]) -> None:
    """stub.yaml says which parameter is about which field, and how."""
    caller = shop(style="none", filters={"cheap": "price lte", "q": "name contains", "ids": "id in", "tag": "tags"})
    plant(caller, 30)
    assert ids(caller("GET /things?cheap=1")[1]) == [30, 21, 20, 11, 10, 1]
    assert ids(caller("GET /things?q=THING+6")[1]) == [27, 20, 13, 6]
    assert ids(caller("GET /things?ids=4,9,99")[1]) == [9, 4]
    assert ids(caller("GET /things?tag=b&cheap=2")[1]) == [n for n in range(30, 0, -1) if n % 3 == 2 and n % 10 <= 2]
    assert len(caller("GET /things?price=1")[1]) == 30


SORTS = {
    "sort=price": lambda n: (n % 10, n),
    "sort=-price": lambda n: (-(n % 10), -n),
    "sort=price:desc": lambda n: (-(n % 10), -n),
    "sort=price_desc": lambda n: (-(n % 10), -n),
    "sort=open,-price": lambda n: (n % 2 == 0, -(n % 10), -n),
    "sort=created": lambda n: (n % 28, n),
    "sort=rating": lambda n: (n % 3 != 0, n / 2 if n % 3 == 0 else 0, n),
}


@pytest.mark.parametrize("query", SORTS)
def test_a_list_is_sorted_as_the_call_says(shop: Callable[..., Caller], query: str) -> None:
    """By one field or several, up or down, in every spelling; what has no value comes last going up."""
    caller = shop(style="none")
    plant(caller, 40)
    assert ids(caller(f"GET /things?{query}")[1]) == sorted(range(1, 41), key=SORTS[query])


def test_a_direction_of_its_own_turns_the_order(shop: Callable[..., Caller]) -> None:
    """`order=asc` belongs to a sort parameter, or to the order of creation; words are told by stub.yaml."""
    way = {"name": "order", "in": "query", "schema": {"type": "string", "enum": ["asc", "desc"]}}
    caller = shop(style="none", sort={"parameter": "by", "direction": "order", "fields": {"cheapest": "price"}},
                  parameters=[way, "by"])  # fmt: skip
    plant(caller, 12)
    assert ids(caller("GET /things?by=cheapest&order=desc")[1])[:2] == [9, 8]
    assert ids(caller("GET /things?order=asc")[1]) == list(range(1, 13))
    assert caller("GET /things?by=colour")[0] == 400


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("lists", {"sort": {}}, "sort"),
        ("lists", {"links": {"up": "up"}}, "up"),
        ("filters", {"cheap": "price under"}, "cheap"),
        ("filters", {"cheap": "cost lt"}, "cost"),
    ],
)
def test_a_wrong_list_dialect_is_refused_with_its_place(
    shop: Callable[..., Caller], key: str, value: Any, said: str
) -> None:
    """What can't be meant, or names a field that isn't there, is a fault of stub.yaml."""
    from childproof.errors import InputError  # noqa: PLC0415 - for this one

    with pytest.raises(InputError) as refused:
        shop(style="none", **({key: value} if key == "filters" else value))
    assert said in str(refused.value)
    assert "stub.yaml:" in str(refused.value)


def test_a_search_looks_for_each_word_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And in each entity's texts once, however long the search is."""
    read = []
    texts = acting._texts
    monkeypatch.setattr(
        acting, "_texts", lambda value: (read.append(value) if isinstance(value, Entity) else None, texts(value))[1]
    )
    entities = [Entity("thing", str(number), {"name": f"Some Nut {number}"}) for number in range(3)]
    assert acting.searched(entities, "nut SOME " * 5000 + "2") == [entities[2]]
    assert len(read) == 3
