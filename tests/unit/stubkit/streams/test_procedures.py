"""gRPC as a stub's author writes it: messages as plain values, and a status for everything that goes wrong."""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from childproof.errors import InputError
from childproof.model import Call, Part, Protocol
from childproof.model.grpc import grpc_code, grpc_trailers, is_grpc
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.streams.messages import PlainCodec
from childproof.stubkit.streams.procedures import deadline, framed
from childproof.stubkit.streams.streaming import drained
from childproof.stubkit.stub import Answer, Stub
from childproof.world.store import Store

LIVE = Path(__file__).parents[3] / "data" / "stubs" / "live"
PEN = b"\x12\x03pen"  # Order(item="pen")


def asked(path: str, body: bytes, **headers: str) -> Call:
    given = {"authorization": "Bearer key", "content-type": "application/grpc", **headers}
    return Call(
        Protocol.HTTP, "grpc.live.example", 443, method="POST", scheme="https", path=path, body=body,
        headers=tuple((name.replace("_", "-"), text) for name, text in given.items()), http_version="2.0",
    )  # fmt: skip


@pytest.fixture(scope="module")
def live() -> Stub:
    return load_stub(LIVE)


@pytest.fixture
def ask(live: Stub, store: Store) -> Callable[..., Answer]:
    def call(path: str, body: bytes = b"", **headers: str) -> Answer:
        with store.world("main").transaction() as tx:
            return live.answer(asked(path, body, **headers), tx)

    return call


def whole(answer: Answer, store: Store | None = None) -> tuple[bytes, dict[str, str]]:
    def run(step: Any) -> Any:
        assert store is not None
        with store.world("main").transaction() as tx:
            return step.work(tx)[0]

    if answer.reply.stream is None:
        return b"", dict(answer.reply.headers)
    body, trailers = drained(answer.reply.stream, run)
    return body, dict(trailers)


def test_a_unary_call_is_one_message_and_a_status(ask: Callable[..., Answer]) -> None:
    answer = ask("/shop.Orders/Place", framed(PEN))
    body, trailers = whole(answer)
    assert body[5:].endswith(PEN)
    assert body[:5] == b"\0" + (len(body) - 5).to_bytes(4)
    assert (trailers, answer.operation, answer.fidelity.value) == (
        {"grpc-status": "0"},
        "RPC /shop.Orders/Place",
        "modelled",
    )


def test_a_packed_message_is_unpacked(ask: Callable[..., Answer]) -> None:
    packed = gzip.compress(PEN)
    body = b"\1" + len(packed).to_bytes(4) + packed
    assert whole(ask("/shop.Orders/Place", body, grpc_encoding="gzip"))[1]["grpc-status"] == "0"


@pytest.mark.parametrize(
    ("body", "coding", "status"),
    [
        (b"\0\0", "", "3"),
        (b"\0\0\0\0\x09abc", "", "3"),
        (b"\1\0\0\0\x03abc", "gzip", "13"),
        (b"\1\0\0\0\x03abc", "snappy", "12"),
        (framed(b"\xff\xff"), "", "13"),
    ],
    ids=["half a prefix", "half a message", "not gzip", "an unknown coding", "no message of this type"],
)
def test_a_request_that_can_not_be_read_has_a_status(
    ask: Callable[..., Answer], body: bytes, coding: str, status: str
) -> None:
    assert whole(ask("/shop.Orders/Place", body, grpc_encoding=coding))[1]["grpc-status"] == status


def test_a_bomb_is_not_unpacked(ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("childproof.stubkit.streams.procedures.MOST", 1000)
    packed = gzip.compress(bytes(1001))
    body = b"\1" + len(packed).to_bytes(4) + packed
    assert whole(ask("/shop.Orders/Place", body, grpc_encoding="gzip"))[1]["grpc-status"] == "8"


@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        ("/shop.Orders/Cancel", {}, "12", "unknown method Cancel for service shop.Orders"),
        ("/other.Thing/Do", {}, "12", "unknown service other.Thing"),
        ("/shop.Orders/Place", {"authorization": ""}, "16", "No API key was given."),
        ("/shop.Orders/Place", {}, "3", "What would you like? 100 %25 is no item."),
    ],
)
def test_refusals_are_trailers_only(
    ask: Callable[..., Answer], path: str, headers: dict[str, str], status: str, message: str
) -> None:
    answer = ask(path, framed(b""), **headers)
    assert (answer.reply.status, answer.reply.body, answer.reply.stream) == (200, b"", None)
    found = dict(answer.reply.headers)
    assert (found["content-type"], found["grpc-status"], found["grpc-message"]) == ("application/grpc", status, message)


