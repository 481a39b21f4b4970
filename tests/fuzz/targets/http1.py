"""The HTTP/1 layer that answers (`capture/mitm/answer.py`), fed with any bytes in any pieces.

Nothing escapes; every command is for the client; each call that was judged has one reply and each reply a call; what
goes out is HTTP; and the same bytes in one piece and in many are the same calls with the same statuses.

The first byte says how the rest is cut.
"""

import re
from typing import Any

from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Destination, Ingress
from childproof.capture.mitm.answer import AnswerLayer
from childproof.capture.mitm.calls import Site
from childproof.capture.mitm.wire import Patience, ResetConnection
from childproof.model import Call
from tests.fuzz.fakes import Judge, pieces

_SITE = Site(Ingress("main", "box"), Destination("api.example", 443), tls=True, sni="api.example")
_OPTIONS = Options()
_ADDRESS = ("127.0.0.1", 40000)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) [A-Za-z' -]+\r\n((?:[^\x00\r\n:]+: [^\x00\r\n]*\r\n)*)\r\n")
_REFUSALS = (501, 505)
_LENGTH = re.compile(rb"content-length: (\d+)\r\n")


class Conversation:
    """One connection: what was asked of the judge, what was sent, how it ended."""

    def __init__(self) -> None:
        self.judge = Judge()
        self.sent = bytearray()
        self.over = False
        self.reset = False
        self.time = 0.0
        client = Client(peername=_ADDRESS, sockname=_ADDRESS, state=ConnectionState.OPEN)
        self.context = Context(client, _OPTIONS)
        self.layer = AnswerLayer(self.context, _SITE, self.judge, Patience(lambda: self.time))
        self._later: list[commands.RequestWakeup] = []
        self.feed(events.Start())

    def feed(self, event: events.Event) -> None:
        """One event; its commands are carried out as the connection handler would."""
        for command in self.layer.handle_event(event):
            assert not self.over, f"{command} after the end"
            if isinstance(command, commands.SendData):
                assert command.connection is self.context.client
                self.sent += command.data
            elif isinstance(command, commands.RequestWakeup):
                self._later.append(command)
            elif isinstance(command, ResetConnection):
                self.over = self.reset = True
            elif isinstance(command, commands.CloseTcpConnection) and command.half_close:
                assert command.connection is self.context.client
            elif isinstance(command, commands.CloseConnection):
                assert command.connection is self.context.client
                self.over = True
            else:
                raise AssertionError(f"a command that is not for the client: {command}")

    def wake(self) -> None:
        """Let all the time pass that was asked for."""
        while self._later and not self.over:
            self.feed(events.Wakeup(self._later.pop(0)))

    def statuses(self) -> list[int]:
        """What was sent, which must be whole HTTP replies and nothing else."""
        rest = bytes(self.sent).replace(_CONTINUE, b"")
        found = []
        while rest:
            head = _HEAD.match(rest)
            assert head is not None, rest[:200]
            status, length = int(head[1]), _LENGTH.search(head[2])
            assert (length is None) == (status in (204, 304)), head[0]
            number = len(found)
            empty = number < len(self.judge.calls) and self.judge.calls[number].method == "HEAD"
            rest = rest[head.end() + (int(length[1]) if length and not empty else 0) :]
            found.append(status)
        return found


def talk(data: bytes, seed: int, *, patient: bool) -> Conversation:
    """Feed `data` in pieces; `patient` lets time pass only when all of it has come."""
    conversation = Conversation()
    for piece in pieces(data, seed):
        if conversation.over:
            break
        conversation.feed(events.DataReceived(conversation.context.client, piece))
        if not patient:
            conversation.wake()
    conversation.wake()
    if not conversation.over:
        conversation.feed(events.ConnectionClosed(conversation.context.client))
    assert conversation.over
    return conversation


def _gist(call: Call) -> tuple[Any, ...]:
    if call.violation is not None:
        return ("refused",)  # what is wrong in two ways is refused for what is seen first
    return call.method, call.host, call.path, call.query, call.headers, call.body


def _kind(status: int) -> int:
    return 400 if 400 <= status < 500 or status in _REFUSALS else status


def check(data: bytes) -> None:
    """Whole and cut."""
    if not data:
        return
    whole, cut = talk(data[1:], 0, patient=False), talk(data[1:], data[0] or 1, patient=bool(data[0] & 1))
    for conversation in (whole, cut):
        calls, statuses = conversation.judge.calls, conversation.statuses()
        # a reply whose header can't be sent is replaced, and that is an entry of its own
        replaced = sum(call.violation is not None and "header 'x'" in call.violation.reason for call in calls)
        silent = sum(call.violation is None and call.path in ("/reset", "/timeout") for call in calls)
        assert len(statuses) == len(calls) - replaced - silent, (statuses, calls)
        for call in calls:
            assert len(call.body) <= conversation.judge.max_body
            assert call.host == "api.example"
    assert list(map(_gist, whole.judge.calls)) == list(map(_gist, cut.judge.calls))
    assert list(map(_kind, whole.statuses())) == list(map(_kind, cut.statuses()))
    assert whole.reset == cut.reset
