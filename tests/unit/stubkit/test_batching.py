"""Batches: requests within a request."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import Caller
from .mechanics import building


@pytest.fixture
def things(tmp_path: Path) -> Iterator[Callable[..., Caller]]:
    yield from building(tmp_path)


def test_each_request_of_a_batch_is_answered_in_its_order(things: Callable[..., Caller]) -> None:
    """By the stub itself, in one transaction: a later one sees what an earlier one did, and a refusal stays its own."""
    call = things(operations={"POST /batch": {"batch": {"requests": "requests", "replies": "responses", "id": "id"}}},
                  events={"emit": {"thing": ["created"]}})  # fmt: skip
    status, body = call("POST /batch", {"requests": [
        {"id": "x", "method": "POST", "path": "/things", "body": {"name": "a"}},
        {"method": "GET", "path": "things/1"},
        {"method": "POST", "path": "/things", "body": {}},
        {"method": "DELETE", "path": "/things/1"},
    ]})  # fmt: skip
    replies = body["responses"]
    assert (status, [one["status"] for one in replies]) == (200, [200, 200, 400, 204])
    assert (replies[0]["id"], replies[1]["body"]["name"], replies[3]["body"]) == ("x", "a", None)
    assert [effect.type for effect in call.effects] == ["thing.created"]
    assert call("POST /batch", {"requests": "x"})[0] == 400
    assert call("POST /batch", {"requests": [{"method": "GET"}]})[1]["error"]["param"] == "requests[0][path]"


def test_an_atomic_batch_happens_whole_or_not_at_all(things: Callable[..., Caller]) -> None:
    """One refusal undoes what came before; the others fail with it (424)."""
    call = things(operations={"POST /batch": {"batch": {"atomic": True, "most": 3}}})
    ask = {"method": "POST", "path": "/things", "body": {"name": "a"}}
    status, body = call("POST /batch", [ask, ask, ask])
    assert (status, [one["status"] for one in body]) == (200, [424, 409, 424])
    assert call("GET /things")[1] == []
    assert call.effects == ()
    assert call("POST /batch", [ask, {**ask, "body": {"name": "b"}}])[0] == 200
    assert len(call("GET /things")[1]) == 2
    assert call("POST /batch", [ask] * 4)[0] == 400


def test_a_batch_holds_no_batch(things: Callable[..., Caller]) -> None:
    """Else a thousand of a thousand each would be one call. The others of the list aren't done either."""
    call = things(operations={"POST /batch": {"batch": {}}})
    ask = {"method": "POST", "path": "/things", "body": {"name": "a"}}
    assert call("POST /batch", [ask, {"method": "POST", "path": "/batch?x=1", "body": [ask]}])[0] == 400
    assert call("POST /batch", [ask, {"method": "post", "path": "https://other.example/batch", "body": []}])[0] == 400
    assert call("GET /things")[1] == []


def test_a_batch_may_come_as_mime_parts(things: Callable[..., Caller]) -> None:
    """`multipart/mixed` of `application/http`, as some vendors have it; the reply is one as well."""
    call = things(operations={"POST /batch": {"batch": {}}})
    parts = [
        ("<one>", 'POST /things HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{"name": "a"}'),
        ("<two>", "GET /things/1 HTTP/1.1\r\n\r\n"),
    ]
    raw = "".join(
        f"--b\r\nContent-Type: application/http\r\nContent-ID: {name}\r\n\r\n{text}\r\n" for name, text in parts
    )
    with pytest.raises(json.JSONDecodeError):  # the reply is no JSON
        call("POST /batch", f"{raw}--b--\r\n".encode(), content_type="multipart/mixed; boundary=b")
    assert call.answer is not None
    reply = call.answer.reply.body.decode()
    assert reply.count("HTTP/1.1 200") == 2
    assert "Content-ID: <response-two>" in reply
    assert (call.header("content-type") or "").startswith("multipart/mixed; boundary=")
    assert call("GET /things/1")[1]["name"] == "a"
