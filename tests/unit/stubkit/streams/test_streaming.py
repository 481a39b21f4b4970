"""Replies that go on, as a stub's author writes them: events, lines, chunks, pauses and steps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.model import Call, Part, Protocol, Step
from childproof.stubkit import Comment, Event, Pause
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.streams.streaming import chunk_bytes, drained, encoded, event_bytes, line_bytes
from childproof.stubkit.stub import Stub
from childproof.world.store import Store

LIVE = Path(__file__).parents[3] / "data" / "stubs" / "live"


@pytest.mark.parametrize(
    ("item", "wire"),
    [
        ("hello", b"data: hello\n\n"),
        ({"a": [1]}, b'data: {"a":[1]}\n\n'),
        ({"a": 1, "_own": 2}, b'data: {"a":1}\n\n'),
        (Event("x", event="added", id="7", retry=2000), b"event: added\nid: 7\nretry: 2000\ndata: x\n\n"),
        (
            Event("two\nlines\r\nand\rmore\u2028too"),
            "data: two\ndata: lines\ndata: and\ndata: more\u2028too\n\n".encode(),
        ),
        (Event(), b"data: \n\n"),
        (Comment("beat"), b": beat\n\n"),
        (Comment(), b":\n\n"),
        (Comment("a\nb"), b": a\n: b\n\n"),
    ],
)
def test_events_stand_on_the_wire_as_the_standard_says(item: Any, wire: bytes) -> None:
    """WHATWG HTML, section 9.2.6."""
    assert event_bytes(item) == wire


@pytest.mark.parametrize("event", [Event("x", event="a\nb"), Event("x", id="a\rb"), Event("x", id="a\0b")])
def test_a_name_or_id_that_would_break_the_stream_apart_is_refused(event: Event) -> None:
    with pytest.raises(ValueError, match="can't have line breaks"):
        event_bytes(event)


def test_lines_and_chunks() -> None:
    assert line_bytes({"a": 1, "_b": 2}) == b'{"a":1}\n'
    assert (chunk_bytes("é"), chunk_bytes(b"\xff")) == ("é".encode(), b"\xff")
    with pytest.raises(TypeError, match="text or bytes, not dict"):
        chunk_bytes({})


def test_a_pause_comes_before_what_the_author_wrote_after_it() -> None:
    order = []

    def items() -> Any:
        yield "a"
        yield Pause(1.5)
        order.append("after the pause")
        yield "b"

    parts = encoded(items(), chunk_bytes)
    assert next(parts) == Part(b"a")
    assert next(parts) == Part(b"", 1.5)
    assert order == []
    assert next(parts) == Part(b"b")


def test_a_steps_value_or_error_comes_back_at_its_yield() -> None:
    step = Step(lambda tx: (None, ()), "s")

    def items() -> Any:
        value = yield step
        yield value
        try:
            yield step
        except ValueError as error:
            yield str(error)

    parts = encoded(items(), chunk_bytes)
    assert next(parts) is step
    assert parts.send("seven") == Part(b"seven")
    assert next(parts) is step
    assert parts.throw(ValueError("no")) == Part(b"no")


def test_lists_stream_too_and_the_authors_generator_is_closed_with_the_stream() -> None:
    assert drained(encoded(["a", Pause(1), "b"], chunk_bytes), lambda _: None) == (b"ab", ())
    log = []

    def items() -> Any:
        try:
            yield "a"
        finally:
            log.append("closed")

    parts = encoded(items(), chunk_bytes)
    next(parts)
    parts.close()
    assert log == ["closed"]


def test_a_stream_without_end_is_not_drained() -> None:
    def items() -> Any:
        while True:
            yield "a"

    with pytest.raises(ValueError, match="goes on after 10 parts"):
        drained(encoded(items(), chunk_bytes), lambda _: None, 10)


@pytest.fixture(scope="module")
def live() -> Stub:
    return load_stub(LIVE)


@pytest.fixture
def ask(live: Stub, store: Store) -> Callable[..., Any]:
    def call(method: str, path: str, body: bytes = b"", **more: Any) -> Any:
        headers = (("authorization", "Bearer key"), ("content-type", "application/json"), *more.pop("headers", ()))
        asked = Call(
            Protocol.HTTP, "api.live.example", 443, method=method, path=path, headers=headers, body=body, **more
        )
        with store.world("main").transaction() as tx:
            return live.answer(asked, tx)

    return call


def test_a_reply_that_goes_on_has_its_type_and_the_stubs_headers(ask: Callable[..., Any]) -> None:
    answer = ask("GET", "/feed")
    headers = dict(answer.reply.headers)
    assert (headers["Content-Type"], headers["Cache-Control"], "Date" in headers) == (
        "text/event-stream",
        "no-cache",
        True,
    )
    assert (answer.reply.body, answer.fidelity.value) == (b"", "modelled")
    assert drained(answer.reply.stream, lambda _: None)[0].endswith(b"data: [DONE]\n\n")


def test_the_last_event_id_says_where_to_go_on(ask: Callable[..., Any]) -> None:
    ask("POST", "/orders", b'{"item": "tea"}')
    ask("POST", "/orders", b'{"item": "milk"}')
    whole = drained(ask("GET", "/feed").reply.stream, lambda _: None)[0].decode()
    first = whole.split("id: ")[1].splitlines()[0]
    rest = drained(ask("GET", "/feed", headers=(("Last-Event-ID", first),)).reply.stream, lambda _: None)[0].decode()
    assert (whole.count("event: order"), rest.count("event: order")) == (2, 1)


def test_the_world_is_out_of_reach_once_the_stream_has_begun(ask: Callable[..., Any]) -> None:
    parts = ask("GET", "/broken").reply.stream
    assert next(parts) == Part(b"half")
    with pytest.raises(RuntimeError, match=r"no list any more: do it before the stream begins, or in `yield ctx\.step"):
        next(parts)


def test_a_streaming_reply_is_not_kept_for_its_idempotency_key(variant: Callable[..., Any]) -> None:
    """It can't be told again; so the operation is done again."""
    code = """
from childproof.stubkit import Context, Response, operation

@operation("POST /v2/companies")
def create(ctx: Context) -> Response:
    ctx.create("company", name=ctx.body["name"])
    return ctx.lines([len(ctx.list("company"))])
"""
    acme = variant(files={"streaming.py": code})
    counts = []
    for _ in range(2):
        assert acme("POST /v2/companies", {"name": "ACME"}, Idempotency_Key="k") == (200, None)
        assert acme.header("Idempotent-Replayed") is None
        counts.append(int(drained(acme.answer.reply.stream, lambda _: None)[0]))
    assert counts[1] == counts[0] + 1
