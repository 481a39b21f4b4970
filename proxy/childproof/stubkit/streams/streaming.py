"""Replies that go on: server-sent events, lines of JSON and raw chunks, from an operation's list or generator.

The operation's own code runs in the call's transaction, before the first byte. Its generator runs afterwards, one item
at a time, as fast as the client reads: it has no world any more, but `ctx.step` gives it a transaction for one function.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import msgspec

from childproof.model import Call, Part, Step, Stream
from childproof.stubkit.entity import Response, public

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context
    from childproof.world.transaction import Transaction

SSE, NDJSON, BYTES = "text/event-stream", "application/x-ndjson", "application/octet-stream"
Items = Iterable[Any]


class Event(msgspec.Struct, frozen=True):
    """One server-sent event (WHATWG HTML, section 9.2). `data` is text, or any value as JSON; `retry` is milliseconds."""

    data: Any = ""
    event: str = ""
    id: str = ""
    retry: int | None = None


class Comment(msgspec.Struct, frozen=True):
    """A line that clients ignore: a heartbeat."""

    text: str = ""


class Pause(msgspec.Struct, frozen=True):
    """Wait before what comes next; seconds of real time."""

    seconds: float


class Streamed(msgspec.Struct, frozen=True):
    """The body of a reply that goes on."""

    stream: Stream


class Streaming:
    """The part of the context that makes such replies."""

    call: Call
    _tx: "Transaction"

    @cached_property
    def session(self) -> dict[str, Any]:
        """What a WebSocket's function remembers from one message to the next, as long as the connection lasts."""
        return {}

    @cached_property
    def messages(self) -> list[Any]:
        """All messages of a gRPC call's request."""
        return []

    @property
    def last_event_id(self) -> str:
        """Where a client that lost its event stream wants to go on: its `Last-Event-ID` header, or ""."""
        return self.call.header("last-event-id") or ""

    def events(self, items: Items, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Reply with server-sent events: each item an `Event`, a `Comment`, a `Pause`, a `step`, or an event's data."""
        return self._going_on(items, event_bytes, SSE, status, {"Cache-Control": "no-cache", **(headers or {})})

    def lines(self, items: Items, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Reply with one JSON value a line (application/x-ndjson); `Pause` and `step` as in `events`."""
        return self._going_on(items, line_bytes, NDJSON, status, headers or {})

    def chunks(self, items: Items, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Reply with text or bytes as they come; `Pause` and `step` as in `events`. Say the `Content-Type` yourself."""
        return self._going_on(items, chunk_bytes, BYTES, status, headers or {})

    def step(self, function: Callable[..., Any], *args: Any) -> Step:
        """For the generator of a reply that goes on: `value = yield ctx.step(function, …)`.

        Calls `function(ctx, …)` with a context of its own in a transaction of its own. If that changes anything it has
        a ledger entry of its own too. What it raises is raised at the yield, and nothing of it is stored.
        """

        def work(tx: "Transaction") -> tuple[Any, tuple[Any, ...]]:
            ctx = self._again(tx)
            with tx.savepoint():
                value = function(ctx, *args)
            return value, tuple(ctx.effects)

        return Step(work, getattr(function, "__name__", "step"))

    def _again(self, tx: "Transaction") -> "Context":
        raise NotImplementedError

    def _going_on(
        self, items: Items, encode: Callable[[Any], bytes], media: str, status: int, headers: Mapping[str, str]
    ) -> Response:
        named = {name.lower() for name in headers}
        given = {**({} if "content-type" in named else {"Content-Type": media}), **headers}
        return Response(status, Streamed(self._parts(items, encode)), given)

    def _parts(self, items: Items, encode: Callable[[Any], bytes]) -> Stream:
        self._tx = cast("Transaction", Ended(self._tx))
        return (yield from encoded(items, encode))


class Ended:
    """A transaction that is over, as far as a stream may still look at it: the moment, and randomness."""

    def __init__(self, tx: "Transaction") -> None:
        self.now, self.random, self.token = tx.now, tx.random, tx.token
        self.world, self.seq, self.seed = tx.world, tx.seq, tx.seed

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(
            f"the call's transaction is over, so its world has no {name} any more: do it before the stream begins, "
            "or in `yield ctx.step(function, …)`"
        )


def encoded(items: Items, encode: Callable[[Any], bytes]) -> Stream:
    """Items as parts, a pause as one without data. What a generator of items returns becomes the trailers."""
    source = iter(items)
    value: Any = None
    error: Exception | None = None
    try:
        while True:
            try:
                item = _following(source, value, error)
            except StopIteration as end:
                return end.value if isinstance(end.value, tuple) else None
            value = error = None
            if isinstance(item, Step):
                try:
                    value = yield item
                except Exception as failure:  # noqa: BLE001 - raised where the step was asked for
                    error = failure
            elif isinstance(item, Pause):
                yield Part(b"", item.seconds)
            else:
                yield Part(encode(item))
    finally:
        if isinstance(source, Generator):
            source.close()


def _following(source: Any, value: Any, error: Exception | None) -> Any:
    if not isinstance(source, Generator):
        if error is not None:
            raise error
        return next(source)
    return source.throw(error) if error is not None else source.send(value)


def drained(
    stream: Stream, run: Callable[[Step], Any], most: int = 10_000
) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """All of a stream at once, without its pauses: the body and the trailers. For cases and tests.

    Raises ValueError where there is no end after `most` items.
    """
    body = b""
    value: Any = None
    error: Exception | None = None
    try:
        for _ in range(most):
            item = stream.throw(error) if error is not None else stream.send(value)
            value = error = None
            if isinstance(item, Part):
                body += item.data
                continue
            try:
                value = run(item)
            except Exception as failure:  # noqa: BLE001 - raised where the step was asked for
                error = failure
    except StopIteration as end:
        return body, end.value or ()
    stream.close()
    raise ValueError(f"the reply goes on after {most} parts")


def event_bytes(item: Any) -> bytes:
    """An event as it stands on the wire. Raises ValueError for a name or id that would break the stream apart."""
    if isinstance(item, Comment):
        return "".join(f":{_space(line)}\n" for line in item.text.splitlines() or [""]).encode() + b"\n"
    event = item if isinstance(item, Event) else Event(item)
    lines = []
    for name, text in (("event", event.event), ("id", event.id)):
        if any(mark in text for mark in "\r\n\0"):
            raise ValueError(f"an event's {name} can't have line breaks or NUL: {text!r}")
        if text:
            lines.append(f"{name}: {text}")
    if event.retry is not None:
        lines.append(f"retry: {event.retry}")
    data = event.data if isinstance(event.data, str) else _json(event.data).decode()
    # every way to break a line, and only those: `splitlines` knows more
    lines += [f"data: {line}" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    return ("\n".join(lines) + "\n\n").encode()


def line_bytes(item: Any) -> bytes:
    """A value as a line of JSON."""
    return _json(item) + b"\n"


def chunk_bytes(item: Any) -> bytes:
    """Text or bytes as they are."""
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes):
        return item
    raise TypeError(f"a chunk is text or bytes, not {type(item).__name__}")


def _json(value: Any) -> bytes:
    return msgspec.json.encode(public(value) if isinstance(value, dict) else value)


def _space(text: str) -> str:
    return f" {text}" if text else ""
