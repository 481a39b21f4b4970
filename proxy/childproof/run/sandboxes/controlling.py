"""The control API while a server or a run is at work: the application of `childproof.control`, over what runs, at its address."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from childproof.capture.binding import bind, shown, unbound
from childproof.control.api import operations
from childproof.control.app import make_app
from childproof.control.auth import Door
from childproof.control.desk import Desk
from childproof.errors import ListenError
from childproof.ledger import Ledger
from childproof.model import Hidden, replace
from childproof.run.compose import wall_clock
from childproof.run.config.config import split_address
from childproof.run.config.controladdress import Control, Place, bind_unix, exposed, place_of, read_token, unbind_unix
from childproof.run.config.listen import Listen
from childproof.run.config.secrets import stand_ins
from childproof.run.report.report import to_json
from childproof.run.server.health import Health
from childproof.world import Store

from .answering import answering
from .handover import Handover, beside
from .sandboxes import Running, Sandboxes

if TYPE_CHECKING:
    from childproof.capture.webhooks import Deliverer
    from childproof.run.compose import Parts


@dataclass(slots=True)
class Socket:
    """Where the API is asked: bound, with the token that it takes."""

    control: Control
    token: Hidden | None
    sockets: list[socket.socket]
    made: Place | None = None

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
                unbind_unix(self.control.path, sock, self.made)
            sock.close()


def bound(control: Control | None, listeners: Sequence[Listen]) -> Socket | None:
    """Bind the API's address, None where none is configured. Raises InputError for what may not be, ListenError."""
    if control is None or not control.listen:
        return None
    token = read_token(control, listeners, os.environ)
    if control.path:
        return Socket(control, token, [bind_unix(control.path)], place_of(control.path))
    try:
        sockets = bind(*split_address(control.tcp), "tcp")
    except OSError as error:
        raise ListenError([unbound("control", control.tcp, error)]) from None
    for sock in sockets:  # connections inherit it: an answer's head and body go out one by one, and neither waits
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Socket(control, token, sockets)


@asynccontextmanager
async def controlling(
    place: Socket, running: Running, health: Health, say: Callable[[str], None], *, sealed: bool = True
) -> AsyncIterator[None]:
    """Answer while the block runs, at a place that webhooks are kept from.

    `sealed`: others' sealed sandboxes may be handed over, at a socket beside this one's.
    """
    parts = running.parts
    parts.closed.update(place.ports)
    path = place.control.path if sealed else ""
    if warning := exposed(place.control):
        say(warning)
    desk = desk_of(parts, running.deliverer, health, say)
    async with contextlib.AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(Sandboxes(desk, running, handover=beside(path) if path else ""))
        if path:

            def replaced(environ: dict[str, str]) -> dict[str, str]:
                return stand_ins(environ, parts.secrets)

            await stack.enter_async_context(Handover(beside(path), sandboxes, replaced, say))
        app = make_app(operations(desk, sandboxes), Door(place.token, local=place.control.local), trouble=say)
        async with answering(app, place.sockets):
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
        closing=asyncio.Event(), stirred=deliverer.stir, stopping=lambda: health.phase == "stopping",
    )  # fmt: skip
