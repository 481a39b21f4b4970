"""The dialect's further options, each in a small stub of its own: keys, limits, paging, bases, wrappers, jobs, mail."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.catalog import load_catalog
from childproof.model import Call, Envelope, Protocol
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.reply.errors import ErrorDialect
from childproof.stubkit.streams.procedures import framed
from childproof.world.clock import ClockSettings
from childproof.world.store import Store
from tests.due import run_due

from .conftest import START, Caller

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "servers": [{"url": "https://api.notes.example/rest"}],
    "paths": {
        "/notes": {
            "get": {
                "parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Note"}}}}}},
            },
            "post": {
                "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"note": {"$ref": "#/components/schemas/Fields"}}}}}},
                "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wrapped"}}}}},
            },
        },
        "/notes/{note-id}": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Wrapped"}}}}}},
            "delete": {"responses": {"204": {}}},
        },
        "/ping": {"get": {"security": [], "responses": {"204": {}}}},
    },
    "components": {
        "schemas": {
            "Fields": {"type": "object", "properties": {"text": {"type": "string"}}},
            "Note": {"type": "object", "required": ["id", "text"], "properties": {"id": {"type": "integer"}, "text": {"type": ["string", "null"]}}},
            "Wrapped": {"type": "object", "properties": {"note": {"$ref": "#/components/schemas/Note"}}},
        }
    },
}  # fmt: skip


@pytest.fixture
def notes(tmp_path: Path, store: Store) -> Callable[..., Caller]:
    def make(text: str = "", **files: str) -> Caller:
        folder = tmp_path / "notes"
        folder.mkdir()
        (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
        (folder / "stub.yaml").write_text(f"stub: notes\nhosts: [api.notes.example]\nopenapi: openapi.json\n{text}")
        for name, content in files.items():
            (folder / f"{name}.{'yaml' if name == 'seed' else 'py'}").write_text(content)
        return Caller(load_stub(folder), store)

    return make


def test_replies_and_requests_may_wrap_the_entity(notes: Callable[..., Caller]) -> None:
    call = notes()
    assert call("POST /rest/notes", {"note": {"text": "Hi"}}) == (201, {"note": {"id": 1, "text": "Hi"}})
    assert call("GET /rest/notes/1") == (200, {"note": {"id": 1, "text": "Hi"}})
    assert call("GET /rest/notes") == (200, [{"id": 1, "text": "Hi"}])


def test_the_servers_base_path_belongs_to_every_path(notes: Callable[..., Caller]) -> None:
    call = notes()
    assert call("GET /rest/notes")[0] == 200
    assert call("GET /notes")[0] == 404
    assert call("GET /restful/notes")[0] == 404


def test_a_written_base_replaces_the_documents(notes: Callable[..., Caller]) -> None:
    assert notes("base: /v9\n")("GET /v9/notes")[0] == 200


def test_link_headers_lead_to_the_next_page(notes: Callable[..., Caller]) -> None:
    call = notes(
        "dialect: {lists: {style: link, cursor: page, limit: {name: per_page, default: 2}, items: null, order: oldest}}\n"
    )
    for number in range(3):
        call("POST /rest/notes", {"note": {"text": str(number)}})
    assert [note["text"] for note in call("GET /rest/notes")[1]] == ["0", "1"]
    there = "https://api.notes.example/rest/notes?page"
    assert call.header("link") == f'<{there}=2>; rel="next", <{there}=2>; rel="last"'
    assert [note["text"] for note in call("GET /rest/notes?page=2")[1]] == ["2"]
    assert call.header("link") == f'<{there}=1>; rel="first", <{there}=1>; rel="prev"'


def test_only_seeded_keys_pass_where_the_stub_says_so(notes: Callable[..., Caller]) -> None:
    call = notes("auth: {bearer: seeded}\n", seed="tokens: [good]\n")
    call.key = "good"
    assert call("GET /rest/notes")[0] == 200
    call.key = "bad"
    assert call("GET /rest/notes")[0] == 401


def test_a_refusal_can_be_a_word_alone() -> None:
    """`plain: true`: text, whatever the shape of the others."""
    errors = ErrorDialect({"kinds": {"unauthorized": {"message": "Forbidden", "plain": True}}})
    assert errors.render(Refusal.of("unauthorized"), {}) == (401, "Forbidden", b"Forbidden")
    assert isinstance(errors.render(Refusal.of("bad_token"), {})[1], dict)


ISSUED = """
auth: {bearer: any, issued: {resource: note, key: text, scopes: owner}}
dialect: {unknown_parameters: ignore}
resources: {note: {schema: Note, path: /notes, delete: soft}}
"""


def test_a_key_that_the_service_issued_is_taken_until_it_is_deleted(notes: Callable[..., Caller]) -> None:
    """Any other key goes on being taken: only what was handed out and taken back is refused."""
    call = notes(ISSUED)
    note = call("POST /rest/notes", {"note": {"text": "key-1"}})[1]
    call.key = "key-1"
    assert call("GET /rest/notes")[0] == 200
    call.key = "other"
    assert call(f"DELETE /rest/notes/{note['note']['id']}")[0] < 300
    call.key = "key-1"
    assert call("GET /rest/notes")[0] == 401
    call.key = "other"
    assert call("GET /rest/notes")[0] == 200


@pytest.mark.parametrize(
    ("auth", "headers", "path", "status"),
    [
        ("{basic: any}", {"authorization": "Basic a2V5Og=="}, "/rest/notes", 200),
        ("{basic: any}", {"authorization": "Basic %%%"}, "/rest/notes", 401),
        ("{basic: any}", {"authorization": "Basic Og=="}, "/rest/notes", 401),
        ("{header: X-Api-Key}", {"x-api-key": "k"}, "/rest/notes", 200),
        ("{header: X-Api-Key}", {"authorization": "Bearer k"}, "/rest/notes", 401),
        ("{query: key}", {}, "/rest/notes?key=k", 200),
        ("{query: key}", {}, "/rest/notes?key=", 401),
        ("{bearer: any}", {"authorization": "Bearer"}, "/rest/notes", 401),
        ("none", {}, "/rest/notes", 200),
        ("{bearer: any}", {}, "/rest/ping", 204),
    ],
)
def test_a_key_is_looked_for_where_auth_says(
    notes: Callable[..., Caller], auth: str, headers: dict, path: str, status: int
) -> None:
    call = notes(f"auth: {auth}\n")
    call.key = None
    assert call(f"GET {path}", **{name.replace("-", "_"): value for name, value in headers.items()})[0] == status


def test_rate_limits_count_per_window_of_world_time(notes: Callable[..., Caller]) -> None:
    call = notes(
        "dialect: {rate_limit: {calls: 2, per: 1m, headers: {X-Remaining: '{remaining}', X-Reset: '{reset}'}}}\n"
    )
    assert call("GET /rest/notes")[0] == 200
    assert (call.header("x-remaining"), call.header("x-reset")) == ("1", str(START // 1000 + 60))
    assert call("GET /rest/notes")[0] == 200
    assert call("GET /rest/notes")[0] == 429
    call.store.world("main").set_clock(ClockSettings(START + 60_000, "frozen"))
    assert call("GET /rest/notes")[0] == 200


def test_path_parameters_become_python_names(notes: Callable[..., Caller]) -> None:
    code = (
        "from childproof.stubkit import Context, Response, operation\n"
        "@operation('GET /notes/{note-id}')\n"
        "def read(ctx: Context, note_id: str) -> Response:\n"
        "    return Response(203, f'note {note_id}', {'X-Odd': 'yes'})\n"
    )
    call = notes(behaviour=code)
    call.stub.service.settings  # noqa: B018
    with call.store.world("main").transaction() as tx:
        made = call.stub.answer(
            Call(Protocol.HTTP, "api.notes.example", 443, method="GET", path="/rest/notes/a%20b"), tx
        )
    assert (made.reply.status, made.reply.body) == (203, b"note a b")
    assert ("X-Odd", "yes") in made.reply.headers
    assert ("Content-Type", "text/plain; charset=utf-8") in made.reply.headers


JOBS = """
from childproof.stubkit import Context, job, operation


