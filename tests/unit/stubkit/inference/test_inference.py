"""What is inferred from a document: ids, replacements, actions, searches, wrappers, views, references, dialects."""

import re
from pathlib import Path
from typing import Any

import pytest

from childproof.stubkit.document.shape import underlined
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.inference.infer import Inference
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller
from tests.unit.stubkit.inference.inferring import ID, api, document, objects, ref, reply, taking


def caller(folder: Path, store: Store, paths: dict[str, Any], **schemas: Any) -> Caller:
    """A stub that hosts and a document make by themselves."""
    made = folder / "probe"
    made.mkdir()
    (made / "openapi.json").write_bytes(document(paths, **schemas))
    (made / "stub.yaml").write_text("stub: probe\nhosts: [api.example.com]\nopenapi: openapi.json\n")
    return Caller(load_stub(made), store, key=None)


TASK = objects(("id", "title"), id=ID, title={"type": "string"}, note={"type": "string"}, done={"type": "boolean"},
               list_id={"type": "string"}, archived_at={"type": "string", "format": "date-time", "nullable": True}, status={"type": "string", "enum": ["open", "archived"]})  # fmt: skip
TASKS = {
    "/lists": {"post": taking(objects(name=ID), reply(ref("List"), 201)), "get": reply({"type": "array", "items": ref("List")})},
    "/lists/{list}": {"get": reply(ref("List"))},
    "/tasks": {
        "post": taking(objects(("title",), title={"type": "string"}, note={"type": "string"}, list_id={"type": "string"}), reply(ref("Task"), 201)),
        "get": reply({"type": "array", "items": ref("TaskSummary")}),
    },
    "/tasks/search": {"get": {"parameters": [{"name": "q", "in": "query", "schema": {"type": "string"}}], **reply({"type": "array", "items": ref("Task")})}},
    "/tasks/{task}": {
        "get": reply(ref("Task")),
        "put": taking(objects(("title",), title={"type": "string"}, note={"type": "string"}), reply(ref("Task"))),
        "patch": taking(objects(title={"type": "string"}, note={"type": "string"}), reply(ref("Task"))),
        "delete": reply(objects(("ok",), ok={"type": "boolean"})),
    },
    "/tasks/{task}/archive": {"post": taking(objects(note={"type": "string"}), reply(ref("Task")))},
    "/tasks/{task}:finish": {"post": reply(None, 204)},
}  # fmt: skip
SCHEMAS = {
    "Task": TASK,
    "List": objects(("id",), id=ID, name=ID),
    "TaskSummary": objects(("id",), id=ID, title={"type": "string"}),
}


@pytest.fixture
def tasks(tmp_path: Path, store: Store) -> Caller:
    return caller(tmp_path, store, TASKS, **SCHEMAS)


def test_what_operations_do() -> None:
    """By method, path and reply."""
    document = api(TASKS, **SCHEMAS)
    inference = Inference(document)
    found = {operation.name: inference.operation(operation).action for operation in document.operations()}
    assert found == {
        "POST /lists": "create", "GET /lists": "list", "GET /lists/{list}": "retrieve",
        "POST /tasks": "create", "GET /tasks": "list", "GET /tasks/search": "search", "GET /tasks/{task}": "retrieve",
        "PUT /tasks/{task}": "replace", "PATCH /tasks/{task}": "update", "DELETE /tasks/{task}": "delete",
        "POST /tasks/{task}/archive": "act", "POST /tasks/{task}:finish": "act",
    }  # fmt: skip


def slashed(paths: dict[str, Any]) -> dict[str, Any]:
    return {f"{path}/": item for path, item in paths.items()}


def test_a_slash_at_the_end_of_paths_changes_nothing() -> None:
    """As frameworks write them that end every path so."""
    plain, ended = api(TASKS, **SCHEMAS), api(slashed(TASKS), **SCHEMAS)
    theirs, ours = Inference(plain), Inference(ended)
    for operation in ended.operations():
        mine = ours.operation(operation)
        other = plain.operation(operation.method, operation.path.removesuffix("/"))
        assert other is not None
        assert (mine.action, mine.schema, mine.view, mine.verb) == (
            (wanted := theirs.operation(other)).action, wanted.schema, wanted.view, wanted.verb,
        )  # fmt: skip
        assert ended.has_path(mine.collection)


COLLECTIONS_ONLY = {path if "{" in path else f"{path}/": item for path, item in TASKS.items()}


