"""childproof as an ordinary addon of a stock mitmdump or mitmweb, for people who live in those tools.

There the listeners, the views and the certificate authority are mitmproxy's; what happens to a call is ours. When the
addon loads it puts the guarded handler in the place of mitmproxy's, for good: with the addon unloaded, or failed,
connections are refused rather than passed on.
"""

import asyncio
import functools
import logging
import os
import socket
import time
from typing import Any

from mitmproxy import ctx, exceptions
from mitmproxy.proxy import commands, events, mode_servers, mode_specs, server

from childproof.capture.destination import Destination, Ingress, Judge
from childproof.capture.dialer import dial as real_dial

from .front import Front
from .gate import Dial
from .handler import GuardedHandler
from .hooks import Core
from .intake import Intake
from .onward import Onward, ProtocolFactory
from .safety import SAFE_DEFAULTS, unsafe_options

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 5.0
MAIN = Ingress("main")


class ChildproofAddon:
    """Put into a script's `addons` list. Every connection belongs to `ingress`, whichever listener it came in by."""

    _active: "ChildproofAddon | None" = None
    name = "childproof"

    def __init__(
        self,
        judge: Judge,
        ingress: Ingress = MAIN,
        *,
        dial: Dial = real_dial,
        smtp: ProtocolFactory | None = None,
    ) -> None:
        self._judge = judge
        self._ingress = ingress
        self._dial = dial
        self._smtp = smtp
        self._intake: Intake | None = None
        self._sweeper: asyncio.Task[None] | None = None

    def load(self, loader: Any) -> None:  # noqa: ARG002 - mitmproxy's signature
        """Close mitmproxy, whatever else happens here.

        Raises RuntimeError where it can't be made safe; mitmproxy logs that and exits. An OptionsError would be lost
        in the task that loads scripts.
        """
        _guard()
        try:
            ctx.options.update(**{name: value for name, value in SAFE_DEFAULTS.items() if name in ctx.options})
            self._check()
        except exceptions.OptionsError as error:
            raise RuntimeError(str(error)) from None
        core = Core(
            self._judge, self._dial, ctx.master.addons.get("tlsconfig"), None, time.monotonic, answer_layer=False
        )
        self._intake = Intake(ctx.master, core, self._foreign)
        ChildproofAddon._active = self

    def configure(self, updated: set[str]) -> None:  # noqa: ARG002 - all are looked at, whatever changed
        """Refuse unsafe options, at start and later."""
        self._check()

    def running(self) -> None:
        """Start to give up clients that never finish a request."""
        self._sweeper = asyncio.get_running_loop().create_task(self._sweep())

    def done(self) -> None:
        """Unloaded: from now on everything is refused."""
        if ChildproofAddon._active is self:
            ChildproofAddon._active = None
        if self._sweeper is not None:
            self._sweeper.cancel()

    def front_for(self, handler: "StockHandler") -> Front:
        """The front that takes the place of mitmproxy's own proxy layers. Raises LookupError for ways that have none."""
        if self._intake is None:
            raise LookupError("childproof did not load")
        mode = handler.client.proxy_mode
        destination = None
        if isinstance(mode, mode_specs.TransparentMode):
            address = handler.layer.context.server.address
            if address is None:
                raise LookupError("the original destination is unknown")
            destination = Destination(address[0], address[1], address[0])
        elif not isinstance(mode, (mode_specs.RegularMode, mode_specs.Socks5Mode)):
            raise LookupError(f"connections of mode {mode.full_spec!r} are not guarded")  # noqa: TRY004 - of a mode, not a type
        onward = Onward(self._judge, functools.partial(self._intake.take, mode), self._dial, self._smtp)
        return Front(onward, self._ingress, destination)

    def _check(self) -> None:
        faults = unsafe_options(ctx.options)
        if faults:
            raise exceptions.OptionsError("childproof refuses unsafe options:\n" + "\n".join(map(str, faults)))

    def _foreign(self) -> tuple[object, ...]:
        return tuple(ctx.master.addons.chain)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            if self._intake is not None:
                self._intake.sweep(time.monotonic())


class StockHandler(GuardedHandler):
    """What stock mitmproxy makes of an accepted connection once we are loaded: a hand-over, or a refusal."""

    async def handle_client(self) -> None:
        """Hand the transport to our front before mitmproxy has read from it."""
        active = ChildproofAddon._active  # noqa: SLF001 - the class's other half
        front: Front | None = None
        reason = "childproof was unloaded"
        if active is not None:
            try:
                front = active.front_for(self)
            except LookupError as error:
                reason = str(error)
        if front is None:
            logger.error("a connection is refused: %s", reason)
            self.abort()
            return
        # The old transport can't be kept: its stream writer closes it when collected. A second descriptor can.
        sock = socket.socket(fileno=os.dup(self._writer.get_extra_info("socket").fileno()))
        sock.setblocking(False)
        self._writer.transport.abort()
        self._reader.feed_eof()
        data = await self._reader.read()  # what asyncio had read already
        await asyncio.get_running_loop().connect_accepted_socket(lambda: front, sock)
        if data:
            front.data_received(data)


def _guard() -> None:
    """Swap what would let a connection past us, for good, and end what got in before."""
    if mode_servers.ProxyConnectionHandler is StockHandler:
        return
    mode_servers.ProxyConnectionHandler = StockHandler  # type: ignore[misc]
    # whatever else opens connections, such as the replay of a flow, isn't judged
    server.ConnectionHandler.open_connection = _refuse_to_open  # type: ignore[method-assign]
    proxyserver = ctx.master.addons.get("proxyserver")
    for handler in list(proxyserver.connections.values()) if proxyserver is not None else []:
        for io in handler.transports.values():
            if isinstance(io.writer, asyncio.StreamWriter):
                io.writer.transport.abort()


async def _refuse_to_open(self: server.ConnectionHandler, command: commands.OpenConnection) -> None:
    command.connection.error = "childproof: only judged calls may open connections"
    await self.server_event(events.OpenConnectionCompleted(command, command.connection.error))
