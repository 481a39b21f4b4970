"""WebSockets that a stub answers: one function is called as a client connects, for each message, and as it leaves.

Each of these is a call of its own in the world: a transaction and a ledger entry, also for what the function says later.
A function that follows the world is also called when other calls have changed it; that is a call only if it acts on it.
"""

import copy
from collections.abc import Generator, Iterable, Mapping
from typing import Any

import msgspec

from childproof.model import Call, Effect, Frame, Reply, Step, Talk
from childproof.stubkit.context.context import Context
from childproof.stubkit.entity import public
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Behaviour, Service
from childproof.world.transaction import Transaction

from .streaming import Pause

MOST = 1000  # messages that one message may be answered with
POLICY = 1008  # RFC 6455, section 7.4.1


class Message(msgspec.Struct, frozen=True):
    """A text or binary message that a client sent."""

    data: str | bytes

    def json(self) -> Any:
        """The message as JSON. Raises the service's own refusal of a body that can't be read."""
        try:
            return msgspec.json.decode(self.data)
        except msgspec.DecodeError as error:
            raise Refusal.of("invalid_body", reason=str(error)) from None


class Close(msgspec.Struct, frozen=True):
    """The end of a WebSocket (RFC 6455, section 7.4): said by the stub, or told of the client (1006: it just left)."""

    code: int = 1000
    reason: str = ""


class Ping(msgspec.Struct, frozen=True):
    """A ping; the answer to it isn't told. Pings of clients are answered without the stub."""

    payload: bytes = b""


class News(msgspec.Struct, frozen=True):
    """Something has happened in the world since the function looked last: another call, or work that was put off."""


class Accept(msgspec.Struct, frozen=True):
    """What a connecting client is answered with, where messages won't do: headers, a subprotocol if it is offered.

    With `follows` the function is called with `News` as well, for what it has to say unasked.
    """

    messages: Iterable[Any] = ()
    subprotocol: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    follows: bool = False


def find(service: Service, call: Call) -> tuple[str, dict[str, str]] | None:
    """The path template of a WebSocket and its parameters; None where the stub has none."""
    return service.socket_paths.match(call.path) if service.behaviours.sockets else None


def opened(ctx: Context, service: Service, template: str, headers: tuple[tuple[str, str], ...]) -> Reply:
    """Accept a WebSocket. Raises the function's Refusal, which is then worded in HTTP."""
    behaviour = service.behaviours.sockets[template]
    made = behaviour(ctx, None, **ctx.path)
    accepted = made if isinstance(made, Accept) else Accept(made or ())
    given = [*headers, *accepted.headers.items()]
    offered = {text.strip() for text in (ctx.header("sec-websocket-protocol") or "").split(",")}
    if accepted.subprotocol and accepted.subprotocol in offered:
        given.append(("Sec-WebSocket-Protocol", accepted.subprotocol))
    talk = _Conversation(ctx, service, template, behaviour)
    look = talk.look if accepted.follows else None
    return Reply(101, tuple(given), stream=Talk(frames(accepted.messages), talk.hear, look))


class _Conversation:
    """One connection, as long as it lasts."""

    def __init__(self, ctx: Context, service: Service, template: str, behaviour: Behaviour) -> None:
        self._first, self._service, self._name, self._behaviour = ctx, service, f"WEBSOCKET {template}", behaviour
        self._session = ctx.session

    def hear(self, frame: Frame) -> Step:
        """What the function makes of a message."""
        return Step(lambda tx: self._told(_message(frame), tx), self._name)

    def look(self) -> Step:
        """What the function has to say of what happened meanwhile."""
        return Step(lambda tx: self._told(News(), tx), self._name)

    def _told(self, message: Message | Close | News, tx: Transaction) -> tuple[tuple[Frame, ...], tuple[Effect, ...]]:
        ctx = self._first._again(tx)  # noqa: SLF001 - one unit with the context
        session = copy.deepcopy(self._session)
        ctx.session = session
        try:
            with tx.savepoint():
                said = frames(self._behaviour(ctx, message, **ctx.path))
        except Refusal as refusal:
            # what a service says of a request that it refuses, it says as a message here
            now = tx.now() // 1000
            context = {"method": "", "path": ctx.call.path, "host": ctx.call.host, "url": "", "now": now}
            return (Frame("text", self._service.errors.render(refusal, context)[2]),), ()
        self._session = session
        return said, tuple(ctx.effects)


def _message(frame: Frame) -> Message | Close:
    if frame.kind == "close":
        return Close(frame.code, frame.data.decode(errors="replace"))
    return Message(frame.data.decode() if frame.kind == "text" else frame.data)


def frames(items: Any) -> tuple[Frame, ...]:
    """What a function gave, as frames: None, one item or many; texts, bytes, values as JSON, and pauses between them."""
    if items is None:
        return ()
    many = isinstance(items, Generator | list | tuple) or (
        isinstance(items, Iterable) and not isinstance(items, str | bytes | Mapping)
    )
    out: list[Frame] = []
    wait = 0.0
    for item in items if many else (items,):
        if isinstance(item, Pause):
            wait += item.seconds
            continue
        out.append(_frame(item, wait))
        wait = 0.0
        if len(out) > MOST:
            raise ValueError(f"more than {MOST} messages in answer to one")
    return tuple(out)


def _frame(item: Any, delay: float) -> Frame:
    match item:
        case Frame():
            return item
        case str():
            return Frame("text", item.encode(), delay=delay)
        case bytes():
            return Frame("bytes", item, delay=delay)
        case Message():
            return _frame(item.data, delay)
        case Close():
            return Frame("close", item.reason.encode()[:123], item.code, delay)
        case Ping():
            return Frame("ping", item.payload[:125], delay=delay)
        case Mapping():
            return Frame("text", msgspec.json.encode(public(item)), delay=delay)
        case _:
            return Frame("text", msgspec.json.encode(item), delay=delay)
