"""The HTTP/1 layer for hosts that rules may allow (mitmproxy's, gated), against the one that only answers.

Both read the same bytes on a whole connection handler; this one's judge says no to everything here. Nothing is dialled,
no connection's handling crashes, and what it takes for a request the other one reads as the same request, in the same
place: else one could be smuggled.

The first byte says how the bytes are cut.
"""

import asyncio
import itertools
import logging
import time
from typing import Any

from mitmproxy.proxy import mode_specs

from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import Dialed
from childproof.capture.mitm.calls import Site
from childproof.capture.mitm.handler import GuardedHandler
from childproof.capture.mitm.hooks import Core
from childproof.capture.mitm.lean import Master, Options, TlsConfig
from childproof.model import Action, Call, Forward, Outcome, Reply, Verdict
from tests.fuzz.fakes import Judge, Transport, pieces

_LOOP = asyncio.new_event_loop()
_SITE = Site(Ingress("main", "box"), Destination("api.example", 80, "198.18.0.1"))
_DENIED = Reply(403, (("content-type", "text/plain"),), b"no")
_WAIT = 400  # turns of the loop
_PLACE = {"peername": ("127.0.0.1", 40000), "sockname": ("127.0.0.1", 8080)}

for _name in ("childproof.capture.mitm.handler", "mitmproxy", "mitmproxy.proxy.server", "asyncio"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class _Denying(Judge):
    """Violations and all else are denied; the connection stays."""

    def handle(self, call: Call) -> Outcome:
        self.calls.append(call)
        if call.violation is not None:
            reply = Reply(call.violation.status or 403, (), b"x")
            return Outcome("call", Verdict(reason=call.violation.reason), reply)
        return Outcome("call", Verdict(Action.STUB, "stub", "a rule says so"), _DENIED)


async def _dial(forward: Forward) -> Dialed:
    raise AssertionError(f"dialled {forward}")


async def _exchange(data: bytes, seed: int, *, forwards: bool) -> tuple[list[Call], bytes]:
    global _master  # noqa: PLW0603 - mitmproxy's master wants the running loop
    if _master is None:
        _master = Master(Options(), event_loop=asyncio.get_running_loop())
    judge = _Denying(allows=forwards)
    core = Core(judge, _dial, TlsConfig(), None, time.monotonic)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    transport = Transport(_PLACE)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    protocol.connection_made(transport)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    mode = mode_specs.ProxyMode.parse("regular")
    handler = GuardedHandler(_master, reader, writer, _master.options, mode, core=core, site=_SITE)
    task = loop.create_task(handler.handle_client())
    for piece in pieces(data, seed):
        reader.feed_data(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    reader.feed_eof()
    for _ in range(_WAIT):
        if task.done():
            break
        await asyncio.sleep(0)
    else:
        handler.abort()
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() or task.exception() is None, task.exception()
    for call in judge.calls:
        assert call.violation is None or call.violation.kind != "internal", call.violation
    return judge.calls, bytes(transport.written)


_master: Master | None = None


def _requests(calls: list[Call]) -> list[tuple[Any, ...]]:
    """The requests up to the first that was found wrong: there the answering layer ends the connection."""
    sound = itertools.takewhile(lambda call: call.violation is None, calls)
    return [
        # mitmproxy answers an Expect by itself and takes it out
        (call.method, call.path, call.query, [pair for pair in call.headers if pair[0].lower() != "expect"], call.body)
        for call in sound
    ]


def check(data: bytes) -> None:
    """Both layers."""
    if not data:
        return
    answering, _ = _LOOP.run_until_complete(_exchange(data[1:], 0, forwards=False))
    forwarding, _ = _LOOP.run_until_complete(_exchange(data[1:], data[0] or 1, forwards=True))
    ours, theirs = _requests(answering), _requests(forwarding)
    # either may refuse what the other puts right (a folded header)
    both = min(len(ours), len(theirs))
    assert theirs[:both] == ours[:both], (ours, theirs)
    if len(theirs) > len(ours):
        assert any(call.violation is not None for call in answering), (ours, theirs)