@operation("GET /ping")
def ping(ctx: Context) -> None:
    ctx.schedule(2000, "later", {"n": 2})
    ctx.schedule(1000, "later", {"n": 1})
    ctx.schedule(1500, "broken", {})


@job("later")
def later(ctx: Context, payload: dict) -> None:
    ctx.emit("done", {"id": str(payload["n"])})


@job("broken")
def broken(ctx: Context, payload: dict) -> None:
    ctx.create("note", text="undone")
    raise RuntimeError("oh")
"""


def test_due_jobs_run_in_order_and_a_broken_one_stands_in_nobodys_way(notes: Callable[..., Caller]) -> None:
    call = notes("resources: {note: {path: /notes}}\n", behaviour=JOBS)
    assert call("GET /rest/ping")[0] == 204
    world = call.store.world("main")
    world.set_clock(ClockSettings(START + 1500, "frozen"))
    with world.transaction() as tx:
        told = run_due(tx, lambda _: call.stub)
    assert (told[0].type, told[0].id) == ("done", "1")
    assert told[1].type == "job.failed"
    assert "RuntimeError: oh" in told[1].data["error"]
    assert call("GET /rest/notes")[1] == []
    world.set_clock(ClockSettings(START + 9000, "frozen"))
    with world.transaction() as tx:
        assert [effect.id for effect in run_due(tx, lambda _: call.stub)] == ["2"]
        assert run_due(tx, lambda _: call.stub) == ()


def test_a_job_of_a_stub_that_is_gone_is_told_of_and_dropped(notes: Callable[..., Caller]) -> None:
    def gone(name: str) -> Any:
        raise LookupError(name)

    call = notes(behaviour=JOBS)
    call("GET /rest/ping")
    call.store.world("main").set_clock(ClockSettings(START + 9000, "frozen"))
    with call.store.world("main").transaction() as tx:
        assert {effect.type for effect in run_due(tx, gone)} == {"job.failed"}
        assert run_due(tx, gone) == ()


MAIL = """
from childproof.stubkit import Context, Refusal, Response, receives


