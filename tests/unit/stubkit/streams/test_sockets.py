"""WebSockets as a stub's author writes them: one function for all that a client says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.errors import InputError
from childproof.model import Call, Frame, Protocol, Talk
from childproof.stubkit import Close, Message, Pause, Ping
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.streams.sockets import MOST, frames
from childproof.stubkit.stub import Answer, Stub
from childproof.world.store import Store

LIVE = Path(__file__).parents[3] / "data" / "stubs" / "live"


@pytest.fixture(scope="module")
def live() -> Stub:
    return load_stub(LIVE)


@pytest.fixture
def open_(live: Stub, store: Store) -> Callable[..., Answer]:
    def call(path: str = "/rooms/blue/live", **headers: str) -> Answer:
        given = {"authorization": "Bearer key", **{name.replace("_", "-"): text for name, text in headers.items()}}
        asked = Call(
            Protocol.HTTP, "api.live.example", 443, method="GET", path=path, headers=tuple(given.items()),
            upgrade="websocket", http_version="1.1",
        )  # fmt: skip
        with store.world("main").transaction() as tx:
            return live.answer(asked, tx)

    return call


@pytest.fixture
def say(store: Store) -> Callable[..., Any]:
    def call(talk: Talk[Any], frame: Frame) -> Any:
        with store.world("main").transaction() as tx:
            said, _ = talk.hear(frame).work(tx)
            return said, tx.changes

    return call


def text(value: Any) -> Frame:
    return Frame("text", json.dumps(value).encode())


def test_opening_greets_with_headers_and_an_offered_subprotocol(open_: Callable[..., Answer]) -> None:
    answer = open_(sec_websocket_protocol="other, orders.v1")
    headers = dict(answer.reply.headers)
    assert (answer.reply.status, answer.operation) == (101, "WEBSOCKET /rooms/{room}/live")
    assert (headers["X-Room"], headers["Sec-WebSocket-Protocol"]) == ("blue", "orders.v1")
    assert answer.reply.stream.greeting == (Frame("text", b'{"room":"blue"}'),)
    assert "Sec-WebSocket-Protocol" not in dict(open_().reply.headers)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/rooms/closed/live", {}, 404, "no_room"),
        ("/rooms/blue/live", {"authorization": ""}, 401, "unauthorized"),
        ("/nowhere", {}, 404, "not_found"),
    ],
)
def test_what_is_refused_is_refused_in_the_services_words(
    open_: Callable[..., Answer], path: str, headers: dict[str, str], status: int, code: str
) -> None:
    reply = open_(path, **headers).reply
    assert (reply.status, json.loads(reply.body)["error"]["code"], reply.stream) == (status, code, None)


def test_a_path_with_an_operation_is_answered_as_that_where_it_has_no_websocket(open_: Callable[..., Answer]) -> None:
    """As servers do that don't know the upgrade."""
    assert open_("/orders").reply.status == 200


def test_the_session_lasts_and_a_refusal_undoes_what_the_message_did(
    open_: Callable[..., Answer], say: Callable[..., Any]
) -> None:
    talk = open_().reply.stream
    counts = []
    for item in ("tea", "", "milk"):
        (frame,), changes = say(talk, text({"item": item}))
        counts.append((json.loads(frame.data).get("count"), len(changes) > 0))
    assert counts == [(1, True), (None, False), (2, True)]


def test_what_is_no_json_is_refused_as_a_message(open_: Callable[..., Answer], say: Callable[..., Any]) -> None:
    (frame,), _ = say(open_().reply.stream, Frame("text", b"{"))
    assert json.loads(frame.data)["error"]["code"] == "invalid_body"


def test_only_a_function_that_follows_the_world_is_told_of_news(
    open_: Callable[..., Answer], say: Callable[..., Any], store: Store
) -> None:
    assert open_().reply.stream.look is None
    talk = open_("/rooms/kitchen/live").reply.stream
    say(open_().reply.stream, text({"item": "tea"}))
    for told in ((Frame("text", b"tea"),), ()):
        with store.world("main").transaction() as tx:
            said, _ = talk.look().work(tx)
            assert (said, len(tx.changes)) == (told, len(told))


def test_the_clients_close_is_told(open_: Callable[..., Answer], say: Callable[..., Any]) -> None:
    said, changes = say(open_().reply.stream, Frame("close", b"", 1006))
    assert said == ()
    assert changes[0].after["item"] == "left with 1006"


@pytest.mark.parametrize(
    ("given", "made"),
    [
        (None, ()),
        ("a", (Frame("text", b"a"),)),
        (b"a", (Frame("bytes", b"a"),)),
        ({"a": 1, "_b": 2}, (Frame("text", b'{"a":1}'),)),
        (Message("a"), (Frame("text", b"a"),)),
        (7, (Frame("text", b"7"),)),
        (["a", Pause(1), Pause(0.5), b"b"], (Frame("text", b"a"), Frame("bytes", b"b", delay=1.5))),
        ((item for item in ("a", Ping(b"p"))), (Frame("text", b"a"), Frame("ping", b"p"))),
        (Close(4000, "x" * 200), (Frame("close", b"x" * 123, 4000),)),
    ],
)
def test_what_a_function_gives_is_messages(given: Any, made: tuple[Frame, ...]) -> None:
    assert frames(given) == made


def test_one_message_is_not_answered_with_messages_without_end() -> None:
    with pytest.raises(ValueError, match=f"more than {MOST} messages"):
        frames("x" for _ in range(MOST + 1))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('@websocket("live")\ndef live(ctx, message): ...', "no path"),
        ('@websocket("/live/{room}")\ndef live(ctx, message): ...', "no parameter 'room'"),
        ('@websocket("/live")\ndef live(ctx): ...', "no parameter 'message'"),
        ('@rpc("shop/Get")\ndef get(ctx, message): ...', "no gRPC method"),
        ('@rpc("/shop.Orders/Get")\ndef get(ctx): ...', "0 parameters after the context instead of 1"),
    ],
)
def test_a_mark_that_does_not_fit_is_refused_at_load(edited: Callable[..., Path], code: str, found: str) -> None:
    with pytest.raises(InputError) as raised:
        load_stub(edited(files={"more.py": f"from childproof.stubkit import rpc, websocket\n\n\n{code}\n"}))
    assert found in str(raised.value)
