"""Hosts with paths of their own, things that a path names by several parameters, what fresh worlds hold, callers without a key."""

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from childproof.errors import InputError
from childproof.model import Call, Fidelity, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

TEXT = {"type": "string"}
PARAMETERS = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in ("owner", "shop")]


def written(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def listed(schema: str) -> dict[str, Any]:
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}
    return {"200": {"description": "", "content": {"application/json": {"schema": items}}}}


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Mall", "version": "1"},
    "servers": [{"url": "https://api.mall.example/v2"}],
    "paths": {
        "/shops/{owner}/{shop}": {
            "parameters": PARAMETERS,
            "get": {"responses": {"200": {"description": "", **written("Shop")}}},
            "delete": {"responses": {"204": {"description": ""}}},
        },
        "/shops/{owner}/{shop}/shelves": {
            "parameters": PARAMETERS,
            "get": {"responses": listed("Shelf")},
            "post": {"requestBody": written("Shelf"), "responses": {"201": {"description": "", **written("Shelf")}}},
        },
        "/shops/{owner}/{shop}/secrets/{name}": {
            "parameters": [*PARAMETERS, {"name": "name", "in": "path", "required": True, "schema": TEXT}],
            "get": {"responses": {"200": {"description": "", **written("Secret")}}},
            "put": {"requestBody": written("Secret"), "responses": {"200": {"description": "", **written("Secret")}}},
        },
        "/{owner}/{page}": {
            "servers": [{"url": "https://mall.example"}],
            "get": {"responses": {"200": {"description": "", "content": {"text/html": {"schema": TEXT}}}}},
        },
        "/shops/{owner}/{shop}/photos": {
            "parameters": PARAMETERS,
            "get": {"responses": listed("Shelf")},
            "post": {"servers": [{"url": "https://photos.mall.example/up"}], "responses": {"201": {"description": ""}}},
        },
    },
    "components": {
        "schemas": {
            "Shop": {"type": "object", "properties": {"id": TEXT, "owner": TEXT, "name": TEXT}},
            "Shelf": {"type": "object", "properties": {"id": TEXT, "label": TEXT}},
            "Secret": {"type": "object", "required": ["value"], "properties": {"name": TEXT, "value": TEXT}},
        }
    },
}
CODE = """
from childproof.stubkit import Context, Entity, Refusal, finds, plants


@finds("/shops/{owner}/{shop}")
def find(ctx: Context, owner: str, shop: str) -> Entity:
    found = ctx.list("shop", owner=owner.lower(), name=shop.lower())
    if not found:
        raise Refusal(404, "gone", "No such shop.", headers={"X-Why": "none"})
    return found[0]


@plants("shops")
def plant(ctx: Context) -> None:
    ctx.create("shop", owner="ann", name="tea")
    ctx.create("shop", owner="ann", name="coffee")
"""
MANIFEST = {
    "stub": "mall", "hosts": ["api.mall.example", "mall.example", "photos.mall.example"], "openapi": "openapi.yaml",
    "auth": {"bearer": "any", "scheme": "token", "pattern": "key_[a-z]+", "example": "key_a",
             "anonymous": {"methods": ["GET"], "except": ["/v2/shops/ann/tea/secrets"]}},
    "resources": {"shop": {"schema": "Shop", "id": "shop"}},
}  # fmt: skip


def make(folder: Path, store: Store, code: str = CODE, **manifest: Any) -> Caller:
    home = folder / "mall"
    home.mkdir()
    (home / "openapi.yaml").write_text(yaml.safe_dump(DOCUMENT))
    (home / "stub.yaml").write_text(yaml.safe_dump({**MANIFEST, **manifest}))
    (home / "shops.py").write_text(code)
    return Caller(load_stub(home), store, key="key_a")


@pytest.fixture
def mall(tmp_path: Path, store: Store) -> Caller:
    return make(tmp_path, store)


