"""Many sandboxes on one process: each a world and listeners of its own, made and ended over the control API.

A sandbox costs a row, a socket or a few, and no task.
"""

import contextlib
import secrets
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from childproof.capture.binding import shown
from childproof.capture.destination import Ingress
from childproof.capture.webhooks import Connect, Deliverer
from childproof.control import messages_sandboxes as messages
from childproof.control.desk import Desk
from childproof.control.problems import Mistake, Problem, ended
from childproof.errors import WorldGoneError
from childproof.run.compose import Parts
from childproof.run.config.secrets import secret_files
from childproof.run.covered import hidden, judging
from childproof.run.report.emit import painted, worded
from childproof.run.report.report import to_json, unpainted
from childproof.run.server.descriptors import room_for_listeners

from .box import SERVING, WAITING, Bound, Box, environment
from .lifetimes import Lifetimes
from .worlds import SandboxWorlds

if TYPE_CHECKING:
    from childproof.run.doors import DoorSockets
    from childproof.run.proxy import Proxy

MOST = 5000  # sandboxes at once
SEALED_SOCKETS = (
    6  # of a sealed one: for TCP, names in both families, what its network refused, the channel, and one to spare
)


class Running(msgspec.Struct, frozen=True):
    """What is there already where sandboxes are made, and is shared by all of them.

    `served` are the worlds of the server's own listeners; `ca` gives the certificates to trust, as PEM.
    """

    parts: Parts
    proxy: "Proxy"
    deliverer: Deliverer
    served: Collection[str]
    ca: Callable[[], bytes]