@receives("smtp")
def take(ctx: Context) -> Response | None:
    envelope = ctx.call.envelope
    if envelope.sender == "spam@example.com":
        raise Refusal(554, "spam", "No thanks.")
    ctx.create("note", text=ctx.call.body.decode())
    ctx.emit("mail", {"id": "m", "to": list(envelope.recipients)})
    return Response(250, "Queued") if envelope.user else None
"""


@pytest.mark.parametrize(
    ("sender", "user", "wanted", "notes_kept"),
    [
        ("a@b.c", "", (250, b"OK"), 1),
        ("a@b.c", "me", (250, b"Queued"), 1),
        ("spam@example.com", "", (554, b"No thanks."), 0),
    ],
)
def test_mail_is_taken_or_refused(
    notes: Callable[..., Caller], sender: str, user: str, wanted: tuple, notes_kept: int
) -> None:
    call = notes("resources: {note: {path: /notes}}\n", behaviour=MAIL)
    mail = Call(Protocol.SMTP, "mail.example", 587, body=b"Hi", envelope=Envelope(sender, ("x@y.z",), user=user))
    with call.store.world("main").transaction() as tx:
        made = call.stub.answer(mail, tx)
    assert (made.reply.status, made.reply.body) == wanted
    assert len(made.effects) == notes_kept
    assert len(call("GET /rest/notes")[1]) == notes_kept


def test_mail_to_a_stub_that_takes_none_is_a_gap(bare: Caller) -> None:
    with bare.store.world("main").transaction() as tx:
        made = bare.stub.answer(Call(Protocol.SMTP, "mail.example", 25, envelope=Envelope("a", ("b",))), tx)
    assert (made.reply.status, made.fidelity) == (550, "gap")


def test_an_error_in_behaviour_code_is_the_services_and_is_told(notes: Callable[..., Caller]) -> None:
    """The vendor's 500, with the head of the traceback for the ledger."""
    code = "from childproof.stubkit import Context, operation\n@operation('GET /ping')\ndef ping(ctx: Context) -> None:\n    raise KeyError('x')\n"
    call = notes(behaviour=code)
    with pytest.raises(AssertionError, match="KeyError: 'x'"):  # as the caller of these tests tells it
        call("GET /rest/ping")
    assert call.answer is not None
    assert call.answer.reply.status == 500


