"""The control API while a server or a run is at work: the application of `childproof.control` behind uvicorn, in our own loop.

uvicorn gets sockets that are bound already, and none of the process: no signal handlers, no log, no lifespan. What it leaves
open is closed here: a connection that sends no whole head, and more connections than anybody needs.
"""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from childproof.capture.binding import bind, shown, unbound
from childproof.control.api import operations
from childproof.control.app import make_app
from childproof.control.auth import Door
from childproof.control.desk import Desk
from childproof.control.problems import MEDIA, Problem
from childproof.errors import ListenError
from childproof.ledger import Ledger
from childproof.model import Hidden
from childproof.run.compose import wall_clock
from childproof.run.config.config import split_address
from childproof.run.config.controladdress import Control, bind_unix, read_token, unbind_unix
from childproof.run.config.listen import Listen
from childproof.run.config.secrets import stand_ins
from childproof.run.report.report import to_json
from childproof.run.server.health import Health
from childproof.world import Store

from .handover import Handover, beside
from .sandboxes import Sandboxes

if TYPE_CHECKING:
    from childproof.capture.webhooks import Deliverer
    from childproof.run.compose import Parts
    from childproof.run.proxy import Proxy

HEAD_SECONDS = 10.0  # for a request's head, from the connection's beginning or the request before
IDLE_SECONDS = 75  # of a connection between requests
MOST = 512  # connections at once; each stream of events takes one
LARGEST_HEAD = 32 * 1024  # bytes
GRACE = 2  # seconds for answers under way at the end


@dataclass(slots=True)
class Socket:
    """Where the API is asked: bound, with the token that it takes."""

    control: Control
    token: Hidden | None
    sockets: list[socket.socket]

    @property
    def shown(self) -> str:
        """As people write it."""
        return f"http://{shown(self.sockets[0])}" if self.control.tcp else self.control.listen

    @property
    def ports(self) -> set[int]:
        """The TCP ports."""
        return {int(sock.getsockname()[1]) for sock in self.sockets} if self.control.tcp else set()

    def close(self) -> None:
        """Close it; its file goes too."""
        for sock in self.sockets:
            if self.control.path:
                unbind_unix(self.control.path, sock)
            sock.close()


def bound(control: Control | None, listeners: Sequence[Listen]) -> Socket | None:
    """Bind the API's address, None where none is configured. Raises InputError for what may not be, ListenError."""
    if control is None or not control.listen:
        return None
    token = read_token(control, listeners, os.environ)
    if control.path:
        return Socket(control, token, [bind_unix(control.path)])
    try:
        sockets = bind(*split_address(control.tcp), "tcp")
    except OSError as error:
        raise ListenError([unbound("control", control.tcp, error)]) from None
    for sock in sockets:  # connections inherit it: an answer's head and body go out one by one, and neither waits
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Socket(control, token, sockets)


@asynccontextmanager
async def controlling(
    place: Socket,
    parts: "Parts",
    proxy: "Proxy",
    deliverer: "Deliverer",
    *,
    health: Health,
    served: Collection[str],
    ports: set[int],
    ca: Callable[[], bytes],
    say: Callable[[str], None],
    sealed: bool = True,
) -> AsyncIterator[None]:
    """Answer while the block runs. `served` are the worlds of listeners, `ports` those that webhooks may not reach.

    `sealed`: others' sealed sandboxes may be handed over, at a socket beside this one's.
    """
    ports |= place.ports
    path = place.control.path if sealed else ""
    desk = desk_of(parts, deliverer, health, say)
    async with contextlib.AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(
            Sandboxes(
                desk, parts, proxy, deliverer, served=served, ports=ports, ca=ca, handover=beside(path) if path else "",
            )
        )  # fmt: skip
        if path:

            def replaced(environ: dict[str, str]) -> dict[str, str]:
                return stand_ins(environ, parts.secrets)

            await stack.enter_async_context(Handover(beside(path), sandboxes, replaced, say))
        app = make_app(operations(desk, sandboxes), Door(place.token, local=place.control.local), trouble=say)
        async with _answering(app, place.sockets):
            try:
                yield
            finally:
                desk.closing.set()


def desk_of(parts: "Parts", deliverer: "Deliverer", health: Health, say: Callable[[str], None]) -> Desk:
    """What the API works with, over running parts."""

    def report(store: Store, ledger: Ledger, world: str) -> dict[str, Any]:
        there = replace(parts, store=store, ledger=ledger)
        return to_json(there.report(world, after=0), ledger=parts.config.store)

    def alive() -> tuple[int, dict[str, Any]]:
        page = health.healthz()
        return page.status, json.loads(page.text)

    def ready() -> tuple[int, dict[str, Any]]:
        page = health.readyz()
        return page.status, json.loads(page.text)

    return Desk(
        parts.store, parts.ledger, parts.engine, wall_clock, say, report=report, alive=alive, ready=ready,
        closing=asyncio.Event(), stirred=deliverer.stir,
    )  # fmt: skip


class _Protocol(H11Protocol):
    """uvicorn's, with a bound on how many there are and how long a request's head may take."""

    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection more, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._arm()

    def data_received(self, data: bytes) -> None:
        """What a client sent: the clock runs until its head is there."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            if self._hurry is None:
                self._arm()
        else:
            self._disarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Its end."""
        self._disarm()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP request."""
        body = json.dumps(Problem(400, "http", f"this is no HTTP/1.1 request: {msg}").as_json()).encode()
        headers = [("content-type", MEDIA), ("content-length", str(len(body))), ("connection", "close")]
        with contextlib.suppress(h11.LocalProtocolError):  # an answer is under way already
            for event in (h11.Response(status_code=400, headers=headers), h11.Data(body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _arm(self) -> None:
        self._hurry = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _disarm(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


class _Server(uvicorn.Server):
    """uvicorn's, without what would touch the process: signals, and a look at itself ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.over = asyncio.Event()
        self.begun = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None of them: they are the process's."""
        yield

    async def main_loop(self) -> None:
        """Until the end."""
        self.begun.set()
        await self.over.wait()


@asynccontextmanager
async def _answering(app: Callable[..., Awaitable[None]], sockets: list[socket.socket]) -> AsyncIterator[None]:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # who asks wrongly is told so, and nobody else
    config = uvicorn.Config(
        app, http=_Protocol, ws="none", lifespan="off", loop="none", log_config=None, access_log=False,
        server_header=False, date_header=False, proxy_headers=False, timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=GRACE, h11_max_incomplete_event_size=LARGEST_HEAD,
    )  # fmt: skip
    server = _Server(config)
    # Its own descriptors, since it closes what it is given, and ours are removed with their file.
    task = asyncio.create_task(server.serve([sock.dup() for sock in sockets]))
    begun = asyncio.create_task(server.begun.wait())
    await asyncio.wait({task, begun}, return_when=asyncio.FIRST_COMPLETED)
    begun.cancel()
    try:
        if task.done():
            task.result()
        yield
    finally:
        server.over.set()
        await task
