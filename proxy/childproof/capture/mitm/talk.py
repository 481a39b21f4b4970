"""A WebSocket that is answered here (RFC 6455): frames in, frames out, no upstream. Framing is wsproto's.

No extension is accepted, so nothing is ever unpacked: a message is as large as what was sent for it. Messages of the
stub wait for their time and for the client to read; the client's are answered meanwhile.
"""

from collections import deque
from collections.abc import Generator
from typing import Any

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage

from childproof.capture.destination import Judge
from childproof.model import NO_UPSTREAM, Frame, Outcome, Reply, Talk

from .calls import head_of
from .pump import BURST_BYTES
from .replies import FIELD_NAME, FIELD_VALUE
from .wire import Bucket, Patience, RequestRoom, Stopping

PING_SECONDS = 30.0  # of silence; a client that is as long silent after that is gone
LOOK_SECONDS = 0.05  # between two looks at what has happened in the world, for who follows it
CROWD = 20  # who follow at once without waiting longer: all together look so often in LOOK_SECONDS
CLOSE_SECONDS = 5.0  # for the client to answer a close
MOST_WAITING = 10_000  # messages that still have to be sent
MOST_FRAGMENTS = 4096  # of one message
CONTROL_FRAMES, CONTROL_FRAMES_PER_SECOND = 1000, 50

_GOING_AWAY, _GONE, _TOO_BIG, _POLICY, _FAILED = 1001, 1006, 1009, 1008, 1011  # RFC 6455, section 7.4.1
_SILENT = frozenset({1005, 1006, 1015})  # codes that are never sent

Commands = Generator[commands.Command, Any, None]