@pytest.mark.parametrize("paths", [slashed(TASKS), COLLECTIONS_ONLY])
def test_what_is_created_at_a_path_with_a_slash_is_there(tmp_path: Path, store: Store, paths: dict[str, Any]) -> None:
    """Whether its items' paths end so, too, or not."""
    call = caller(tmp_path, store, paths, **SCHEMAS)
    shelf = call("POST /lists/", {"name": "Home"})[1]
    made = call("POST /tasks/", {"title": "Write", "list_id": shelf["id"]})[1]
    assert call(f"GET /tasks/{made['id']}/")[1] == made
    assert call("GET /tasks/")[1] == [{"id": made["id"], "title": "Write"}]
    assert call(f"POST /tasks/{made['id']}/archive/", {})[1]["status"] == "archived"
    assert call("POST /tasks/", {"title": "Write", "list_id": "nowhere"})[0] == 404
    assert call(f"DELETE /tasks/{made['id']}/")[0] == 200
    assert call(f"GET /tasks/{made['id']}/")[0] == 404


def test_a_replacement_leaves_nothing_behind(tasks: Caller) -> None:
    """PUT takes away what it doesn't name; PATCH leaves it; the id and what a client can't set stay."""
    made = tasks("POST /tasks", {"title": "Write", "note": "soon"})[1]
    assert tasks(f"PATCH /tasks/{made['id']}", {"title": "Write it"})[1]["note"] == "soon"
    replaced = tasks(f"PUT /tasks/{made['id']}", {"title": "Read"})[1]
    assert (replaced["id"], replaced["title"], replaced.get("note")) == (made["id"], "Read", None)
    assert replaced["status"] == made["status"]
    assert tasks(f"PUT /tasks/{made['id']}", {"note": "x"})[0] == 400
    assert tasks("PUT /tasks/nobody", {"title": "x"})[0] == 404


def test_an_action_sets_what_its_name_means_and_merges_its_body(tasks: Caller) -> None:
    """And only on something that is there."""
    made = tasks("POST /tasks", {"title": "Write"})[1]
    status, archived = tasks(f"POST /tasks/{made['id']}/archive", {"note": "old"})
    assert (status, archived["status"], archived["note"]) == (200, "archived", "old")
    assert archived["archived_at"] == "2026-01-05T09:00:00Z"
    assert tasks(f"GET /tasks/{made['id']}")[1] == archived
    assert tasks.answer is not None
    assert tasks(f"POST /tasks/{made['id']}:finish") == (204, None)
    assert tasks.answer.fidelity == "generic"
    assert tasks("POST /tasks/nobody/archive", {})[0] == 404


def test_a_search_finds_words_anywhere(tasks: Caller) -> None:
    """All of its words, in any case, in any field."""
    for title, note in (("Write a book", "Berlin"), ("Read a book", "Oslo"), ("Sleep", "")):
        tasks("POST /tasks", {"title": title, "note": note})
    assert [task["title"] for task in tasks("GET /tasks/search?q=BOOK%20oslo")[1]] == ["Read a book"]
    assert len(tasks("GET /tasks/search")[1]) == 3


def test_a_list_shows_entities_by_its_own_schema(tasks: Caller) -> None:
    """What is created in full is listed in short: it is one thing."""
    made = tasks("POST /tasks", {"title": "Write", "note": "soon"})[1]
    assert tasks("GET /tasks")[1] == [{"id": made["id"], "title": "Write"}]


def test_a_delete_replies_what_its_schema_says(tasks: Caller) -> None:
    """Not an object that the document doesn't know."""
    made = tasks("POST /tasks", {"title": "Write"})[1]
    status, body = tasks(f"DELETE /tasks/{made['id']}")
    assert (status, list(body)) == (200, ["ok"])
    assert tasks(f"GET /tasks/{made['id']}")[0] == 404


def test_a_field_that_is_named_for_a_collection_refers_to_it(tasks: Caller) -> None:
    """`list_id` must be a list's id."""
    shelf = tasks("POST /lists", {"name": "Home"})[1]
    assert tasks("POST /tasks", {"title": "Write", "list_id": shelf["id"]})[0] == 201
    assert tasks("POST /tasks", {"title": "Write", "list_id": "nowhere"})[0] == 404


