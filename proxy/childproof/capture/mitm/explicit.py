"""Plain proxy requests, `GET http://host/path`: each names its own host, so each connection may go to many.

They are answered by the layer that has no way out, up to the first one whose host a rule may allow. That one, and what
follows it on this connection, is read by the forwarding layer, which is made at that moment and not before.
"""

from collections.abc import Callable, Generator
from typing import Any, override

from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context

from childproof.capture.destination import Judge
from childproof.model import Call

from .answer import AnswerLayer
from .calls import Request, Site
from .wire import Patience


class ProxyLayer(AnswerLayer):
    """An answering layer that steps aside. `forwarding` makes the layer that takes its place."""

    def __init__(
        self, context: Context, site: Site, judge: Judge, patience: Patience, forwarding: Callable[[], layer.Layer]
    ) -> None:
        super().__init__(context, site, judge, patience)
        self._make = forwarding
        self._forwarding: layer.Layer | None = None

    @override
    def handle_event(self, event: events.Event) -> Generator[commands.Command, Any, None]:
        """One event in, commands out."""
        if self._forwarding is None:
            yield from super().handle_event(event)
        else:
            yield from self._forwarding.handle_event(event)

    @override
    def _answer(self, call: Call | None = None) -> Generator[commands.Command, Any, None]:
        call = call or self._call()
        if call.violation is not None or not self._judge.may_allow(call.world, call.host, call.port):
            yield from super()._answer(call)
            return
        assert self._request is not None
        data = _again(self._request, bytes(self._body) or self._request.body) + self._parser.trailing_data[0]
        self._patience.waiting(False)
        self._forwarding = self._make()
        yield from self._forwarding.handle_event(events.Start())
        yield from self._forwarding.handle_event(events.DataReceived(self.context.client, data))

    @override
    def _busy(self) -> bool:
        return self._forwarding is not None or super()._busy()


def _again(request: Request, body: bytes) -> bytes:
    """A request that was read, as bytes for the next reader: the same parts, without an Expect that was answered."""
    lines = [b"%b %b HTTP/%b" % (request.method, request.target, request.version.encode())]
    chunked = False
    for name, value in request.headers:
        lowered = name.lower()
        if lowered != b"expect":
            lines.append(b"%b: %b" % (name, value))
        chunked = chunked or lowered == b"transfer-encoding"
    if chunked:
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
