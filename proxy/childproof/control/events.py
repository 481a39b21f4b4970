"""Entries as they are made, of a world or of all, as server-sent events (WHATWG HTML, 9.2).

An event's `id` is a place in the record: who sends it back as Last-Event-ID gets what came after it, nothing lost and nothing
twice. A stream holds one page at most: it is read from the record when the client has taken the one before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.responses import StreamingResponse

from childproof.errors import ChildproofError
from childproof.ledger import Filter, Mark, to_line

from .calls import filter_of, mark_of
from .desk import Desk
from .finding import invalid
from .messages_record import EventsQuery
from .operation import Asked, Operation
from .problems import Problem

LOOK = 0.05  # seconds between two looks, of one stream
HEARTBEAT = 15.0  # seconds after which a comment shows that the stream lives
MOST = 200  # streams at once
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Events:
    """The operation, over a desk."""

    desk: Desk
    streams: int = 0

    def operations(self) -> list[Operation]:
        """Their table."""
        return [
            Operation(
                "GET", "/v1/worlds/{world}/events", "followWorld",
                "A world's entries as they are made, as server-sent events, until the client goes or the world is deleted",
                self.follow, query=EventsQuery, media="text/event-stream",
                headers={"Last-Event-ID": "the id of an event: go on after it; now, where it is left out"},
                problems={404: "no such world, or no call of `trace`", 429: "too many streams"},
                about="Each event `entry` has an entry as JSON, and its `id` is a place in the record: with it as Last-Event-ID "
                "comes what came after, nothing lost and nothing twice. `deleted` is the end of the world.",
            ),
            Operation(
                "GET", "/v1/events", "followAll", "The entries of all worlds as they are made, as server-sent events",
                self.follow, query=EventsQuery, media="text/event-stream",
                headers={"Last-Event-ID": "the id of an event: go on after it; now, where it is left out"},
                problems={404: "no call of `trace`", 429: "too many streams"},
                about="As those of one world. Worlds that are made later are among them; the end of one is no event.",
            ),
        ]  # fmt: skip

    async def follow(self, asked: Asked) -> StreamingResponse:
        """GET …/events: `entry` events with a ledger entry each, and `deleted` at a world's end; without a world, of all."""
        world = self.desk.known(asked.path["world"]) if "world" in asked.path else None
        only = filter_of(self.desk, world, asked.query)
        given = asked.headers.get("last-event-id")
        mark = self.desk.ledger.mark() if given is None else mark_of(given)
        if mark is None:
            invalid("Last-Event-ID", repr(str(given)[:100]), "the id of an event of this stream", "0-0")
        if self.streams >= MOST:
            raise Problem(429, "too_many", f"there are {MOST} streams of events; end one of them")
        stream = self._events(world, only, mark, wait=asked.query.follow)
        return _Stream(self, stream, headers={"cache-control": "no-store"}, media_type="text/event-stream")

    async def _events(self, world: str | None, only: Filter, mark: Mark, *, wait: bool) -> AsyncIterator[bytes]:
        desk, loop = self.desk, asyncio.get_running_loop()
        tail = desk.ledger.tail(world=world, only=only, after=mark)
        yield f": events of {'all worlds' if world is None else world}\nid: {mark}\n\n".encode()
        spoken = loop.time()
        while not desk.closing.is_set():
            try:
                before = tail.mark
                found = tail.marked()
            except ChildproofError as error:
                desk.say(f"a stream of events ended: {error}")
                return
            if found:
                yield b"".join(_event(str(place), "entry", to_line(entry)) for place, entry in found)
                spoken = loop.time()
                continue
            if world is not None and not desk.there(world):
                yield _event(str(before), "deleted", _encode({"world": world}).decode())
                return
            if not wait and tail.mark == before:
                return
            if loop.time() - spoken >= HEARTBEAT:
                yield b": \n\n"
                spoken = loop.time()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await desk.closing.wait()


class _Stream(StreamingResponse):
    """An answer that is counted for as long as it goes on."""

    def __init__(self, events: Events, content: AsyncIterator[bytes], **options: Any) -> None:
        super().__init__(content, **options)
        self._events = events

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI."""
        self._events.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._events.streams -= 1


def _event(number: str, kind: str, data: str) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {data}\n\n".encode()
