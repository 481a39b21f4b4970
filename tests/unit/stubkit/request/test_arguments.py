"""Services of procedures: one set of arguments, the key among them, and state though no path names a thing."""

import json
from pathlib import Path
from typing import Any

import pytest

from childproof.errors import InputError
from childproof.model import Call, Effect, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.outcome.outcome import compile_outcomes, render_outcomes
from childproof.world.store import Store
from tests.unit.stubkit.conftest import Caller

FORM = "application/x-www-form-urlencoded"
TICKET = {
    "type": "object",
    "required": ["id", "title", "state", "queue"],
    "properties": {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "state": {"type": "string", "enum": ["open", "closed"]},
        "queue": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def procedure(arguments: dict[str, Any], reply: dict[str, Any], *required: str, method: str = "post") -> dict[str, Any]:
    schema = {"type": "object", "required": list(required), "properties": arguments}
    answer = {"type": "object", "required": ["ok"], "properties": {"ok": {"type": "boolean"}, **reply}}
    asked = (
        {"parameters": [{"name": name, "in": "query", "schema": node} for name, node in arguments.items()]}
        if method == "get"
        else {"requestBody": {"content": {FORM: {"schema": schema}}}}
    )
    return {method: {**asked, "responses": {"200": {"content": {"application/json": {"schema": answer}}}}}}


TEXT: dict[str, Any] = {"type": "string"}
ONE = {"ticket": TICKET}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://desk.example/api"}],
    "paths": {
        "/tickets.open": procedure({"title": TEXT, "queue": TEXT, "tags": {}, "loud": {"type": "boolean"}}, ONE, "title"),
        "/tickets.info": procedure({"ticket": TEXT, "queue": TEXT}, ONE),
        "/tickets.rename": procedure({"ticket": TEXT, "title": TEXT}, ONE, "ticket"),
        "/tickets.close": procedure({"ticket": TEXT}, {}, "ticket"),
        "/tickets.forget": procedure({"ticket": TEXT}, {}, "ticket"),
        "/tickets.list": procedure(
            {"queue": TEXT, "limit": {"type": "integer"}, "cursor": TEXT},
            {"tickets": {"type": "array", "items": TICKET}, "next": TEXT},
            method="get",
        ),
        "/echo": procedure({"loud": {"type": "boolean"}, "count": {"type": "integer"}, "text": TEXT, "tags": {}}, {"heard": {}}),
        "/desks.paint": procedure({"colour": TEXT}, {"painted": {"type": "boolean"}}),
        "/open": {"post": {"security": [], "responses": {"200": {"content": {"application/json": {"schema": {"type": "object"}}}}}}},
    },
}  # fmt: skip
STUB = """
stub: desk
hosts: [desk.example]
openapi: openapi.json
auth: {bearer: any, parameter: token, pattern: "d-[a-z]+"}
dialect:
  procedures: {json: [tags], success: {ok: true}}
  lists: {style: token, limit: {name: limit, default: 10}, cursor: cursor, items: tickets, next: next, end: ""}
  errors:
    status: 200
    body: {ok: false, error: "{code}", called: "{called}", told: "{told}"}
    kinds:
      unknown_url: {code: unknown_method, called: "{procedure}"}
      rate_limited: {status: 429, code: slow_down}
      missing: {code: missing, told: {messages: ["no {param}"]}}
  rate_limit: {calls: 2, per: 1m, by: [token], only: [POST /open]}
resources:
  ticket: {id: "t{counter}", lifecycle: {field: state, open: [closed], closed: []}}
operations:
  POST /tickets.open: {action: create, resource: ticket, wrap: ticket}
  POST /tickets.info: {action: retrieve, resource: ticket, by: ticket, where: {queue: queue}, wrap: ticket}
  POST /tickets.rename: {action: update, resource: ticket, by: ticket, wrap: ticket}
  POST /tickets.close: {move: closed, resource: ticket, by: ticket, reply: {body: {}}}
  POST /tickets.forget: {action: delete, resource: ticket, by: ticket}
  GET /tickets.list: {action: list, resource: ticket, where: {queue: queue}, items: tickets}
  POST /echo: {items: heard}
"""
ECHO = """
from childproof.stubkit import Context, operation


@operation("POST /echo")
def echo(ctx: Context) -> dict:
    return {"heard": ctx.body}
"""


@pytest.fixture
def desk(tmp_path: Path, store: Store) -> Caller:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
    (folder / "stub.yaml").write_text(STUB)
    (folder / "echo.py").write_text(ECHO)
    return Caller(load_stub(folder), store, key="d-one")


def test_arguments_are_the_same_however_they_come(desk: Caller) -> None:
    """As a query, a form, JSON or multipart; values that texts hold as JSON; switches as 1 and 0; nulls are not there."""
    heard = {"loud": True, "count": 3, "text": "7", "tags": ["a", {"b": 1}]}
    tags = "%5B%22a%22%2C%7B%22b%22%3A1%7D%5D"
    for call in (
        lambda: desk("POST /api/echo", form=f"loud=1&count=3&text=7&tags={tags}"),
        lambda: desk(f"GET /api/echo?loud=true&count=3&text=7&tags={tags}"),
        lambda: desk(
            f"POST /api/echo?tags={tags}",
            {"loud": 1, "count": "3", "text": 7, "tags": None} | {"tags": ["a", {"b": 1}]},
        ),
        lambda: desk("POST /api/echo?count=9", {**heard, "queue": None}),
    ):
        assert call() == (200, {"ok": True, "heard": heard})
    parts = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nhi\r\n--x--\r\n'
    assert desk("POST /api/echo", parts, content_type="multipart/form-data; boundary=x")[1]["heard"] == {"text": "hi"}
    assert desk("POST /api/echo", form="tags=no%20JSON")[1]["heard"] == {"tags": "no JSON"}


def test_wrong_arguments_are_refused_in_the_services_words(desk: Caller) -> None:
    """Further values of a kind are templates; one status stands for all, but for the kind that has its own."""
    assert desk("POST /api/tickets.open") == (
        200,
        {"ok": False, "error": "missing", "told": {"messages": ["no title"]}},
    )
    assert desk("POST /api/echo", form="count=many") == (200, {"ok": False, "error": "invalid"})
    assert desk("POST /api/echo", b"{", content_type="application/json")[1]["error"] == "invalid_body"
    assert desk("POST /api/echo", b"[]", content_type="application/json")[1]["error"] == "invalid"
    assert desk("POST /api/tickets.shout") == (200, {"ok": False, "error": "unknown_method", "called": "tickets.shout"})
    assert desk("DELETE /api/echo")[1]["error"] == "unknown_method"


def test_a_key_may_be_an_argument(desk: Caller) -> None:
    """Of the query or a form; to the operation it is none. A wrong one is refused as any other."""
    desk.key = None
    assert desk("POST /api/echo", form="token=d-two&text=x") == (200, {"ok": True, "heard": {"text": "x"}})
    assert desk("GET /api/echo?token=d-two")[1] == {"ok": True, "heard": {}}
    assert desk("POST /api/echo", {"token": "d-two"})[1]["error"] == "unauthorized"
    assert desk("POST /api/echo", form="token=nobody")[1] == {"ok": False, "error": "unauthorized"}
    parts = b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\nd-two\r\n--x--\r\n'
    assert desk("POST /api/echo", parts, content_type="multipart/form-data; boundary=x")[1]["ok"] is True


def test_one_status_for_errors_is_not_that_of_a_kind_with_its_own(desk: Caller) -> None:
    """Who calls too often is told so at 429, where everything else that is wrong comes at 200."""
    assert [desk("POST /api/open")[0] for _ in range(3)] == [200, 200, 429]
    assert desk.header("retry-after") is not None


def test_state_lives_without_paths(desk: Caller) -> None:
    """What stub.yaml says of procedures (`by`, `where`, `wrap`, `items`) is enough for things that are made, changed and listed."""
    for number, queue in enumerate(("in", "out", "in"), start=1):
        made = desk("POST /api/tickets.open", form=f"title=T{number}&queue={queue}")[1]["ticket"]
        assert (made["id"], made["queue"], made["state"]) == (f"t{number}", queue, "open")
    assert desk("GET /api/tickets.info?ticket=t1")[1]["ticket"]["title"] == "T1"
    assert desk("GET /api/tickets.info?ticket=t1&queue=out")[1]["error"] == "not_found"
    assert desk("POST /api/tickets.info")[1]["told"] == {"messages": ["no ticket"]}
    assert desk("POST /api/tickets.rename", {"ticket": "t1", "title": "New"})[1]["ticket"]["title"] == "New"
    assert desk("POST /api/tickets.close", form="ticket=t1")[1] == {"ok": True}
    assert desk("POST /api/tickets.close", form="ticket=t1")[1]["error"] == "invalid_transition"
    listed = desk("GET /api/tickets.list?queue=in&limit=1")[1]
    assert [one["id"] for one in listed["tickets"]] == ["t3"]
    rest = desk(f"POST /api/tickets.list?queue=in&limit=1&cursor={listed['next']}")[1]
    assert ([one["id"] for one in rest["tickets"]], rest["next"], rest["ok"]) == (["t1"], "", True)
    assert desk("POST /api/tickets.forget", form="ticket=t1")[1] == {"ok": True}
    assert desk("POST /api/tickets.forget", form="ticket=t1")[1]["error"] == "not_found"


def test_what_is_made_up_has_succeeded(desk: Caller) -> None:
    """Whatever a schema alone would allow: a client takes anything else for an error without a name."""
    assert [desk(f"POST /api/desks.paint?colour={number}")[1]["ok"] for number in range(12)] == [True] * 12


def test_a_refusal_at_a_status_of_success_is_no_misfit(desk: Caller) -> None:
    """What every reply says that succeeds (`success`) tells the two apart; the refusal's shape is the dialect's."""
    conformance = desk.stub.service.conformance
    assert conformance is not None
    json_reply = (("Content-Type", "application/json"),)

    def misfits(body: str) -> Any:
        return conformance.misfits("POST", "/tickets.info", 200, json_reply, body.encode())

    assert misfits('{"ok": false, "error": "not_found"}') is None
    assert [str(one) for one in misfits('{"ok": true, "ticket": 1}')] == ["/ticket: 1; expected object"]


def test_a_body_that_is_no_text_is_read_as_bytes(desk: Caller) -> None:
    """What isn't UTF-8 is refused, and nothing fails."""
    raw = Call(Protocol.HTTP, "desk.example", 443, scheme="https", method="POST", path="/api/echo", body=b"text=\xff\xfe",
               headers=(("authorization", "Bearer d-one"), ("content-type", FORM)))  # fmt: skip
    with desk.store.world("main").transaction() as tx:
        answer = desk.stub.answer(raw, tx)
    assert json.loads(answer.reply.body)["ok"] in {True, False}
    assert not answer.error


def test_outcomes_are_told_apart_by_a_field() -> None:
    """The first three of its values each, the others together."""
    outcomes = compile_outcomes({"sent": {"by": "to", "words": "sent {count | plural('note')} to {list(to)}"}})

    def words(*to: str) -> str:
        return render_outcomes(
            outcomes, [Effect("desk", "sent", str(place), {"to": one}) for place, one in enumerate(to)]
        )

    assert words("a", "b", "a") == "would have sent 2 notes to a, sent 1 note to b"
    assert (
        words(*"abcdeed") == "would have sent 1 note to a, sent 1 note to b, sent 1 note to c, sent 4 notes to d and e"
    )


BROKEN: dict[str, str] = {
    "an unknown method": "dialect: {procedures: {methods: [PUT]}}",
    "an unknown key": "dialect: {procedures: {path: /x}}",
    "success that is no mapping": "dialect: {procedures: {success: yes}}",
    "an id in no argument": "operations: {POST /tickets.close: {action: delete, resource: ticket}}\nresources: {ticket: {}}",
    "an argument that isn't there": "operations: {POST /tickets.close: {action: delete, by: id}}",
    "a filter that isn't there": "operations: {GET /tickets.list: {action: list, where: {state: state}}}",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_the_dialect_does_not_have_is_refused(tmp_path: Path, text: str) -> None:
    """When the stub is loaded, with its place."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
    (folder / "stub.yaml").write_text(f"stub: desk\nhosts: [desk.example]\nopenapi: openapi.json\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_stub(folder)
    assert str(caught.value).startswith(f"{folder}/stub.yaml:4:")