BROKEN = """
from childproof.stubkit import Context, Message, receives, rpc, websocket


@receives("smtp")
def take(ctx: Context) -> None:
    ctx.create("note", text="half")
    raise KeyError("x")


@rpc("/shop.Orders/Place")
def place(ctx: Context, order: bytes) -> bytes:
    ctx.create("note", text="half")
    raise KeyError("x")


@websocket("/live")
def live(ctx: Context, message: Message | None) -> None:
    ctx.create("note", text="half")
    raise KeyError("x")
"""
GRPC = (("content-type", "application/grpc"),)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (Call(Protocol.SMTP, "mail.example", 587, body=b"Hi", envelope=Envelope("a@b.c", ("x@y.z",))), (451, b"4.3.0 ")),
        (Call(Protocol.HTTP, "rest.example", 443, method="POST", path="/shop.Orders/Place", body=framed(b"x"),
              headers=GRPC, http_version="2.0"), (200, b"")),
        (Call(Protocol.HTTP, "rest.example", 443, method="GET", path="/live", upgrade="websocket",
              http_version="1.1"), (500, b"{")),
    ],
    ids=["smtp", "grpc", "websocket"],
)  # fmt: skip
def test_an_error_in_code_that_speaks_otherwise_is_the_services_too(
    notes: Callable[..., Caller], call: Call, said: tuple[int, bytes]
) -> None:
    """In the protocol's own words, with nothing changed and the head of the traceback for the ledger."""
    caller = notes("resources: {note: {path: /notes}}\n", behaviour=BROKEN)
    with caller.store.world("main").transaction() as tx:
        made = caller.stub.answer(call, tx)
    assert (made.reply.status, made.reply.body[: len(said[1])]) == said
    assert made.error.endswith("KeyError: 'x'\n")
    assert (made.effects, made.fidelity) == ((), "modelled")
    if call.header("content-type"):
        assert dict(made.reply.headers)["grpc-status"] == "13"  # INTERNAL
    assert caller("GET /rest/notes")[1] == []


def test_a_large_document_is_ready_at_once_and_its_stub_answers() -> None:
    """Not timed here (see bench/): what must hold is that loading decodes only the paths that the stub's files name."""
    service = load_catalog().get("stripe").service
    api = service.api
    assert api is not None
    assert len(api.paths) > 400
    named = {name.partition(" ")[2] for name in (*service.behaviours.operations, *service.manifest.operations)}
    others = len(api._items.keys() - named)
    assert others <= len(service.manifest.resources)  # what lives at the path of each


PATIENT = """
from childproof.stubkit import Context, job, operation


@operation("GET /ping")
def ping(ctx: Context) -> None:
    by = ctx.header("by")
    ctx.schedule(0, "later", {})
    if by is not None:
        ctx.advance(int(by))


@job("later")
def later(ctx: Context, payload: dict) -> None:
    ctx.advance(1000)
"""


def test_an_operation_lets_time_pass_and_a_job_cant(notes: Callable[..., Caller]) -> None:
    """What it asked for is remembered with the call; whoever answers calls does it."""
    call = notes(behaviour=PATIENT)
    world = call.store.world("main")
    with world.transaction() as tx:
        call.stub.answer(
            Call(Protocol.HTTP, call.stub.hosts[0], 443, method="GET", path="/rest/ping", headers=(("by", "5"),)), tx
        )
        assert tx.passing == 5
    with world.transaction() as tx:
        told = run_due(tx, lambda _: call.stub)
    assert [effect.type for effect in told] == ["job.failed"]
    assert "by an operation that was called" in told[0].data["error"]


@pytest.mark.parametrize("by", ["-1", "4000000000000"])
def test_time_passes_forward_and_within_bounds(notes: Callable[..., Caller], by: str) -> None:
    call = notes(behaviour=PATIENT)
    with pytest.raises(AssertionError, match=r"ValueError.*can't be let pass"):
        call("GET /rest/ping", by=by)


def test_json_replies_say_what_they_are_as_the_dialect_has_it(notes: Callable[..., Caller]) -> None:
    """Whoever asks for `application/json; charset=utf-8` by name finds it; errors have a key of their own."""
    call = notes("dialect: {content_type: application/json; charset=utf-8}\n")
    assert call("GET /rest/notes")[0] == 200
    assert call.header("content-type") == "application/json; charset=utf-8"
