"""The application behind uvicorn, in our own loop: with sockets that are bound already, and nothing of the process.

No signal handlers, no log, no lifespan. What uvicorn leaves open is closed here: a connection that sends no whole head, and more
connections than anybody needs. A request that comes out of another network namespace is marked as such.
"""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from childproof.control.auth import ELSEWHERE
from childproof.control.problems import MEDIA, Problem

from .peers import is_elsewhere

HEAD_SECONDS = 10.0  # for a request's head, from the connection's beginning or the request before
IDLE_SECONDS = 75  # of a connection between requests
MOST = 512  # connections at once; each stream of events takes one
LARGEST_HEAD = 32 * 1024  # bytes
GRACE = 2  # seconds for answers under way at the end


class _Protocol(H11Protocol):
    """uvicorn's, with a bound on how many there are and how long a request's head may take."""

    _hurry: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection more, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MOST:
            self._refuse(Problem(503, "too_many", f"there are {MOST} connections; end one of them"))
            return
        sock = transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX and is_elsewhere(sock):
            self.app_state = {**self.app_state, ELSEWHERE: True}
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
        self._refuse(Problem(400, "http", f"this is no HTTP/1.1 request: {msg}"))

    def _refuse(self, problem: Problem) -> None:
        """Say why, and close."""
        body = json.dumps(problem.as_json()).encode()
        headers = [("content-type", MEDIA), ("content-length", str(len(body))), ("connection", "close")]
        reason = HTTPStatus(problem.status).phrase
        with contextlib.suppress(h11.LocalProtocolError):  # an answer is under way already
            for event in (
                h11.Response(status_code=problem.status, headers=headers, reason=reason), h11.Data(body), h11.EndOfMessage()
            ):  # fmt: skip
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
async def answering(app: Callable[..., Awaitable[None]], sockets: list[socket.socket]) -> AsyncIterator[None]:
    """Answer at these sockets while the block runs; they stay open."""
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