def test_what_only_a_put_makes_is_made_by_it(tmp_path: Path, store: Store) -> None:
    """Where the client chooses the id."""
    key = objects(("name",), name=ID, text={"type": "string"})
    call = caller(tmp_path, store, {
        "/notes": {"get": reply({"type": "array", "items": ref("Note")})},
        "/notes/{name}": {"get": reply(ref("Note")), "put": taking(objects(("text",), text={"type": "string"}), reply(ref("Note")))},
    }, Note=key)  # fmt: skip
    assert call("GET /notes/milk")[0] == 404
    assert call("PUT /notes/milk", {"text": "buy"}) == (200, {"name": "milk", "text": "buy"})
    assert call("PUT /notes/milk", {"text": "bought"})[1]["text"] == "bought"
    assert call("GET /notes") == (200, [{"name": "milk", "text": "bought"}])


def test_replies_in_wrappers_are_complete(tmp_path: Path, store: Store) -> None:
    """`{"data": …}` with what stands beside it, for one and for many; request and reply under the same key."""
    meta = objects(("total", "limit"), total={"type": "integer"}, limit={"type": "integer"})
    one = objects(("data", "success"), data=ref("Pet"), success={"type": "boolean"})
    many = objects(("data", "meta"), data={"type": "array", "items": ref("Pet")}, meta=meta)
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "default": 5, "maximum": 9}}
    call = caller(tmp_path, store, {
        "/pets": {"post": taking(objects(("data",), data=objects(("name",), name=ID)), reply(one, 201)), "get": {"parameters": [limit], **reply(many)}},
        "/pets/{pet}": {"get": reply(one)},
    }, Pet=objects(("id", "name"), id={"type": "integer"}, name=ID))  # fmt: skip
    assert call("POST /pets", {"data": {"name": "Rex"}}) == (201, {"data": {"id": 1, "name": "Rex"}, "success": True})
    assert call("GET /pets/1")[1]["data"] == {"id": 1, "name": "Rex"}
    assert call("GET /pets?limit=3")[1] == {"data": [{"id": 1, "name": "Rex"}], "meta": {"total": 1, "limit": 3}}
    assert call("POST /pets", {"data": {}})[0] == 400


def test_a_request_may_wrap_what_its_reply_shows_bare(tmp_path: Path, store: Store) -> None:
    """`{"folder": {…}}` in, the folder out; a field that is called as the thing is no wrapper."""
    fields = objects(("name",), name=ID)
    folder = objects(("id", "name"), id=ID, name=ID)
    call = caller(tmp_path, store, {
        "/folders": {"post": taking(objects(("folder",), folder=fields), reply(ref("Folder"), 201))},
        "/folders/{folder}": {"get": reply(ref("Folder")), "put": taking(objects(folder=fields), reply(ref("Folder")))},
        "/labels": {"post": taking(objects(label=objects(text=ID)), reply(ref("Label"), 201))},
        "/labels/{label}": {"get": reply(ref("Label"))},
    }, Folder=folder, Label=objects(("id",), id=ID, label=objects(text=ID)))  # fmt: skip
    status, made = call("POST /folders", {"folder": {"name": "Invoices"}})
    assert (status, made["name"]) == (201, "Invoices")
    assert call(f"PUT /folders/{made['id']}", {"folder": {"name": "Bills"}})[1]["name"] == "Bills"
    assert call("POST /folders", {"folder": {}})[0] == 400
    assert call("POST /labels", {"label": {"text": "red"}})[1]["label"] == {"text": "red"}


def test_hal_lists_have_their_items_embedded(tmp_path: Path, store: Store) -> None:
    """Names that begin with an underscore are the document's own here."""
    listed = objects(_embedded=objects(pets={"type": "array", "items": ref("Pet")}))
    pet = objects(("id",), id=ID, _links=objects(self=ID))
    call = caller(tmp_path, store, {
        "/pets": {"post": taking(objects(name=ID), reply(ref("Pet"), 201)), "get": reply(listed)},
        "/pets/{pet}": {"get": reply(ref("Pet"))},
    }, Pet=pet)  # fmt: skip
    made = call("POST /pets", {})[1]
    assert call("GET /pets")[1] == {"_embedded": {"pets": [made]}}