class Sandboxes:
    """`control.sandboxes.Host` over a running proxy. Use `async with`; leaving it ends all of them.

    `handover` is where sealed sandboxes are handed over; empty where they can't be.
    """

    def __init__(self, desk: Desk, running: Running, *, handover: str = "") -> None:
        self._parts = running.parts
        self._proxy = running.proxy
        self._deliverer = running.deliverer
        self._ca = running.ca
        self._wall, self._say, self._stopping = desk.wall, desk.say, desk.stopping
        self._handover = handover
        self._worlds = SandboxWorlds(desk, running.served)
        self._boxes: dict[str, Box] = {}
        self._sockets = 0
        self._times = Lifetimes(self._boxes, self._worlds, desk, self.delete)

    async def __aenter__(self) -> Self:
        await self._times.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._times.end()
        for sandbox in [*self._boxes]:
            with contextlib.suppress(LookupError):
                await self.delete(sandbox)

    # --- the API's operations

    async def create(self, wanted: messages.NewSandbox) -> messages.MadeSandbox:
        """See `control.sandboxes.Host`."""
        self._check(wanted)
        rules = await self._worlds.read(wanted)
        if self._stopping():
            raise ended()
        box = Box(f"sbx_{secrets.token_hex(12)}", "", False, wanted.ttl, self._wall(), self._parts.ledger.position())
        listen = wanted.listen
        names = [] if wanted.sealed else [*(("",) if listen.http or listen.socks else ()), *listen.stubs]
        async with contextlib.AsyncExitStack() as undo:
            bound = [undo.enter_context(Bound(0 if name else listen.port or 0)) for name in names]
            box.world, box.made = self._worlds.enter(wanted, rules, f"sandboxes/{box.id}")
            undo.callback(self._left, box)
            self._parts.engine.enter(box.id, box.world)
            undo.push_async_callback(self._close, box)
            for name, place in zip(names, bound, strict=True):
                await self._open(box, name, place.sockets)
            undo.pop_all()
        box.sockets = SEALED_SOCKETS if wanted.sealed else len(names)
        self._sockets += box.sockets
        box.http, box.socks = listen.http and not wanted.sealed, listen.socks and not wanted.sealed
        if wanted.sealed:
            box.sealed, box.secret = WAITING, secrets.token_hex(16)
        self._boxes[box.id] = box
        self._deliverer.join(box.world)
        self._times.live_on(box)
        return messages.MadeSandbox(
            **box.values(), ca=self._ca().decode("ascii"), environment=environment(box), handover=self._place(box)
        )

    def all(self) -> list[messages.Sandbox]:
        """See `control.sandboxes.Host`."""
        return [box.told() for box in self._boxes.values()]

    def get(self, sandbox: str) -> messages.Sandbox:
        """See `control.sandboxes.Host`."""
        return self._boxes[sandbox].told()

    def renew(self, sandbox: str, ttl: int | None) -> messages.Sandbox:
        """See `control.sandboxes.Host`."""
        box = self._boxes[sandbox]
        ttl = box.ttl if ttl is None else ttl
        if box.made:
            self._worlds.renewed(box.world, ttl)
        box.ttl = ttl
        self._times.live_on(box)
        return box.told()

    async def delete(self, sandbox: str, *, keep: bool = False) -> messages.DeletedSandbox:
        """See `control.sandboxes.Host`."""
        box = self._boxes.pop(sandbox)
        self._sockets -= box.sockets
        try:
            await self._close(box)
            if box.over is not None:
                box.over()
        finally:
            gone, kept = self._left(box, keep=keep)
        return messages.DeletedSandbox(sandbox, gone, kept)

    def report(self, sandbox: str, query: messages.ReportQuery) -> messages.SandboxReport:
        """See `control.sandboxes.Host`."""
        box = self._boxes[sandbox]
        found = self._parts.report(box.world, after=box.position, sandbox=box.id)
        store = self._parts.config.store
        ledger = store if store == ":memory:" else str(Path(store).resolve())  # whoever reads it is elsewhere
        paint = painted if query.colours else unpainted
        text = worded(found, ledger, query.width, paint, option=f" --server {query.server}" if query.server else None)
        return messages.SandboxReport(to_json(found, ledger=ledger), text, str(found.missing))

    # --- sealed ones

    def waiting(self, sandbox: str, secret: str) -> bool:
        """Whether the listeners of a sealed sandbox are awaited, from whoever knows this word."""
        box = self._boxes.get(sandbox)
        known = box.secret if box is not None and box.sealed == WAITING else ""
        return secrets.compare_digest(known.encode(), secret.encode("utf-8", "replace")) and bool(known)

    async def take_over(
        self, sandbox: str, sockets: "DoorSockets", connect: Connect, over: Callable[[], None] = lambda: None
    ) -> None:
        """Serve what a sealed sandbox's client has handed over. `connect` reaches the sandbox's loopback, `over` tells the client its end.

        Raises LookupError for a sandbox that is gone. It lives as long as its client: its time begins when that has left.
        """
        box = self._boxes[sandbox]
        box.sealed, box.connect, box.over = SERVING, connect, over
        ingress = Ingress(box.world, box.id)
        box.ingresses.append(ingress)
        box.doors = await self._proxy.open_doors(ingress, sockets)
        self._deliverer.join(box.world, self._inside(box.world))

    async def hand_back(self, sandbox: str) -> None:
        """The sealed command has ended: its doors are closed, and all that was under way is recorded."""
        box = self._boxes.get(sandbox)
        if box is not None:
            await self._close(box)
            box.sealed, box.doors, box.connect, box.over, box.secret = WAITING, None, None, None, ""
            self._times.live_on(box)

    # --- within

    def _check(self, wanted: messages.NewSandbox) -> None:
        listen, mistakes = wanted.listen, []
        if wanted.sealed and listen != messages.Listeners():
            mistakes.append(Mistake("/listen", "listeners for a sealed sandbox", "none: it has its own"))
        mistakes += [
            Mistake(f"/listen/stubs/{number}", f"no stub {name!r}", "a stub of GET /v1/stubs")
            for number, name in enumerate(listen.stubs)
            if name not in self._parts.catalog
        ]
        mistakes += [
            Mistake(f"/listen/stubs/{number}", f"{name!r} a second time", "each stub once")
            for number, name in enumerate(listen.stubs)
            if name in listen.stubs[:number]
        ]
        if not (wanted.sealed or listen.http or listen.socks or listen.stubs):
            mistakes.append(Mistake("/listen", "no listener", "`http`, `socks`, or the names of stubs"))
        if listen.port and not (listen.http or listen.socks):
            mistakes.append(Mistake("/listen/port", "a port without a proxy", "`http` or `socks` beside it"))
        if mistakes:
            raise Problem(422, "invalid", f"{mistakes[0].found}; nothing was made", mistakes=mistakes)
        if wanted.sealed and not self._handover:
            mistake = Mistake(
                "/sealed", "a sealed sandbox on a server that has no unix socket",
                "a server on the same machine with `control: {listen: unix:PATH}`", "--control unix:PATH",
            )  # fmt: skip
            raise Problem(409, "no_socket", f"{mistake.found}; nothing was made", mistakes=[mistake])
        count = SEALED_SOCKETS if wanted.sealed else len(listen.stubs) + 1
        if len(self._boxes) >= MOST or self._sockets + count > room_for_listeners():
            raise Problem(
                429, "too_many",
                f"there are {len(self._boxes)} sandboxes with {self._sockets} sockets: no more, until some are deleted; the limit of open"
                " files (ulimit -n) bounds them",
            )  # fmt: skip

    async def _open(self, box: Box, stub: str, sockets: list[socket.socket]) -> None:
        ingress = Ingress(box.world, box.id)
        if stub:
            ingress, _ = self._proxy.at_stub(stub, box.world, box.id)
            box.stubs[stub] = f"http://{shown(sockets[0])}"
        else:
            box.proxy = shown(sockets[0])
        box.ingresses.append(ingress)
        box.ports += [int(sock.getsockname()[1]) for sock in sockets]
        self._parts.closed.update(box.ports)
        await self._proxy.open_for(sockets, Ingress(box.world, box.id), stub)

    async def _close(self, box: Box) -> None:
        self._parts.closed.difference_update(box.ports)
        doors, box.doors = box.doors, None
        await self._proxy.close_for(box.ingresses, doors)
        box.ingresses.clear()

    def _left(self, box: Box, *, keep: bool = False) -> tuple[str | None, str | None]:
        self._parts.engine.leave(box.id)
        gone, kept = self._worlds.leave(box.world, keep=keep)
        if not self._worlds.used(box.world):
            self._deliverer.leave(box.world)
        if self._worlds.waits:
            self._times.clear_later()
        return gone, kept

    def _place(self, box: Box) -> messages.Handover | None:
        if box.sealed is None:
            return None
        covered = [*hidden(self._parts.config), *secret_files(self._parts.secrets)]
        kept = judging(self._parts)
        return messages.Handover(
            self._handover,
            box.secret,
            [str(path.absolute()) for path in covered],
            [str(path.absolute()) for path in kept],
        )

    def _inside(self, world: str) -> Connect:
        async def connect(address: str, port: int) -> socket.socket:
            """The loopback of whichever sandbox of this world listens there, the newest first."""
            refused: OSError = ConnectionAbortedError("the sandbox has ended")
            for box in reversed(self._boxes.values()):
                if box.world == world and box.connect is not None:
                    try:
                        self._parts.engine.check_entered(box.id, world)
                        return await box.connect(address, port)
                    except (ConnectionAbortedError, WorldGoneError):
                        continue
                    except OSError as error:
                        refused = error
            raise refused

        return connect
