"""From a transport whose destination is known to a guarded connection; and the end of those connections."""

import asyncio
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mitmproxy.proxy import mode_specs

from childproof.capture.tcp import reset_transport
from childproof.model import Protocol, Violation

from .calls import Site, decide, other_call
from .handler import GuardedHandler
from .hooks import Core
from .lean import Master

END_SECONDS = 2.0
MAX_CONNECTIONS = 4000  # at once; what is more is refused and recorded, before memory runs out


class Intake:
    """The live connections of one mitmproxy master. `foreign` gives the addons that aren't ours, asked each time."""

    def __init__(
        self,
        master: Master,
        core: Core,
        foreign: Callable[[], tuple[object, ...]],
        limit: int = MAX_CONNECTIONS,
    ) -> None:
        self._limit = limit
        self._master = master
        self._core = core
        self._foreign = foreign
        self._handlers: dict[asyncio.Task[None], GuardedHandler] = {}
        self._ending = False

    def take(self, mode: mode_specs.ProxyMode, transport: asyncio.Transport, data: bytes, site: Site) -> None:
        """Own this transport from now on; `data` was read from it already."""
        if len(self._handlers) >= self._limit:
            violation = Violation("unsupported", f"more than {self._limit} open connections")
            decide(self._core.judge, other_call(site, Protocol.TCP, violation))
            reset_transport(transport)
            return
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        reader.feed_data(data)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        handler = GuardedHandler(
            self._master,
            reader,
            writer,
            self._master.options,
            mode,
            core=self._core,
            site=site,
            foreign=self._foreign(),
        )
        if self._ending and handler.hooks is not None:
            handler.hooks.patience.ending = True
        task = loop.create_task(self._serve(handler))
        if not task.done():
            self._handlers[task] = handler
            task.add_done_callback(self._handlers.pop)

    async def _serve(self, handler: GuardedHandler) -> None:
        server: Any = self._master.addons.get("proxyserver")
        registered: AbstractContextManager[None] = (
            server.register_connection(handler.client.id, handler) if server is not None else nullcontext()
        )
        with registered:
            await handler.handle_client()

    def sweep(self, now: float) -> None:
        """Give up connections that have owed us the rest of a request for too long."""
        for handler in list(self._handlers.values()):
            if handler.hooks is not None and handler.hooks.patience.exhausted(now):
                handler.abort()

    def wind_up(self) -> None:
        """The process stops: every connection ends as soon as nothing is under way on it."""
        self._ending = True
        for handler in list(self._handlers.values()):
            handler.wind_up()

    async def end(self, mode: mode_specs.ProxyMode | None = None) -> None:
        """Reset the connections of one mode, or all, and wait until they are gone."""
        tasks = [task for task, handler in self._handlers.items() if mode is None or handler.client.proxy_mode is mode]
        for task in tasks:
            self._handlers[task].abort()
        for give_up in itertools.count():
            _, pending = await asyncio.wait(tasks, timeout=END_SECONDS) if tasks else (None, set())
            if not pending or give_up:
                return
            for task in pending:
                task.cancel()

    def __len__(self) -> int:
        return len(self._handlers)
