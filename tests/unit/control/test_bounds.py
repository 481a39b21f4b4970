"""What the API takes of a client: so much, for so long; and what it leaves be when it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from childproof.control import events, reading
from childproof.control.problems import Problem
from childproof.model import replace

from .conftest import TOKEN, Api


class Follower:
    """A client that reads an answer as it comes."""

    def __init__(self, api: Api, path: str) -> None:
        headers = [(b"host", b"localhost"), (b"authorization", f"Bearer {TOKEN}".encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
        }
        self.said: asyncio.Queue[Any] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.asking = asyncio.create_task(api.app(scope, self._receive, self.said.put))
        self._asked = False

    async def _receive(self) -> dict[str, Any]:
        if self._asked:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def next(self) -> Any:
        """The next message: the head, or a piece."""
        async with asyncio.timeout(10):
            return await self.said.get()


@asynccontextmanager
async def following(api: Api, count: int) -> AsyncIterator[list[Follower]]:
    """So many streams of `main`, asked for at once."""
    followers = [Follower(api, "/v1/worlds/main/events") for _ in range(count)]
    try:
        yield followers
    finally:
        for one in followers:
            one.gone.set()
        await asyncio.gather(*(one.asking for one in followers))


def test_streams_are_counted_for_as_long_as_they_go_on(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than there may be is refused, also of those that come together; one that has ended makes room."""
    monkeypatch.setattr(events, "MOST", 2)

    async def opened() -> list[int]:
        async with following(api, 3) as followers:
            return sorted([(await one.next())["status"] for one in followers])

    assert [api.runner.run(opened()) for _ in range(2)] == [[200, 200, 429]] * 2
    assert api.ask("HEAD", "/worlds/main/events").status == 200  # which ends, and takes no place
    assert api.runner.run(opened()) == [200, 200, 429]


def test_a_stream_says_that_it_lives(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A comment, where nothing happens for long."""
    monkeypatch.setattr(events, "HEARTBEAT", 0.0)

    async def said() -> list[Any]:
        async with following(api, 1) as [follower]:
            return [(await follower.next()).get("body") for _ in range(3)]

    assert api.runner.run(said())[2] == b": \n\n"


def test_a_body_that_takes_too_long(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not waited for, and neither is the rest of the connection."""
    monkeypatch.setattr(reading, "BODY_SECONDS", 0.01)
    parts: list[Any] = []

    async def asked() -> None:
        sent = {"host": "localhost", "authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
        headers = [(name.encode(), value.encode()) for name, value in sent.items()]
        path = "/v1/worlds"
        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
        }
        bodies = [{"type": "http.request", "body": b'{"name', "more_body": True}]

        async def receive() -> Any:
            return bodies.pop() if bodies else await asyncio.get_running_loop().create_future()

        async def send(message: Any) -> None:
            parts.append(message)

        await api.app(scope, receive, send)

    api.runner.run(asked())
    assert parts[0]["status"] == 408
    assert (b"connection", b"close") in parts[0]["headers"]


def test_a_large_body_that_does_not_fit_is_read_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Value by value it would take seconds, in which no call is answered."""
    read: list[object] = []
    whole = reading._whole
    monkeypatch.setattr(reading, "_whole", lambda value: (read.append(value), whole(value))[1])
    assert api.ask("POST", "/worlds", {"name": [1] * 100_000}).status == 422
    assert read == []
    assert api.ask("POST", "/worlds", {"name": "whole", "seed": 1.0}).status == 201
    assert read


@pytest.mark.parametrize(
    "metadata",
    [{"sandbox-until": "2000-01-01T00:00:00Z"}, {"": "x"}, {"a" * 101: "x"}, {"a": "x" * 1001}, {str(n): "" for n in range(101)}],
    ids=["ours", "none", "long", "large", "many"],
)  # fmt: skip
def test_metadata_has_bounds_and_leaves_ours_alone(api: Api, metadata: dict[str, str]) -> None:
    """A world that said when its sandbox ends would be deleted at the next start."""
    before = api.state()
    for path in ("/worlds", "/worlds/main/fork"):
        found = api.ask("POST", path, {"name": "labelled", "metadata": metadata})
        assert found.status == 422
        assert found.json["errors"][0]["pointer"].startswith("/metadata")
        assert found.json["title"] == "Unprocessable Content"  # RFC 9110, whatever Python calls it
    assert api.state() == before


def test_no_clock_goes_beyond_the_year_9999(api: Api) -> None:
    """RFC 3339 ends there: such an advance is refused, and the clock stays."""
    world = api.made("late", clock="frozen@9999-12-31T00:00:00Z")
    before = api.get(f"/worlds/{world}/clock")
    assert api.ask("PATCH", f"/worlds/{world}/clock", {"advance": "30d"}).status == 409
    assert api.get(f"/worlds/{world}/clock") == before
    assert api.get(f"/worlds/{world}/calls") == {"calls": [], "next": None}


def test_the_end_waits_for_no_thread(api: Api) -> None:
    """Whoever asked for what takes long is told so, at once, and nobody else's begins."""
    free, done = threading.Event(), threading.Event()

    def long() -> None:
        free.wait(10)
        done.set()

    async def ended() -> list[str]:
        desk = replace(api.desk, closing=asyncio.Event())
        kinds = []
        first = asyncio.create_task(desk.aside(long))
        await asyncio.sleep(0)  # it has begun
        desk.closing.set()
        for one in (first, desk.aside(long)):
            try:
                await one
            except Problem as problem:
                kinds.append(f"{problem.status} {problem.kind}")
        return kinds

    assert api.runner.run(ended()) == ["503 stopping"] * 2
    assert not done.is_set()
    free.set()
