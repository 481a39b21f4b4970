"""One client connection on mitmproxy's event machine, closed: hooks that raise deny, sockets open by permission only.

Stock mitmproxy runs each hook as a task of its own and swallows what it raises. Here hooks run inside the event that
asked for them, which is both safe and, with four hooks a request, most of the speed.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any

from mitmproxy import exceptions, flow, http
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.hooks import UpdateHook
from mitmproxy.options import Options
from mitmproxy.proxy import commands, events, layer, mode_specs, server_hooks
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import ClientTLSLayer
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionIO
from mitmproxy.utils import asyncio_utils

from childproof.capture.dialer import DialError
from childproof.capture.tcp import reset_transport
from childproof.model import Protocol, Upstream

from .calls import Site, internal
from .hooks import Core, Hooks
from .lean import Master
from .wire import STALL_SECONDS, RequestRoom, ResetConnection, Stopping

logger = logging.getLogger(__name__)
_OURS = frozenset({"next_layer"})  # hooks that other addons aren't asked about at all


class GuardedHandler(ProxyConnectionHandler):
    """Takes the place of mitmproxy's handler everywhere. Without `core` and `site` it refuses its connection."""

    def __init__(
        self,
        master: Master,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        options: Options,
        mode: mode_specs.ProxyMode,
        *,
        core: Core | None = None,
        site: Site | None = None,
        foreign: tuple[object, ...] = (),
    ) -> None:
        super().__init__(master, reader, writer, options, mode)  # type: ignore[no-untyped-call]
        self._reader, self._writer = reader, writer
        self._foreign = foreign
        self._tasks: set[asyncio.Task[None]] = set()
        self.hooks: Hooks | None = None
        if core is not None and site is not None:
            self._begin(core, site)

    def _begin(self, core: Core, site: Site) -> None:
        self.hooks = Hooks(core, site, self.abort)
        context = Context(self.client, self.layer.context.options)
        if site.destination is not None:
            context.server.address = (site.destination.host, site.destination.port)
            context.server.tls = site.tls
        base = _Base(context)
        base.child = ClientTLSLayer(context) if site.tls else self.hooks.top(context)
        self.layer = base

    async def handle_client(self) -> None:
        """The connection's whole life. Whatever ends it, its books are closed afterwards."""
        if self.hooks is None:
            raise RuntimeError("a guarded connection needs its core and its site")
        try:
            await super().handle_client()
        finally:
            for task in list(self._tasks):
                task.cancel()
            self.hooks.over()

    def abort(self) -> None:
        """Reset the client's connection."""
        reset_transport(self._writer.transport)

    def wind_up(self) -> None:
        """The process stops: end at once where nothing is under way, and else with the reply that is."""
        assert self.hooks is not None
        self.hooks.patience.ending = True
        self._task(self._stop(), "stopping")

    async def _stop(self) -> None:
        event = Stopping()
        await self.server_event(event)
        assert self.hooks is not None
        if not event.taken and self.hooks.patience.since is None:
            self._writer.close()  # it has never asked for anything

    # hooks

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Hooks that mitmproxy's own code awaits: those of connections."""
        try:
            await self._run_foreign(hook)
            waiting = self._run_ours(hook)
            if waiting is not None:
                await waiting
        except asyncio.CancelledError as error:
            if _really_cancelled():
                raise
            self._failed(hook, error)
        except Exception as error:  # noqa: BLE001 - closed by default
            self._failed(hook, error)

    def _run_ours(self, hook: commands.StartHook) -> Awaitable[None] | None:
        answer = getattr(self.hooks, hook.name, None)
        if answer is None:
            return None
        (data,) = hook.args()
        result: Awaitable[None] | None = answer(data)
        return result

    async def _run_foreign(self, hook: commands.StartHook) -> None:
        """Other people's addons, first, so that what we judge is what they left."""
        if not self._foreign or hook.name in _OURS:
            return
        (data,) = hook.args()
        for addon in self._foreign:
            try:
                await self.master.addons.invoke_addon(addon, hook)
            except exceptions.AddonHalt:
                break
        if isinstance(data, flow.Flow):
            await self.master.addons.trigger_event(UpdateHook([data]))
            await data.wait_for_resume()

    def _failed(self, hook: commands.StartHook, error: BaseException) -> None:
        (data,) = hook.args()
        assert self.hooks is not None
        try:
            self.hooks.fail(data, error)
        except Exception:
            logger.exception("denying a call failed; its connection is reset")
            if isinstance(data, http.HTTPFlow):
                self.hooks.gate.revoke(data)
            self.abort()

    # events

    async def server_event(self, event: events.Event) -> None:
        """mitmproxy's, with hooks run in place, bytes counted, and an exception that ends the connection."""
        async with self._server_event_lock:
            # no await below: a layer must never be entered twice
            self.timeout_watchdog.register_activity()
            queue = deque((event,))
            try:
                while queue:
                    current = queue.popleft()
                    if isinstance(current, events.DataReceived) and isinstance(current.connection, Server):
                        self._spent(current.connection, Upstream(bytes_in=len(current.data)))
                    for command in self.layer.handle_event(current):
                        self._execute(command, queue)
            except Exception as error:  # noqa: BLE001 - closed by default
                self._crashed(error)

    def _execute(self, command: commands.Command, queue: deque[events.Event]) -> None:
        if isinstance(command, commands.SendData):
            self._send(command)
        elif isinstance(command, commands.StartHook):
            self._start_hook(command, queue)
        elif isinstance(command, ResetConnection):
            self.abort()
        elif isinstance(command, commands.OpenConnection):
            assert command.connection not in self.transports
            handler = self._task(self.open_connection(command), "server connection")
            self.transports[command.connection] = ConnectionIO(handler=handler)
        elif isinstance(command, commands.RequestWakeup):
            self.wakeup_timer.add(self._task(self.wakeup(command), "wakeup"))
        elif isinstance(command, commands.ConnectionCommand) and command.connection not in self.transports:
            pass  # closed already
        elif isinstance(command, commands.CloseTcpConnection):
            self.close_connection(command.connection, command.half_close)
        elif isinstance(command, commands.CloseConnection):
            self.close_connection(command.connection, half_close=False)
        elif isinstance(command, commands.Log):
            self.log(command.message, command.level)
        else:
            raise RuntimeError(f"unexpected command: {command}")

    def _send(self, command: commands.SendData) -> None:
        io = self.transports.get(command.connection)
        if io is None or io.writer is None or io.writer.is_closing():
            return
        if isinstance(command.connection, Server):
            self._spent(command.connection, Upstream(bytes_out=len(command.data)))
        io.writer.write(command.data)

    def _start_hook(self, hook: commands.StartHook, queue: deque[events.Event]) -> None:
        waiting: Awaitable[None] | None = None
        if self._foreign and hook.name not in _OURS:
            waiting = self.handle_hook(hook)
        else:
            try:
                waiting = self._run_ours(hook)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - closed by default
                self._failed(hook, error)
        if waiting is not None:
            self._task(self._finish_hook(hook, waiting), f"hook {hook.name}")
        elif hook.blocking:
            queue.append(events.HookCompleted(hook))

    async def wakeup(self, request: commands.RequestWakeup) -> None:
        """After the time that a layer asked for, and with `RequestRoom` when the client is ready for more."""
        await asyncio.sleep(request.delay)
        if isinstance(request, RequestRoom) and not await self._has_room():
            return
        task = asyncio.current_task()
        assert task is not None
        self.wakeup_timer.discard(task)
        await self.server_event(events.Wakeup(request))

    async def _has_room(self) -> bool:
        """Wait until the client has read most of what it was sent; False where it is gone or given up."""
        io = self.transports.get(self.client)
        if io is None or not isinstance(io.writer, asyncio.StreamWriter):
            return False
        try:
            async with asyncio.timeout(STALL_SECONDS):
                await io.writer.drain()
        except TimeoutError:
            self.abort()
            return False
        except OSError:
            return False
        return True

    async def _finish_hook(self, hook: commands.StartHook, waiting: Awaitable[None]) -> None:
        try:
            with self.timeout_watchdog.disarm():
                await waiting
        except asyncio.CancelledError as error:
            if _really_cancelled():
                raise
            self._failed(hook, error)
        except Exception as error:  # noqa: BLE001 - closed by default
            self._failed(hook, error)
        if hook.blocking:
            await self.server_event(events.HookCompleted(hook))

    def _task(self, coroutine: Any, name: str) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio_utils.create_task(
            coroutine, name=name, keep_ref=False, client=self.client.peername
        )
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def _crashed(self, error: BaseException) -> None:
        logger.error("a connection's handling failed: it is reset", exc_info=error)
        if self.hooks is not None:
            with suppress(Exception):
                self.hooks.record(Protocol.TCP, internal(error))
        self.abort()

    def _spent(self, server: Server, upstream: Upstream) -> None:
        if self.hooks is not None:
            self.hooks.gate.add(server, upstream)

    # upstream

    async def open_connection(self, command: commands.OpenConnection) -> None:
        """Dial for a connection that a permission is bound to; nothing else opens a socket."""
        server = command.connection
        assert self.hooks is not None
        data = server_hooks.ServerConnectionHookData(client=self.client, server=server)
        await self.handle_hook(server_hooks.ServerConnectHook(data))
        forward = self.hooks.gate.forward_of(server)
        if forward is None or server.transport_protocol != "tcp" or server.via is not None:
            server.error = server.error or "childproof: no permission"
        if forward is None or server.error:
            await self._not_opened(command, data, server.error or "childproof: no permission")
            return
        try:
            server.timestamp_start = time.time()
            dialed = await self.hooks.core.dial(forward)
        except DialError as error:
            self._spent(server, error.upstream)
            await self._not_opened(command, data, error.reason)
            return
        except asyncio.CancelledError:
            await self._not_opened(command, data, "connection cancelled")
            raise
        except Exception as error:  # noqa: BLE001 - closed by default
            await self._not_opened(command, data, f"dialing failed: {error!r}")
            return
        self._spent(server, dialed.upstream)
        server.timestamp_tcp_setup = time.time()
        server.state = ConnectionState.OPEN
        server.peername = dialed.writer.get_extra_info("peername")
        server.sockname = dialed.writer.get_extra_info("sockname")
        self.transports[server] = ConnectionIO(
            handler=asyncio.current_task(), reader=dialed.reader, writer=dialed.writer
        )
        await self.handle_hook(server_hooks.ServerConnectedHook(data))
        await self.server_event(events.OpenConnectionCompleted(command, None))
        try:
            await self.handle_connection(server)
        finally:
            server.timestamp_end = time.time()
            await self.handle_hook(server_hooks.ServerDisconnectedHook(data))

    async def _not_opened(
        self, command: commands.OpenConnection, data: server_hooks.ServerConnectionHookData, reason: str
    ) -> None:
        command.connection.error = reason
        self.transports.pop(command.connection, None)
        await self.handle_hook(server_hooks.ServerConnectErrorHook(data))
        await self.server_event(events.OpenConnectionCompleted(command, reason))


class _Base(layer.Layer):
    """The bottom of the stack: TLS's layer wants one below it."""

    child: layer.Layer

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        return self.child.handle_event(event)

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from self.child.handle_event(event)


def _really_cancelled() -> bool:
    """Whether this task was cancelled from outside, rather than an addon raising CancelledError by itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