def test_documented_underscores_are_found_in_lists_of_several_kinds() -> None:
    """What begins with one is shown where any kind of item has it, and hidden where none has."""
    made = api({}, Pet=objects(_links=ID, name=ID), Owner=objects(_kept=ID))
    kinds = {"type": "array", "items": {"anyOf": [ref("Pet"), {"allOf": [ref("Owner")]}]}}
    assert underlined(made, kinds) == {"_links", "_kept"}
    assert underlined(made, objects(name=ID)) == set()


@pytest.mark.parametrize(
    ("parameters", "body", "headers", "wanted"),
    [
        (("limit", "starting_after"), {"data": 1, "has_more": "boolean"}, (), ("cursor", "limit", "starting_after", "data", "has_more", "")),
        (("pageSize", "pageToken"), {"items": 1, "nextPageToken": "string"}, (), ("token", "pageSize", "pageToken", "items", "", "nextPageToken")),
        (("limit", "cursor"), {"results": 1, "next_cursor": "string"}, (), ("token", "limit", "cursor", "results", "", "next_cursor")),
        (("limit", "offset"), {"rows": 1, "total": "integer"}, (), ("offset", "limit", "offset", "rows", "", "")),
        (("per_page", "page"), None, ("Link",), ("link", "per_page", "page", None, "", "")),
        (("per_page", "page"), {"things": 1}, (), ("page", "per_page", "page", "things", "", "")),
        ((), {"things": 1}, (), ("none", "", "", "things", "", "")),
    ],
)  # fmt: skip
def test_pagination_dialects(
    parameters: tuple[str, ...], body: Any, headers: tuple[str, ...], wanted: tuple[Any, ...]
) -> None:
    """From parameters, keys and headers."""
    items = {"type": "array", "items": ref("Thing")}
    numbers = {"limit", "offset", "page", "per_page", "pageSize"}
    schema = (
        items
        if body is None
        else objects(**{key: items if kind == 1 else {"type": kind} for key, kind in body.items()})
    )
    query = [
        {"name": name, "in": "query", "schema": {"type": "integer" if name in numbers else "string"}}
        for name in parameters
    ]
    found = api(
        {"/things": {"get": {"parameters": query, **reply(schema, **{name: {} for name in headers})}}, "/things/{thing}": {"get": reply(ref("Thing"))}},
        Thing=objects(id=ID),
    )  # fmt: skip
    operation = found.operation("GET", "/things")
    assert operation is not None
    lists = Inference(found).lists(operation)
    assert (lists.style, lists.limit_name, lists.cursor, lists.items, lists.more, lists.next) == wanted


@pytest.mark.parametrize(
    ("schema", "wanted"),
    [
        (objects(message=ID, code={"type": "integer"}), {"message": "{message}", "code": "{status}"}),
        (objects(error=objects(type=ID, message=ID)), {"error": {"type": "{type}", "message": "{message}"}}),
        (objects(errors={"type": "array", "items": objects(status=ID, title=ID, source=objects(pointer=ID))}),
         {"errors": [{"status": "{status}", "title": "{message}", "source": {"pointer": "{param}"}}]}),
        (objects(errorMessages={"type": "array", "items": ID}), {"errorMessages": ["{message}"]}),
        (objects(success={"type": "boolean"}, msg=ID), {"success": False, "msg": "{message}"}),
        (objects(lines={"type": "integer"}), None),
        (objects(error=ID, status=ID), {"error": "{message}", "status": "{status}"}),
        (objects(error=ID, error_description=ID), {"error": "{code}", "error_description": "{message}"}),
    ],
)  # fmt: skip
def test_error_dialects(schema: dict[str, Any], wanted: Any) -> None:
    """The shape of the error replies, with the words that the kit has for them."""
    assert Inference(api({"/a": {"get": reply(schema, 400)}})).error_body() == wanted


def test_ids_are_made_as_they_were_inferred(tmp_path: Path, store: Store) -> None:
    """Also where the field isn't called id."""
    call = caller(tmp_path, store, {
        "/rooms": {"post": taking(objects(name=ID), reply(ref("Room"), 201)), "get": reply({"type": "array", "items": ref("Room")})},
        "/rooms/{Sid}": {"get": reply(ref("Room"))},
    }, Room=objects(("sid",), sid={"type": "string", "pattern": "^RM[0-9a-f]{32}$"}, name=ID))  # fmt: skip
    made = call("POST /rooms", {"name": "Blue"})[1]
    assert re.fullmatch("RM[0-9a-f]{32}", made["sid"])
    assert call(f"GET /rooms/{made['sid']}") == (200, made)