def at(mall: Caller, host: str, path: str, method: str = "GET", stub: str = "", **headers: str) -> tuple[int, Fidelity]:
    call = Call(
        Protocol.HTTP, host, 443, scheme="https", method=method, path=path, headers=tuple(headers.items()), stub=stub
    )
    with mall.store.world("main").transaction() as tx:
        answer = mall.stub.answer(call, tx)
    assert not answer.error, answer.error
    return answer.reply.status, answer.fidelity


def test_each_host_answers_its_own_paths(mall: Caller):
    """A path with servers of its own is there and nowhere else, and hides nothing at other hosts."""
    assert at(mall, "mall.example", "/ann/tea")[0] == 200
    assert at(mall, "api.mall.example", "/v2/ann/tea")[1] is Fidelity.GAP
    assert at(mall, "mall.example", "/v2/shops/ann/tea")[1] is Fidelity.GAP
    assert at(mall, "api.mall.example", "/v2/shops/ann/tea")[0] == 200


def test_an_operation_may_have_a_host_of_its_own(mall: Caller):
    """One method of a path elsewhere, below that server's own path; the others where the document is."""
    key = {"Authorization": "Bearer key_a"}
    assert at(mall, "photos.mall.example", "/up/shops/ann/tea/photos", "POST", **key)[0] == 201
    assert at(mall, "api.mall.example", "/v2/shops/ann/tea/photos", "POST", **key)[1] is Fidelity.GAP
    assert at(mall, "api.mall.example", "/v2/shops/ann/tea/photos")[0] == 200
    operation = mall.stub.service.api.operation("POST", "/shops/{owner}/{shop}/photos")
    assert mall.stub.service.address(operation) == ("photos.mall.example", "/up")


def test_an_address_of_the_stubs_own_stands_for_all_its_hosts(mall: Caller):
    """What a client is given as a base URL has no host names: each path is looked for where it lives."""
    key = {"Authorization": "Bearer key_a"}
    assert at(mall, "api.mall.example", "/ann/tea", stub="mall")[0] == 200
    assert at(mall, "api.mall.example", "/up/shops/ann/tea/photos", "POST", stub="mall", **key)[0] == 201
    assert at(mall, "api.mall.example", "/v2/shops/ann/tea", stub="mall")[0] == 200
    assert at(mall, "api.mall.example", "/up/shops/ann/tea", stub="mall")[1] is Fidelity.GAP


def test_what_several_parameters_name_is_found_by_a_function(mall: Caller):
    """Retrieved and deleted by them; what isn't there is refused in the function's words, headers too."""
    assert mall("GET /v2/shops/Ann/TEA")[1]["name"] == "tea"
    assert mall("DELETE /v2/shops/ann/tea")[0] == 204
    assert mall("GET /v2/shops/ann/tea")[0] == 404
    assert mall.header("x-why") == "none"
    assert mall("POST /v2/shops/ann/tea/shelves", {"label": "top"})[0] == 404


def test_things_of_one_home_are_not_those_of_another(mall: Caller):
    """Lists hold what was made in the same home, and the same id may be in several."""
    mall("POST /v2/shops/ann/tea/shelves", {"label": "green"})
    mall("PUT /v2/shops/ann/tea/secrets/door", {"value": "1"})
    mall("PUT /v2/shops/ann/coffee/secrets/door", {"value": "2"})
    assert [one["label"] for one in mall("GET /v2/shops/ann/tea/shelves")[1]] == ["green"]
    assert mall("GET /v2/shops/ann/coffee/shelves")[1] == []
    assert mall("GET /v2/shops/ann/tea/secrets/door")[1]["value"] == "1"
    assert mall("GET /v2/shops/ann/coffee/secrets/door")[1]["value"] == "2"


def test_what_is_planted_is_no_change_of_the_call(mall: Caller):
    """A fresh world has it with the first call, which has changed nothing."""
    assert mall("GET /v2/shops/ann/coffee")[0] == 200
    assert mall.changes == ()


