"""Lists: what filters and sorts them, and every way to page through them."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from childproof.stubkit import acting, filtering
from childproof.stubkit.entity import Entity
from childproof.stubkit.loading import load_stub
from childproof.world.query import Order
from childproof.world.store import Store

from .conftest import Caller

THING = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "name": {"type": "string"},
        "price": {"type": "integer"},
        "rating": {"type": ["number", "null"]},
        "open": {"type": "boolean"},
        "tags": {"type": "array", "items": {"type": "string"}},
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
        "created_at": {"type": "string", "format": "date-time"},
        "due": {"type": "integer"},
    },
}
PARAMETERS = (
    "name", "name_in", "price", "price[gte]", "price[gt]", "price[lt]", "price__lt", "minPrice", "max_price", "open", "tags", "tag", "address",
    "created_after", "createdBefore", "until", "due_since", "sort", "cheap", "q", "ids",
)  # fmt: skip


def make(
    folder: Path, lists: dict[str, Any], *, parameters: Any = PARAMETERS, reply: Any = None, **resource: Any
) -> Caller:
    """A shop of things with a list dialect."""
    typed = {
        "limit": {"type": "integer", "maximum": 100},
        "per_page": {"type": "integer"},
        "address": {"type": "object"},
    }
    query = [
        one if isinstance(one, dict) else {"name": one, "in": "query", "schema": typed.get(one, {"type": "string"})}
        for one in parameters
    ]
    items = {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}
    ref = {"$ref": "#/components/schemas/Thing"}
    body = {"required": True, "content": {"application/json": {"schema": ref}}}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Shop", "version": "1"},
        "servers": [{"url": "https://shop.example"}],
        "paths": {
            "/things": {
                "get": {
                    "parameters": query,
                    "responses": {
                        "200": {"description": "", "content": {"application/json": {"schema": reply or items}}}
                    },
                },
                "post": {
                    "requestBody": body,
                    "responses": {"201": {"description": "", "content": {"application/json": {"schema": ref}}}},
                },
            },
            "/things/{thing}": {
                "get": {
                    "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {"200": {"description": "", "content": {"application/json": {"schema": ref}}}},
                },
                "delete": {
                    "parameters": [{"name": "thing", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "responses": {"204": {"description": ""}},
                },
            },
        },
        "components": {"schemas": {"Thing": THING}},
    }
    home = folder / "shop"
    home.mkdir()
    (home / "openapi.yaml").write_text(yaml.safe_dump(document))
    manifest = {
        "stub": "shop", "hosts": ["shop.example"], "openapi": "openapi.yaml", "auth": "none",
        "dialect": {"time": "rfc3339", "lists": lists},
        "resources": {"thing": {"schema": "Thing", "path": "/things", "id": "{counter}", **resource}},
    }  # fmt: skip
    (home / "stub.yaml").write_text(yaml.safe_dump(manifest))
    store = Store.open(":memory:", wall=lambda: 0)
    store.create("main", seed=7)
    return Caller(load_stub(home), store)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    made: list[Caller] = []

    def build(**lists: Any) -> Caller:
        more = {key: lists.pop(key) for key in ("parameters", "reply", "filters") if key in lists}
        made.append(make(tmp_path, lists, **more))
        return made[-1]

    yield build
    for caller in made:
        caller.store.close()


def plant(shop: Caller, count: int, first: int = 0) -> None:
    """Things 1, 2, …, of which the n-th costs n % 10."""
    with shop.store.world("main").transaction() as tx:
        for number in range(first + 1, first + count + 1):
            tx.put("shop", "thing", str(number), {
                "id": str(number), "name": f"thing {number % 7}", "price": number % 10, "open": number % 2 == 0,
                "rating": None if number % 3 else number / 2, "tags": ["a", "b"][: number % 3],
                "address": {"city": "Rome" if number % 5 else "Oslo"}, "due": 1_767_225_600 + number * 86_400,
                "created_at": f"2026-01-{number % 28 + 1:02}T10:00:00Z",
            })  # fmt: skip


def ids(body: Any) -> list[int]:
    return [int(item["id"]) for item in body]


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


WRAPPED = {
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
        "total": {"type": "integer"},
        "next": {"type": ["string", "null"]},
    },
}


def follow(
    caller: Caller, start: str, step: Callable[[Any], str | None], *, between: Callable[[int], None]
) -> list[int]:
    """Everything that a client reads that goes from page to page; `between` is called after each."""
    seen: list[int] = []
    path: str | None = start
    for number in range(100):
        if path is None:
            return seen
        status, body = caller(f"GET {path}")
        assert status == 200, body
        seen += ids(body["data"] if isinstance(body, dict) else body)
        between(number)
        path = step(body)
    raise AssertionError("the pages have no end")


def inserts(caller: Caller) -> Callable[[int], None]:
    """New things between two pages, and the end of the one that was read last."""

    def between(number: int) -> None:
        plant(caller, 3, first=1000 + 10 * number)

    return between


STABLE = {
    "a cursor": ({"style": "cursor", "cursor": "after"}, ["limit", "after", "sort", "open"]),
    "an opaque token": ({"style": "token", "cursor": "token", "next": "next"}, ["limit", "token", "sort", "open"]),
}


@pytest.mark.parametrize("more", ["", "&open=true", "&sort=-name", "&sort=price&open=true"])
@pytest.mark.parametrize("name", STABLE)
def test_what_is_paged_by_a_place_stands_still_while_things_are_added(
    shop: Callable[..., Caller], name: str, more: str
) -> None:
    """Many pages, with inserts and deletes between them: nothing that was there is lost or comes twice."""
    dialect, parameters = STABLE[name]
    caller = shop(**dialect, items="data", limit={"name": "limit", "default": 7}, parameters=parameters, reply=WRAPPED)
    plant(caller, 90)
    before = ids(caller(f"GET /things?limit=100{more}")[1]["data"])

    def step(body: Any) -> str | None:
        if name == "a cursor":
            return f"/things?limit=7&after={body['data'][-1]['id']}{more}" if len(body["data"]) == 7 else None
        return f"/things?limit=7&token={body['next']}{more}" if body["next"] else None

    seen = follow(caller, f"/things?limit=7{more}", step, between=inserts(caller))
    assert [n for n in seen if n <= 1000] == before
    assert len(seen) == len(set(seen))


def test_a_cursors_place_outlives_its_thing(shop: Callable[..., Caller]) -> None:
    """A client goes on from an item that somebody deleted meanwhile."""
    caller = shop(style="token", cursor="token", next="next", items="data", limit={"name": "limit", "default": 5},
                  parameters=["limit", "token", "sort"], reply=WRAPPED)  # fmt: skip
    plant(caller, 20)
    first = caller("GET /things?sort=price")[1]
    caller(f"DELETE /things/{first['data'][-1]['id']}")
    second = caller(f"GET /things?sort=price&token={first['next']}")[1]
    assert ids(first["data"] + second["data"]) == sorted(range(1, 21), key=lambda n: (n % 10, n))[:10]
    assert caller("GET /things?token=bm9uc2Vuc2U=")[0] == 400


def test_pages_back_are_those_just_before(shop: Callable[..., Caller]) -> None:
    """`before` gives the page that came before, whatever the order."""
    caller = shop(style="cursor", cursor="after", before="before", items=None, limit={"name": "limit", "default": 4},
                  parameters=["limit", "after", "before", "sort"])  # fmt: skip
    plant(caller, 30)
    everything = ids(caller("GET /things?limit=100&sort=price")[1])
    third = everything[8:12]
    assert ids(caller(f"GET /things?sort=price&before={third[0]}")[1]) == everything[4:8]


COUNTED = {
    "offset": lambda page, size: page * size,
    "page": lambda page, size: page + 1,
}


@pytest.mark.parametrize("style", COUNTED)
def test_offsets_and_page_numbers_count_from_the_beginning(shop: Callable[..., Caller], style: str) -> None:
    """Many pages cover everything once where nothing changes; the total says how many there are."""
    caller = shop(style=style, cursor="at", items="data", total="total", limit={"name": "limit", "default": 9},
                  parameters=["at", "limit", "sort", "open"], reply=WRAPPED)  # fmt: skip
    plant(caller, 100)
    seen: list[int] = []
    for page in range(6):
        status, body = caller(f"GET /things?limit=9&sort=price&open=true&at={COUNTED[style](page, 9)}")
        assert (status, body["total"]) == (200, 50)
        seen += ids(body["data"])
    assert seen == sorted(range(2, 101, 2), key=lambda n: (n % 10, n))
    for odd in ("x", "%C2%B2", "9" * 5000, "-1"):
        assert caller(f"GET /things?at={odd}")[0] == 400, odd


def links(caller: Caller) -> dict[str, str]:
    """The pages that a reply's Link header names."""
    found = re.findall(r'<https://shop\.example([^>]+)>; rel="(\w+)"', caller.header("link") or "")
    return {relation: target for target, relation in found}


