"""An answer layer without a socket: bytes in, bytes out, wake-ups when the test says so, and a judge that remembers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Destination, Ingress
from childproof.capture.mitm.answer import AnswerLayer
from childproof.capture.mitm.calls import Site
from childproof.capture.mitm.wire import Patience, RequestRoom, ResetConnection, Stopping
from childproof.model import Action, Call, Outcome, Part, Reply, Upstream, Verdict

STUB = Verdict(Action.STUB, "r", "a rule says so", stub="s")


@dataclass
class Judging:
    """Answers with `reply(call)`; remembers calls and settlements."""

    reply: Callable[[Call], Reply]
    max_body: int = 100_000
    delay: float = 0.0
    calls: list[Call] = field(default_factory=list)
    settled: list[tuple[Reply | None, str]] = field(default_factory=list)

    def handle(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.violation is not None:
            return Outcome("call_v", Verdict(reason=call.violation.reason), Reply(call.violation.status or 403))
        return Outcome("call_1", STUB, self.reply(call), delay=self.delay)

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        self.settled.append((reply, error))

    def may_allow(self, world: str, host: str, port: int) -> bool:
        return False

    @property
    def violations(self) -> list[str]:
        return [call.violation.kind for call in self.calls if call.violation is not None]


class Wire:
    """One connection to a layer. `sent` is what the client would have read."""

    def __init__(self, judge: Judging, make: type[Any] = AnswerLayer) -> None:
        client = Client(
            peername=("192.0.2.1", 1), sockname=("198.18.0.1", 443), timestamp_start=0.0, state=ConnectionState.OPEN
        )
        self.now = 0.0
        self.judge = judge
        self.client = client
        self.patience = Patience(lambda: self.now)
        site = Site(Ingress("w", "s"), Destination("api.example", 443, "198.18.0.1"), tls=True, sni="api.example")
        self.layer: layer.Layer = make(Context(client, Options()), site, judge, self.patience)
        self.sent = b""
        self.writes: list[bytes] = []
        self.wakeups: list[commands.RequestWakeup] = []
        self.closed = self.reset = False
        self._run(events.Start())

    def feed(self, data: bytes) -> bytes:
        """Send something; what came back."""
        before = len(self.sent)
        self._run(events.DataReceived(self.client, data))
        return self.sent[before:]

    def wake(self) -> bytes:
        """Let the time of the oldest wake-up come; what was sent then."""
        before = len(self.sent)
        self._run(events.Wakeup(self.wakeups.pop(0)))
        return self.sent[before:]

    def leave(self) -> None:
        """The client goes."""
        self._run(events.ConnectionClosed(self.client))

    def stop(self) -> None:
        """The process stops."""
        self.patience.ending = True
        self._run(Stopping())

    @property
    def waits(self) -> list[float]:
        """The delays of the wake-ups that are still to come."""
        return [wakeup.delay for wakeup in self.wakeups]

    @property
    def wants_room(self) -> bool:
        return bool(self.wakeups) and isinstance(self.wakeups[0], RequestRoom)

    def _run(self, event: events.Event) -> None:
        for command in self.layer.handle_event(event):
            match command:
                case commands.SendData(data=data):
                    assert not self.closed, "bytes after the end"
                    self.sent += data
                    self.writes.append(data)
                case commands.RequestWakeup():
                    self.wakeups.append(command)
                case ResetConnection():
                    self.reset = self.closed = True
                case commands.CloseTcpConnection(half_close=True):
                    pass
                case commands.CloseConnection():
                    self.closed = True
                case _:
                    raise AssertionError(f"a layer that only answers asked for {command}")


def streamed(*parts: Part | Exception, trailers: Any = None, log: list[str] | None = None, **more: Any) -> Reply:
    """A reply of these parts; an exception is raised in its place. `log` hears of the generator's end."""

    def body() -> Any:
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
            if log is not None:
                log.append("exhausted")
            return trailers
        finally:
            if log is not None:
                log.append("closed")

    return Reply(200, (("content-type", "text/event-stream"),), stream=body(), **more)


@pytest.fixture
def judging() -> type[Judging]:
    return Judging


@pytest.fixture
def wire() -> type[Wire]:
    return Wire


@pytest.fixture
def stream() -> Callable[..., Reply]:
    return streamed