def test_a_refused_call_changes_nothing_and_an_unknown_one_is_a_gap(ask: Callable[..., Answer]) -> None:
    assert ask("/shop.Orders/Place", framed(b"")).effects == ()
    assert ask("/shop.Orders/Cancel").fidelity.value == "gap"


def test_a_stream_ends_in_its_refusal(ask: Callable[..., Answer], store: Store) -> None:
    whole(ask("/shop.Orders/Place", framed(PEN)))
    body, trailers = whole(ask("/shop.Orders/Watch", framed(b"\x12\x04gold")), store)
    assert body[5:].endswith(PEN)
    assert trailers == {"grpc-status": "5", "grpc-message": "no more gold"}


def test_a_stream_is_over_when_the_client_has_given_up(ask: Callable[..., Answer]) -> None:
    stream = ask("/shop.Orders/Watch", framed(b"\x12\x05never"), grpc_timeout="2S").reply.stream
    next(stream)
    assert stream.send([]) == Part(b"", 2.0)
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert dict(end.value.value)["grpc-status"] == "4"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1H", 3600.0), ("2M", 120.0), ("3S", 3.0), ("40m", 0.04), ("5u", 5e-6), ("6n", 6e-9), ("7", None), ("", None)],
)
def test_deadlines(text: str, seconds: float | None) -> None:
    assert deadline(asked("/", b"", grpc_timeout=text)) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("media", "version", "grpc"),
    [
        ("application/grpc", "2.0", True),
        ("application/grpc+proto", "2.0", True),
        ("application/grpc-web+proto", "2.0", False),
        ("application/grpc", "1.1", False),
        ("application/json", "2.0", False),
    ],
)
def test_what_is_grpc(media: str, version: str, grpc: bool) -> None:  # noqa: FBT001 - a column of the table
    call = Call(Protocol.HTTP, "a", 1, headers=(("content-type", media),), http_version=version)
    assert is_grpc(call) is grpc


def test_statuses_and_messages_travel_as_the_protocol_says() -> None:
    assert [grpc_code(status) for status in (400, 401, 403, 404, 429, 500, 503, 418, 599)] == [
        3,
        16,
        7,
        5,
        8,
        13,
        14,
        9,
        13,
    ]
    assert grpc_trailers(7, "é\n100 %") == (("grpc-status", "7"), ("grpc-message", "%C3%A9%0A100 %25"))


def test_without_descriptors_messages_are_bytes() -> None:
    codec = PlainCodec()
    assert (codec.decode(b"\x01"), codec.encode(b"\x02"), codec.encode({})) == (b"\x01", b"\x02", b"")
    with pytest.raises(TypeError, match="a message is bytes, not dict"):
        codec.encode({"a": 1})


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (lambda folder: (folder / "shop.binpb").write_bytes(b"nonsense"), "it can't be read"),
        (lambda folder: (folder / "shop.binpb").unlink(), "it can't be read"),
        (
            lambda folder: (folder / "more.py").write_text(
                "from childproof.stubkit import rpc\n\n\n@rpc('/shop.Orders/Plaice')\ndef place(ctx, message): ...\n"
            ),
            '@rpc("/shop.Orders/Place")',
        ),
    ],
)
def test_descriptors_that_do_not_fit_are_refused_at_load(
    tmp_path: Path, edit: Callable[[Path], object], found: str
) -> None:
    folder = tmp_path / "live"
    shutil.copytree(LIVE, folder)
    edit(folder)
    with pytest.raises(InputError) as raised:
        load_stub(folder)
    assert found in str(raised.value)
