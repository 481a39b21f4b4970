"""docs/streams.md is true: its stub loads, its case passes, and its conversations go as the page says."""

import json
from pathlib import Path
from typing import Any

import pytest

from childproof.model import Call, Frame, Protocol
from childproof.stubkit.folder import loading
from childproof.stubkit.streams.streaming import drained
from childproof.world import Store
from tests.docs.test_stubs import BLOCK, run

PAGE = Path(__file__).parents[2] / "docs" / "streams.md"


@pytest.fixture
def radio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for _, file, text in BLOCK.findall(PAGE.read_text()):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text)
    return tmp_path / "stubs" / "radio"


def test_the_pages_commands_say_what_it_shows(radio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [(first, *expected)] = [text.splitlines() for kind, _, text in BLOCK.findall(PAGE.read_text()) if kind == "console"]
    shown = run(first.removeprefix("$ "), capsys)
    assert [line for line in expected if " ".join(line.split()) not in shown] == []


def test_the_pages_conversations_go_as_it_says(radio: Path) -> None:
    stub = loading.load_stub(radio)
    with Store.open(":memory:", wall=lambda: 0) as store:
        world = store.create("main")

        def answer(**parts: Any) -> Any:
            with world.transaction() as tx:
                return stub.answer(Call(Protocol.HTTP, "api.radio.example", 443, **parts), tx).reply

        def within(work: Any) -> Any:
            with world.transaction() as tx:
                return work(tx)[0]

        def grpc(path: str) -> tuple[bytes, dict[str, str]]:
            reply = answer(
                method="POST", path=path, http_version="2.0", headers=(("content-type", "application/grpc"),)
            )
            if reply.stream is None:
                return b"", dict(reply.headers)
            body, trailers = drained(reply.stream, lambda step: within(step.work))
            return body, dict(trailers)

        assert grpc("/radio.Charts/Top")[1]["grpc-message"] == "Nothing was played yet."
        assert answer(method="GET", path="/studios/two/wishes", upgrade="websocket").status == 404
        talk = answer(method="GET", path="/studios/one/wishes", upgrade="websocket").stream
        assert talk.greeting == (Frame("text", b"hello"),)
        first, later = within(talk.hear(Frame("text", b'{"title": "Blue"}')).work)
        assert json.loads(first.data)["wishes"] == 1
        assert (later.delay, json.loads(later.data)) == (1, {"playing": "Blue"})
        assert within(talk.hear(Frame("text", b"bye")).work) == (Frame("close", b"good night"),)
        listening = answer(method="GET", path="/songs/live", upgrade="websocket").stream
        assert within(listening.look().work) == (Frame("text", b'{"new":"Blue"}'),)
        assert within(listening.look().work) == ()
        assert grpc("/radio.Charts/Top") == (b"\0\0\0\0\4Blue", {"grpc-status": "0"})
        assert grpc("/radio.Charts/All") == (b"\0\0\0\0\4Blue", {"grpc-status": "0"})
