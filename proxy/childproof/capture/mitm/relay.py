"""A WebSocket between a client and a server that a rule allows: read message by message, bounded, and recorded.

No extension passes the handshake, so messages are what they look like. Each is read whole before it goes on: what is no
WebSocket, or too large, ends the connection and goes nowhere.
"""

import base64
from collections.abc import Generator
from typing import Any

import msgspec
from mitmproxy import http
from mitmproxy.connection import Connection as Peer
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from wsproto import ConnectionType
from wsproto.connection import Connection, ConnectionState
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, Pong, TextMessage

from childproof.model import Reply

from .gate import Gate, Permission
from .pump import KEPT

_TOO_BIG, _MALFORMED, _POLICY = 1009, 1002, 1008  # RFC 6455, section 7.4.1
_SILENT = frozenset({1005, 1006, 1015})  # codes that are never sent

Commands = Generator[commands.Command, Any, None]


class _Side:
    """One of the two: what it sends is read, what the other sends is written to it."""

    def __init__(self, peer: Peer, name: str, kind: ConnectionType) -> None:
        self.peer, self.name = peer, name
        self.ws = Connection(kind)
        self.message = bytearray()


class RelayLayer(layer.Layer):
    """Passes messages on under one permission, which is settled at the end with what was said."""

    def __init__(
        self, context: Context, gate: Gate, permission: Permission, response: http.Response, max_message: int
    ) -> None:
        super().__init__(context)
        self._gate, self._permission = gate, permission
        self._headers = tuple((n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.fields)
        self._max = max_message
        self._client = _Side(context.client, "client", ConnectionType.SERVER)
        self._server = _Side(context.server, "server", ConnectionType.CLIENT)
        self._kept = bytearray()
        self._size = 0
        self._received = 0
        self._over = False

    def handle_event(self, event: events.Event) -> Commands:
        """One event in, commands out."""
        yield from self._handle_event(event)

    def _handle_event(self, event: events.Event) -> Commands:
        if self._over or not isinstance(event, events.ConnectionEvent):
            return
        source, other = self._client, self._server
        if event.connection is not source.peer:
            source, other = other, source
        if isinstance(event, events.DataReceived):
            source.ws.receive_data(event.data)
            for found in source.ws.events():
                yield from self._pass(found, source, other)
        elif isinstance(event, events.ConnectionClosed):
            yield from self._end(f"the {source.name} left without a close")

    def _pass(self, event: Event, source: _Side, other: _Side) -> Commands:
        if self._over:
            return
        match event:
            case Message():
                source.message += event.data.encode() if isinstance(event, TextMessage) else event.data
                if len(source.message) > self._max:
                    yield from self._refuse(
                        _TOO_BIG, f"the {source.name} sent a message of more than {self._max} bytes"
                    )
                elif event.message_finished:
                    data = bytes(source.message)
                    source.message.clear()
                    yield from self._message(data, source, other, text=isinstance(event, TextMessage))
            case Ping() | Pong():
                problem = self._screened(bytes(event.payload), source)
                yield from (self._refuse(_POLICY, problem) if problem else self._send(other, event))
            case CloseConnection(code=code, reason=reason):
                yield from self._closed(int(code), reason or "", source, other)
            case _:
                pass

    def _message(self, data: bytes, source: _Side, other: _Side, *, text: bool) -> Commands:
        problem = self._screened(data, source)
        if problem:
            yield from self._refuse(_POLICY, problem)  # it goes nowhere, not even into the record
            return
        if source is self._server:
            self._received += len(data)
            most = self._permission.forward.reply
            if most is not None and self._received > most:
                yield from self._refuse(_POLICY, f"the server sent more than {most} bytes")
                return
        content = {"text": data.decode()} if text else {"base64": base64.b64encode(data).decode()}
        line = msgspec.json.encode({"from": source.name, **content}) + b"\n"
        self._size += len(line)
        self._kept += line[: max(0, KEPT - len(self._kept))]
        yield from self._send(other, TextMessage(data.decode()) if text else BytesMessage(data))

    def _screened(self, data: bytes, source: _Side) -> str:
        """What keeps this from going out; "" where nothing does. Pings and closes carry data too."""
        screen = self._permission.forward.screen
        return screen(data) if screen is not None and source is self._client else ""

    def _closed(self, code: int, reason: str, source: _Side, other: _Side) -> Commands:
        if source.ws.state is ConnectionState.OPEN:
            # not a close that the peer sent: wsproto's word for frames that are none
            yield from self._refuse(_MALFORMED, f"the {source.name} broke the protocol: {reason}")
            return
        problem = self._screened(reason.encode(), source)
        if problem:
            yield from self._refuse(_POLICY, problem)
            return
        yield from self._send(other, CloseConnection(1000 if code in _SILENT else code, reason))
        if other.ws.state is ConnectionState.CLOSED or source.ws.state is ConnectionState.CLOSED:
            yield from self._end("")

    def _send(self, side: _Side, event: Event) -> Commands:
        answering = side.ws.state is ConnectionState.REMOTE_CLOSING and isinstance(event, CloseConnection)
        if side.ws.state is ConnectionState.OPEN or answering:
            yield commands.SendData(side.peer, side.ws.send(event))

    def _refuse(self, code: int, reason: str) -> Commands:
        for side in (self._client, self._server):
            yield from self._send(side, CloseConnection(code, "refused"))
        yield from self._end(reason)

    def _end(self, error: str) -> Commands:
        if self._over:
            return
        self._over = True
        self._gate.settle(self._permission, Reply(101, self._headers, bytes(self._kept), size=self._size), error)
        for side in (self._client, self._server):
            yield commands.CloseConnection(side.peer)
