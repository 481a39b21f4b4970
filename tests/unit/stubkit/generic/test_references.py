"""References: ids must be somebody's, an end has consequences, and expansion follows them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from childproof.errors import InputError
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.reply import expand
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

TEXT = {"type": "string"}
SCHEMAS: dict[str, Any] = {
    "Company": {"id": TEXT, "name": TEXT, "head": TEXT},
    "Person": {"id": TEXT, "name": TEXT, "company": {"type": ["string", "null"]}},
    "Order": {
        "id": TEXT,
        "buyer": {"anyOf": [TEXT, {"$ref": "#/components/schemas/Person"}]},
        "watchers": {"type": "array", "items": TEXT},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"product": {"type": ["string", "null"]}, "count": {"type": "integer"}},
            },
        },
        "delivery": {"type": "object", "properties": {"to": {"type": ["string", "null"]}}},
    },
    "Product": {"id": TEXT, "name": TEXT, "maker": TEXT},
}
REFS: dict[str, Any] = {
    "Company": {},
    "Person": {"company": "company"},
    "Order": {"buyer": "person", "watchers": "person", "lines.product": "product", "delivery.to": "person"},
    "Product": {"maker": "company"},
}


def write(home: Path, refs: dict[str, Any], **dialect: Any) -> Path:
    """A service of four resources, each with the usual operations."""
    paths: dict[str, Any] = {}
    for name in SCHEMAS:
        low = name.lower()
        ref = {"$ref": f"#/components/schemas/{name}"}
        one = {"200": {"description": "", "content": {"application/json": {"schema": ref}}}}
        many = {"type": "object", "properties": {"data": {"type": "array", "items": ref}}}
        body = {"content": {"application/json": {"schema": ref}}}
        given = [{"name": low, "in": "path", "required": True, "schema": TEXT}]
        paths[f"/{low}s"] = {
            "post": {"requestBody": body, "responses": one},
            "get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": many}}}}},
        }
        paths[f"/{low}s/{{{low}}}"] = {
            "get": {"parameters": given, "responses": one},
            "patch": {"parameters": given, "requestBody": body, "responses": one},
            "delete": {"parameters": given, "responses": {"204": {"description": ""}}},
        }
    home.mkdir()
    schemas = {name: {"type": "object", "properties": known} for name, known in SCHEMAS.items()}
    document = {
        "openapi": "3.1.0",
        "info": {"title": "x", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    (home / "openapi.yaml").write_text(yaml.safe_dump(document))
    resources = {
        name.lower(): {
            "schema": name,
            "path": f"/{name.lower()}s",
            "id": name[:2].lower() + "_{digits:6}",
            "refs": refs[name],
        }
        for name in SCHEMAS
    }
    manifest = {
        "stub": home.name, "hosts": ["orders.example"], "openapi": "openapi.yaml", "auth": "none",
        "dialect": {"expand": {"parameter": "expand", "depth": 6}, **dialect}, "resources": resources,
        "events": {"emit": {name.lower(): ["updated", "deleted"] for name in SCHEMAS}},
    }  # fmt: skip
    (home / "stub.yaml").write_text(yaml.safe_dump(manifest))
    return home


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    stores: list[Store] = []

    def build(**refs: Any) -> Caller:
        merged = {name: {**known, **refs.get(name, {})} for name, known in REFS.items()}
        stores.append(Store.open(":memory:", wall=lambda: 0))
        stores[-1].create("main", seed=7)
        return Caller(load_stub(write(tmp_path / "orders", merged)), stores[-1])

    yield build
    for store in stores:
        store.close()


def make(caller: Caller, name: str, /, **fields: Any) -> str:
    status, body = caller(f"POST /{name}s", fields)
    assert status == 200, body
    return str(body["id"])


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"buyer": "pe_0"}, "buyer"),
        ({"watchers": ["HELD", "pe_0"]}, "watchers[1]"),
        ({"lines": [{"count": 1}, {"product": "pr_0"}]}, "lines[1][product]"),
        ({"delivery": {"to": "pe_0"}}, "delivery[to]"),
    ],
)
def test_an_id_of_nobody_is_refused_with_the_parameters_place(
    orders: Callable[..., Caller], body: Any, param: str
) -> None:
    """Plain fields, lists of ids, objects in lists: each is checked, and named as the service names parameters."""
    caller = orders()
    held = make(caller, "person", name="Ada")
    if "watchers" in body:
        body = {"watchers": [held, "pe_0"]}
    status, answer = caller("POST /orders", body)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (404, "not_found", param)
    order = make(caller, "order", buyer=held)
    assert caller(f"PATCH /orders/{order}", body)[0] == 404
    assert len(caller("GET /orders")[1]["data"]) == 1


def test_an_end_takes_along_unties_or_is_refused(orders: Callable[..., Caller]) -> None:
    """One company: its people go with it, its products forbid it, orders lose the people that went, in causal order."""
    caller = orders(
        Person={"company": {"to": "company", "delete": "cascade"}},
        Product={"maker": {"to": "company", "delete": "refuse"}},
        Order={
            "buyer": {"to": "person", "delete": "keep"},
            "watchers": {"to": "person", "delete": "nullify"},
            "delivery.to": {"to": "person", "delete": "nullify"},
            "lines.product": {"to": "product", "delete": "nullify"},
        },
    )
    company = make(caller, "company", name="Acme")
    people = [make(caller, "person", name=name, company=company) for name in ("Ada", "Bo")]
    other = make(caller, "person", name="Cy")
    product = make(caller, "product", name="Nut", maker=company)
    order = make(caller, "order", buyer=people[0], watchers=[*people, other], delivery={"to": people[1]},
                 lines=[{"product": product, "count": 2}])  # fmt: skip

    status, answer = caller(f"DELETE /companys/{company}")
    assert (status, answer["error"]["message"]) == (
        409,
        f"The company {company} is still used by the product {product}.",
    )
    assert caller(f"GET /persons/{people[0]}")[0] == 200, "nothing of a refused end has happened"

    assert caller(f"DELETE /products/{product}")[0] == 204
    assert caller(f"GET /orders/{order}")[1]["lines"] == [{"product": None, "count": 2}]
    assert caller(f"DELETE /companys/{company}")[0] == 204
    told = [(effect.type, effect.id) for effect in caller.effects]
    assert told[-1] == ("company.deleted", company)
    assert [one for one in told if one[0] == "person.deleted"] == [("person.deleted", person) for person in people]
    assert caller(f"GET /persons/{people[0]}")[0] == 404
    assert caller(f"GET /persons/{other}")[0] == 200
    left = caller(f"GET /orders/{order}")[1]
    assert (left["watchers"], left["delivery"], left["buyer"]) == ([other], {"to": None}, people[0])


def test_a_circle_of_references_comes_to_an_end(orders: Callable[..., Caller]) -> None:
    """Two that go with each other both go."""
    caller = orders(
        Company={"head": {"to": "person", "delete": "cascade"}},
        Person={"company": {"to": "company", "delete": "cascade"}},
    )
    company = make(caller, "company", name="Acme")
    person = make(caller, "person", company=company)
    caller(f"PATCH /companys/{company}", {"head": person})
    assert caller(f"DELETE /persons/{person}")[0] == 204
    assert caller(f"GET /companys/{company}")[0] == 404


def test_expansion_goes_through_lists_and_as_deep_as_the_dialect_says(orders: Callable[..., Caller]) -> None:
    """Lists of entities, lists of ids, objects in lists, fields that are either an id or the object."""
    caller = orders()
    company = make(caller, "company", name="Acme")
    ada = make(caller, "person", name="Ada", company=company)
    product = make(caller, "product", name="Nut", maker=company)
    order = make(
        caller, "order", buyer=ada, watchers=[ada], delivery={"to": ada}, lines=[{"product": product, "count": 1}]
    )
    status, body = caller(
        "GET /orders?expand[]=data.buyer.company&expand[]=data.watchers&expand[]=data.lines.product.maker"
    )
    assert status == 200, body
    (found,) = body["data"]
    assert found["buyer"]["company"]["name"] == "Acme"
    assert [one["name"] for one in found["watchers"]] == ["Ada"]
    assert found["lines"][0]["product"]["maker"]["id"] == company
    status, body = caller(f"GET /orders/{order}?expand=delivery.to.company,buyer")
    assert (body["delivery"]["to"]["company"]["name"], body["buyer"]["name"]) == ("Acme", "Ada")
    assert caller(f"GET /orders/{order}")[1]["buyer"] == ada, "what is stored stays as it is"
    assert caller(f"GET /orders/{order}?expand=lines.count")[0] == 400
    assert caller(f"GET /orders/{order}?expand=" + ".".join(["buyer"] * 7))[0] == 400


def test_a_call_expands_so_many_paths(orders: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a walk through the reply, so one that comes again is walked once, and there are only so many."""
    walks = []
    walk = expand.Expander._walk
    monkeypatch.setattr(expand.Expander, "_walk", lambda self, *given: (walks.append(given[1]), walk(self, *given))[1])
    caller = orders()
    order = make(caller, "order", buyer=make(caller, "person", name="Ada"))
    status, body = caller(f"GET /orders/{order}?" + "&".join(f"expand[]=buyer{'+' * n}" for n in range(500)))
    assert (status, body["buyer"]["name"], walks) == (200, "Ada", [["buyer"]])
    many = "&".join(f"expand[]=buyer.company{n}" for n in range(expand.MOST_PATHS + 1))
    assert caller(f"GET /orders/{order}?{many}")[0] == 400
    assert len(walks) == 1


def test_wrong_references_are_refused_with_their_place(tmp_path: Path) -> None:
    """An unknown resource, an unknown end, a field that isn't there: all at once."""
    refs = {**REFS, "Person": {"company": {"to": "firm", "delete": "cascade"}, "boss": "person"}}
    with pytest.raises(InputError) as refused:
        load_stub(write(tmp_path / "orders", refs))
    assert "unknown resource 'firm'" in str(refused.value)
    assert "'boss'" in str(refused.value)
    with pytest.raises(InputError) as refused:
        load_stub(write(tmp_path / "more", {**REFS, "Person": {"company": {"to": "company", "delete": "explode"}}}))
    assert "cascade" in str(refused.value)