class TalkLayer(layer.Layer):
    """One conversation, from after its handshake to its end, which the judge is told once."""

    following = 0  # conversations of this process that follow their world

    def __init__(self, context: Context, judge: Judge, outcome: Outcome, reply: Reply, patience: Patience) -> None:
        super().__init__(context)
        assert isinstance(reply.stream, Talk)
        self._judge, self._outcome, self._reply = judge, outcome, reply
        self._talk: Talk[tuple[Frame, ...]] = reply.stream
        self._ws = Connection(ConnectionType.SERVER)
        self._message = bytearray()
        self._fragments = 0
        self._control = Bucket(CONTROL_FRAMES, CONTROL_FRAMES_PER_SECOND, patience.now)
        self._waiting: deque[Frame] = deque()
        self._room: RequestRoom | None = None
        self._due = False  # the first of those that wait has waited its time
        self._timer: commands.RequestWakeup | None = None
        self._looking: RequestRoom | None = None
        self._heard = True  # since the timer was set
        self._pinged = False
        self._over = False

    def begin(self) -> Commands:
        """Say what comes first. The handshake was sent."""
        yield from self._set_timer(PING_SECONDS)
        TalkLayer.following += self._talk.look is not None
        yield from self._say(self._talk.greeting)
        yield from self._look_later()

    def handle_event(self, event: events.Event) -> Commands:
        """One event in, commands out."""
        if self._over:
            return
        try:
            yield from self._stopping(event) if isinstance(event, Stopping) else self._handle_event(event)
        except Exception as error:  # noqa: BLE001 - closed by default: recorded and ended
            yield from self._end(f"the conversation failed: {head_of(error)}")

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            yield from self.begin()
        elif isinstance(event, events.DataReceived):
            self._heard = True
            self._ws.receive_data(event.data)
            for found in self._ws.events():
                yield from self._hear(found)
                if self._over:
                    return
        elif isinstance(event, events.Wakeup):
            if event.command is self._room:
                self._room, self._due = None, True
                yield from self._go_on()
            elif event.command is self._looking:
                yield from self._look()
            elif event.command is self._timer:
                yield from self._tick()
        elif isinstance(event, events.ConnectionClosed):
            self._talk.hear(Frame("close", code=_GONE))
            yield from self._end("the client left without a close")

    def _stopping(self, event: Stopping) -> Commands:
        event.taken = True
        yield from self._close(_GOING_AWAY, "the server stops")

    # hearing

    def _hear(self, event: Event) -> Commands:
        match event:
            case Message():
                yield from self._hear_message(event)
            case CloseConnection(code=code, reason=reason):
                if self._ws.state is not ConnectionState.CLOSED:
                    self._talk.hear(Frame("close", (reason or "").encode(), int(code)))
                    # wsproto also tells what it found wrong with the client's frames in this way
                    if self._ws.state is not ConnectionState.LOCAL_CLOSING:  # else goodbye was said
                        yield self._send(CloseConnection(1000 if code in _SILENT else code, reason))
                yield from self._end("" if self._ws.state is ConnectionState.CLOSED else f"malformed: {reason}")
            case Ping() | Pong():
                if not self._control.take():
                    yield from self._close(_POLICY, "too many control frames")
                elif isinstance(event, Ping) and self._ws.state is ConnectionState.OPEN:
                    yield self._send(event.response())
            case _:
                pass

    def _hear_message(self, event: Message[Any]) -> Commands:
        if self._ws.state is not ConnectionState.OPEN:
            return  # we have said goodbye
        self._message += event.data.encode() if isinstance(event, TextMessage) else event.data
        self._fragments += event.frame_finished
        if len(self._message) > self._judge.max_body:
            yield from self._close(_TOO_BIG, f"a message has at most {self._judge.max_body} bytes")
        elif self._fragments > MOST_FRAGMENTS:
            yield from self._close(_TOO_BIG, f"a message has at most {MOST_FRAGMENTS} fragments")
        elif event.message_finished:
            data = bytes(self._message)
            self._message.clear()
            self._fragments = 0
            yield from self._say(self._talk.hear(Frame("text" if isinstance(event, TextMessage) else "bytes", data)))

    # following the world

    def _look(self) -> Commands:
        """Say what is new, unless the client hasn't read what was said before."""
        assert self._talk.look is not None
        if self._ws.state is ConnectionState.OPEN:
            if not self._waiting:
                yield from self._say(self._talk.look())
            yield from self._look_later()

    def _look_later(self) -> Commands:
        if self._talk.look is not None and self._ws.state is ConnectionState.OPEN:
            self._looking = RequestRoom(LOOK_SECONDS * max(1.0, TalkLayer.following / CROWD))
            yield self._looking

    # saying

    def _say(self, frames: tuple[Frame, ...]) -> Commands:
        self._waiting.extend(frames)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.clear()
            yield from self._close(_POLICY, "too many messages are still to be sent")
            return
        yield from self._go_on()

    def _go_on(self) -> Commands:
        """Send what is due, a good deal at a time."""
        sent = 0
        while self._waiting and self._room is None and self._ws.state is ConnectionState.OPEN:
            frame = self._waiting[0]
            if (frame.delay > 0 and not self._due) or sent >= BURST_BYTES:
                self._room = RequestRoom(frame.delay if not self._due else 0.0)
                yield self._room
                return
            self._waiting.popleft()
            self._due = False
            sent += len(frame.data)
            match frame.kind:
                case "text":
                    yield self._send(TextMessage(frame.data.decode()))
                case "bytes":
                    yield self._send(BytesMessage(frame.data))
                case "ping":
                    yield self._send(Ping(frame.data))
                case _:
                    yield from self._close(frame.code, frame.data.decode(errors="replace"))

    def _send(self, event: Event) -> commands.SendData:
        return commands.SendData(self.context.client, self._ws.send(event))

    # ending

    def _close(self, code: int, reason: str) -> Commands:
        """Say goodbye, and wait a moment for the client's."""
        if self._ws.state is ConnectionState.OPEN:
            yield self._send(CloseConnection(code, reason))
            yield from self._set_timer(CLOSE_SECONDS)

    def _tick(self) -> Commands:
        if self._ws.state is not ConnectionState.OPEN:
            yield from self._end("the client did not answer the close")
        elif self._heard:
            yield from self._set_timer(PING_SECONDS)
        elif self._pinged:
            self._talk.hear(Frame("close", code=_GONE))
            yield from self._end("the client has fallen silent")
        else:
            yield self._send(Ping())
            yield from self._set_timer(PING_SECONDS)
            self._pinged = True

    def _set_timer(self, seconds: float) -> Commands:
        self._heard = self._pinged = False
        self._timer = commands.RequestWakeup(seconds)
        yield self._timer

    def _end(self, error: str) -> Commands:
        if self._over:
            return
        self._over = True
        TalkLayer.following -= self._talk.look is not None
        self._judge.settle(self._outcome, NO_UPSTREAM, Reply(101, self._reply.headers), error)
        yield commands.CloseConnection(self.context.client)


def handshake(accept: str, reply: Reply) -> bytes:
    """The response that accepts a WebSocket (RFC 6455, section 4.2.2), with the stub's own headers.

    `accept` is the value of Sec-WebSocket-Accept. Headers that the handshake sets itself are left out. Raises ValueError
    for a header that can't be sent.
    """
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    lines.append(b"Sec-WebSocket-Accept: " + accept.encode())
    for name, value in reply.headers:
        if name.lower() in _OWN:
            continue
        field = name.encode("latin-1"), value.encode("latin-1", "replace")
        if not FIELD_NAME.fullmatch(field[0]) or not FIELD_VALUE.fullmatch(field[1]):
            raise ValueError(f"the reply's header {name!r} has characters that a header can't have")
        lines.append(b"%s: %s" % field)
    return b"\r\n".join([*lines, b"", b""])


_OWN = frozenset(
    {"upgrade", "connection", "content-length", "transfer-encoding", "sec-websocket-accept", "sec-websocket-extensions"}
)
