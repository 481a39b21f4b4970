"""Every way to page through a list: cursors, tokens, offsets, page numbers, links."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.stubkit.conftest import Caller
from tests.unit.stubkit.things import ids, plant

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