def test_who_has_no_key_may_do_what_is_for_everybody(mall: Caller):
    """Reading, but for what is excepted; a wrong key is refused all the same, and another scheme will do."""
    mall.key = None
    assert mall("GET /v2/shops/ann/tea")[0] == 200
    assert mall("GET /v2/shops/ann/tea/secrets/door")[0] == 401
    assert mall("DELETE /v2/shops/ann/tea")[0] == 401
    assert mall("GET /v2/shops/ann/tea", authorization="Bearer nonsense")[0] == 401
    assert mall("GET /v2/shops/ann/tea/secrets/door", authorization="token key_b")[0] == 404


@pytest.mark.parametrize(
    ("pair", "status"), [("key_a:", 200), ("ann:key_a", 200), ("key_a:x", 200), ("ann:secret", 401)]
)
def test_the_part_of_basic_credentials_that_looks_like_a_key_is_the_key(
    tmp_path: Path, store: Store, pair: str, status: int
):
    """Some clients send it as the name, others as the password."""
    mall = make(tmp_path, store, auth={"basic": "any", "pattern": "key_[a-z]+"})
    given = base64.b64encode(pair.encode()).decode()
    assert mall("GET /v2/shops/ann/tea", authorization=f"Basic {given}")[0] == status


def test_a_finder_of_no_path_is_refused(tmp_path: Path, store: Store):
    """Its template has to begin a path of the document, and its parameters are the function's."""
    with pytest.raises(InputError) as caught:
        make(tmp_path, store, CODE.replace('@finds("/shops/{owner}/{shop}")', '@finds("/shops/{shop}")'))
    assert "no path of the document begins so" in str(caught.value)


def test_limits_tell_known_callers_from_others(tmp_path: Path, store: Store):
    """Who has no key has a limit of their own; what is free, or excepted, isn't counted."""
    headers = {"X-Left": "{remaining}"}
    mall = make(tmp_path, store, dialect={"etags": {"of": "reply"}, "rate_limit": [
        {"name": "all", "calls": 9, "per": "1h", "by": ["token"], "for": "known", "free": [304], "headers": headers,
         "except": ["GET /shops/{owner}/{shop}/shelves"]},
        {"name": "all", "calls": 2, "per": "1h", "for": "anonymous", "headers": headers},
    ]})  # fmt: skip
    mall("GET /v2/shops/ann/tea")
    assert mall.header("x-left") == "8"
    assert mall("GET /v2/shops/ann/tea", if_none_match=mall.header("etag") or "")[0] == 304
    assert mall.header("x-left") == "8"
    mall("GET /v2/shops/ann/tea/shelves")
    assert mall.header("x-left") is None
    mall.key = None
    assert [mall("GET /v2/shops/ann/tea")[0] for _ in range(3)] == [200, 200, 429]


def test_a_limit_out_of_range_may_be_the_nearest_within(tmp_path: Path, store: Store):
    """Where the dialect says so, nobody is refused for asking for too many."""
    lists = {"style": "page", "limit": {"name": "per_page", "default": 2, "max": 3, "clamp": True}, "cursor": "page"}
    mall = make(tmp_path, store, dialect={"lists": lists})
    for number in range(5):
        mall("POST /v2/shops/ann/tea/shelves", {"label": str(number)})
    assert len(mall("GET /v2/shops/ann/tea/shelves?per_page=99")[1]) == 3
    assert len(mall("GET /v2/shops/ann/tea/shelves?per_page=0")[1]) == 1


def test_what_a_stub_keeps_for_itself_is_no_thing_of_the_document(tmp_path: Path, store: Store):
    """A resource with neither schema nor path has its name for itself: generic lists don't show it."""
    code = CODE + '    ctx.create("shelf", made_by="the stub")\n'
    resources = {**MANIFEST["resources"], "shelf": {}}
    mall = make(tmp_path, store, code, resources=resources)
    mall("POST /v2/shops/ann/tea/shelves", {"label": "green"})
    assert [one["label"] for one in mall("GET /v2/shops/ann/tea/shelves")[1]] == ["green"]
    with store.world("main").transaction() as tx:
        assert [one["made_by"] for one in tx.list("mall", "shelf")] == ["the stub"]