@pytest.mark.parametrize(
    ("style", "relations"),
    [("link", "first prev next last"), ("offset", "first prev next last"), ("cursor", "first prev next")],
)
def test_a_link_header_leads_to_the_other_pages(shop: Callable[..., Caller], style: str, relations: str) -> None:
    """RFC 8288: on, back, to both ends; each keeps the call's own filters, and none leads beyond the list."""
    caller = shop(style=style, cursor="at", items=None, link=True, limit={"name": "per_page", "default": 6},
                  parameters=["at", "before", "per_page", "name_in"], **({"before": "before"} if style == "cursor" else {}))  # fmt: skip
    plant(caller, 70)
    expected = [n for n in range(70, 0, -1) if n % 7 in {3, 4}]
    start = "/things?per_page=6&name_in=thing+3,thing%204"
    seen: list[int] = []
    path: str | None = start
    at = []
    while path is not None:
        at.append(path)
        seen += ids(caller(f"GET {path}")[1])
        found = links(caller)
        assert {*found} <= {*relations.split()}
        path = found.get("next")
    assert seen == expected
    assert len(at) == 4
    caller(f"GET {at[2]}")
    middle = links(caller)
    assert [*sorted(middle)] == sorted(relations.split())
    assert ids(caller(f"GET {middle['prev']}")[1]) == expected[6:12]
    assert ids(caller(f"GET {middle['first']}")[1]) == expected[:6]
    if "last" in middle:
        assert ids(caller(f"GET {middle['last']}")[1]) == expected[18:]
    caller(f"GET {at[-1]}")
    assert "next" not in links(caller)
    caller(f"GET {start}")
    assert "prev" not in links(caller)


def test_addresses_of_other_pages_may_stand_in_the_body(shop: Callable[..., Caller]) -> None:
    """`links` puts them under keys, null where there is no such page."""
    caller = shop(style="page", cursor="page", items="data", links={"next": "next", "prev": "meta.previous"},
                  limit={"name": "limit", "default": 10}, parameters=["page", "limit"], reply=WRAPPED)  # fmt: skip
    plant(caller, 25)
    first = caller("GET /things")[1]
    assert (first["next"], first["meta"]) == ("https://shop.example/things?page=2", {"previous": None})
    assert caller("GET /things?page=3")[1]["meta"] == {"previous": "https://shop.example/things?page=2"}
    assert caller.header("link") is None


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
