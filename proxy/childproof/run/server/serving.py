"""`childproof serve`: listeners until a signal comes, then the report.

The life of a server, in this order: every address is bound, and refuses connections; probes are answered; rules, stubs, store
and authority are loaded beside that; the listeners open, and it is ready; a signal comes, the listeners close, and what is
under way is answered; the report, and the end. Whatever fails on the way ends it with the exit code of its kind.
"""

import asyncio
import contextlib
import gc
import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from childproof import __version__
from childproof.capture.binding import shown
from childproof.control.aside import aside
from childproof.errors import BUG, ChildproofError, InputError
from childproof.run.config.config import Config
from childproof.run.config.listen import Listen, settled
from childproof.run.watch.journal import Journal
from childproof.run.watch.trouble import ending

from .health import Health
from .holding import LONGER, Held
from .pages import Page, answering
from .sockets import Sockets, bind_all
from .stopping import Stopping

if TYPE_CHECKING:
    from childproof.run.authority import Authority
    from childproof.run.compose import Parts
    from childproof.run.proxy import Listening, Proxy
    from childproof.run.report.emit import Reporting
    from childproof.run.sandboxes.controlling import Socket

DEFAULT_LISTEN = (Listen("main", http="127.0.0.1:8080", socks="127.0.0.1:1080"),)
LAST = 0.2  # seconds for telemetry where calls have taken all of the grace
MOST_REPORTED = 50_000  # entries; a server of months would read for minutes, and it is to be gone in seconds


def serve(config: Config, reporting: "Reporting") -> int:
    """Listen as configured (by default HTTP on 8080 and SOCKS5 on 1080, loopback only) until SIGINT or SIGTERM.

    The exit code: 1 where something could not be recorded. Raises ChildproofError where it can't start.
    """
    journal = Journal(config.log)
    try:
        journal.event("starting", version=__version__, pid=os.getpid())
        listeners = settled(config.listen, os.environ) or DEFAULT_LISTEN
        metrics = config.metrics if config.metrics != config.health else ""
        sockets = bind_all(listeners, health=config.health, metrics=metrics)
        control = None
        try:
            control = _controlled(config, listeners)
            code = _Server(config, listeners, sockets, journal, reporting, control).run()
        finally:
            sockets.close()
            if control is not None:
                control.close()
        journal.event("stopped", code=code)
    except ChildproofError as error:
        faults = [str(fault) for fault in error.faults] if isinstance(error, InputError) else [str(error)]
        journal.event("failed", level="error", faults=faults, code=error.exit_code)
        raise
    except Exception as error:
        journal.event("failed", level="error", faults=[f"a bug of childproof's own: {error!r}"], code=BUG)
        raise
    finally:
        journal.close()
    return code


def _controlled(config: Config, listeners: tuple[Listen, ...]) -> "Socket | None":
    """Where the control API will be asked, if anywhere: bound. Raises InputError, ListenError."""
    if config.control is None or not config.control.listen:
        return None
    from childproof.run.sandboxes.controlling import bound  # noqa: PLC0415 (Starlette and uvicorn: only for those who ask for it)

    return bound(config.control, listeners)


@dataclass(slots=True)
class _Server:
    config: Config
    listeners: tuple[Listen, ...]
    sockets: Sockets
    journal: Journal
    reporting: "Reporting"
    control: "Socket | None" = None
    deadline: float = 0.0  # of the clock `time.monotonic`: when all is to be over
    held: Held | None = None

    @property
    def worlds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(listen.world for listen in self.listeners))

    def run(self) -> int:
        """From bound sockets to the report."""
        loaded: list[Parts] = []
        try:
            with asyncio.Runner() as runner:
                before = runner.run(self._serve(loaded))
            if not loaded:
                return 0  # stopped before anything was there
            [parts] = loaded
            self._report(parts, before)
            missing = {world: parts.engine.missing(world) for world in self.worlds}
            return ending(0, missing, lambda text: self.journal.event("incomplete", text, "error"))
        finally:
            for parts in loaded:
                parts.close(max(LAST, self.deadline - time.monotonic()) if self.deadline else None)
            if self.held is not None:
                self.held.release()

    async def _serve(self, loaded: "list[Parts]") -> int:
        """Gives the ledger's position at the start."""
        health = Health()
        pages = dict(health.pages())
        with Stopping() as stopping:
            async with contextlib.AsyncExitStack() as stack:
                if "health" in self.sockets.shared:
                    await stack.enter_async_context(answering(self.sockets.shared["health"], pages))
                    self._say_page("health", "", self.sockets.shared["health"])
                found = await self._loaded(stopping)
                if found is None:
                    return 0
                parts, authority = found
                loaded.append(parts)
                if stopping.asked.is_set():
                    return 0
                before = parts.ledger.position()
                await self._metrics(stack, parts, pages)
                proxy = await self._open(stack, parts, authority, health, stopping)
                health.phase = "ready"
                self.journal.event(
                    "ready", "ready; SIGHUP reads the rules again, Ctrl-C ends", worlds=list(self.worlds)
                )
                await stopping.asked.wait()
                health.phase = "stopping"
                self.deadline = time.monotonic() + self.config.grace
                self.journal.event("stopping", signal=stopping.by, grace=self.config.grace)
                left = await proxy.drain(self.config.grace, stopping.insisted)
                if left:
                    self.journal.event("cut_off", level="warning", connections=left)
        return before

    async def _loaded(self, stopping: Stopping) -> "tuple[Parts, Authority] | None":
        """What `_load` gives, in a thread, so that probes are answered meanwhile. A signal is heeded after it.

        None where that doesn't come: it may be reading a pipe, or a file system that is gone.
        """
        loading = asyncio.ensure_future(aside(lambda: self._load(stopping), "childproof-start"))
        asked = asyncio.ensure_future(stopping.asked.wait())
        await asyncio.wait((loading, asked), return_when=asyncio.FIRST_COMPLETED)
        insisted = asyncio.ensure_future(stopping.insisted.wait())
        if not loading.done():
            await asyncio.wait((loading, insisted), timeout=self.config.grace, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        insisted.cancel()
        if loading.done():
            return loading.result()
        loading.cancel()
        self.journal.trouble("stopped while it was starting: something that it reads doesn't end")
        return None

    def _load(self, stopping: Stopping) -> "tuple[Parts, Authority] | None":
        """Everything that may be wrong in what people wrote; then what takes long to import.

        None where a signal came while another server had the store.
        """
        patience = self.config.grace + LONGER
        self.held = Held.of(self.config.store, patience, stopped=stopping.asked.is_set, say=self.journal.say)
        if self.held is None:
            return None
        gc.disable()  # modules are no garbage: to look for some in them takes a tenth of the start
        try:
            from childproof.run.authority import Authority  # noqa: PLC0415 (heavy: probes are answered before)
            from childproof.run.compose import compose  # noqa: PLC0415

            authority = Authority(self.config)
            parts = compose(
                self.config,
                worlds=self.worlds,
                on_trouble=self.journal.trouble,
                journal=self.journal if self.journal.log is not None else None,
            )
            if parts.watching is not None:
                self.journal.heard = parts.watching.told
            try:
                from childproof.run import doors, proxy  # noqa: F401, PLC0415 (mitmproxy)
            except BaseException:
                parts.close()
                raise
            return parts, authority
        finally:
            gc.freeze()
            gc.enable()

    async def _metrics(
        self, stack: contextlib.AsyncExitStack, parts: "Parts", pages: dict[str, Callable[[], Page]]
    ) -> None:
        """Let Prometheus ask, at an address of its own or at that of the probes."""
        from childproof.run.watch.scrape import PATH, metrics_page  # noqa: PLC0415 (Prometheus waits until all is loaded)

        page = metrics_page(parts)
        if page is None:
            return
        if "metrics" in self.sockets.shared:
            sockets = self.sockets.shared["metrics"]
            await stack.enter_async_context(answering(sockets, {PATH: page}))
        else:
            pages[PATH] = page
            sockets = self.sockets.shared["health"]
        self._say_page("metrics", PATH, sockets)

    def _say_page(self, kind: str, path: str, sockets: Sequence[socket.socket]) -> None:
        for sock in sockets:
            where = shown(sock)
            self.journal.event("listening", f"{kind:<7} http://{where}{path}", kind=kind, address=where)

    async def _open(
        self,
        stack: contextlib.AsyncExitStack,
        parts: "Parts",
        authority: "Authority",
        health: Health,
        stopping: Stopping,
    ) -> "Proxy":
        """Let calls in, and begin what goes on beside them."""
        from childproof.run.authority import tended  # noqa: PLC0415
        from childproof.run.proxy import Proxy  # noqa: PLC0415
        from childproof.run.webhooks import delivering, own_loopback  # noqa: PLC0415

        from .reloading import Reloader  # noqa: PLC0415
        from .unused import remarked  # noqa: PLC0415

        say = self.journal.say
        proxy = await stack.enter_async_context(Proxy(parts, authority.ca))
        parts.closed.update(sock.getsockname()[1] for sockets in self.sockets.shared.values() for sock in sockets)
        if self.control is not None:
            parts.closed.update(self.control.ports)
        opened = await proxy.listen(self.listeners, self.sockets)
        self._say_where(opened, authority)
        health.watch(parts)
        health.checks["the certificate to trust"] = lambda: (
            None
            if authority.ca.cert_pem.exists()
            else "the certificate to trust is gone: workloads can't trust anybody"
        )
        health.told["reload"] = parts.reloads.as_json
        health.told["ca"] = authority.told
        if parts.watching is not None:
            parts.watching.authority_ends = authority.expiry
        parts.closed.update(place.port for place in opened)
        deliverer = await stack.enter_async_context(
            delivering(parts, self.worlds, own_loopback(parts, parts.closed), say)
        )
        watch = self.config.watch
        reloader = await stack.enter_async_context(Reloader(parts, say, watch=watch, event=self.journal.event))
        warn = self.journal.trouble
        again = await stack.enter_async_context(tended(authority, proxy.http, say, warn, watch=watch))
        await stack.enter_async_context(remarked(parts, warn))

        def hung_up() -> None:
            reloader.request()
            again()

        stopping.when_hung_up(hung_up)
        if self.control is not None:
            from childproof.run.sandboxes.controlling import controlling  # noqa: PLC0415
            from childproof.run.sandboxes.sandboxes import Running  # noqa: PLC0415

            def trusted() -> bytes:
                return authority.ca.cert_pem.read_bytes()  # of now: it may be replaced

            running = Running(parts, proxy, deliverer, self.worlds, trusted)
            await stack.enter_async_context(controlling(self.control, running, health, say))
            where = self.control.shown
            self.journal.event("listening", f"control {where}", kind="control", address=where)
        return proxy

    def _say_where(self, opened: "list[Listening]", authority: "Authority") -> None:
        for place in opened:
            where = f"http://{place.address}  {place.stub}" if place.stub else place.address
            self.journal.event(
                "listening",
                f"{place.kind:<7} {where}  world {place.world}",
                kind=place.kind,
                address=place.address,
                world=place.world,
                stub=place.stub,
            )
        if not all(place.stub for place in opened):
            cert = str(authority.ca.cert_pem)
            self.journal.event("ca", f"CA      {cert}  (for clients to trust)", certificate=cert)

    def _report(self, parts: "Parts", before: int) -> None:
        from childproof.run.report.emit import emit_reports  # noqa: PLC0415 (for the end; the start needs none of it)

        if self.journal.log is None:
            emit_reports(parts, self.worlds, before, self.reporting)
            return
        if self.reporting.form == "none":
            return
        from childproof.run.report.report import to_json  # noqa: PLC0415

        recorded = parts.ledger.position() - before
        if recorded > MOST_REPORTED:
            self.journal.event("report", f"{recorded} entries are too many to report on; `childproof log` lists them")
            return
        for world in self.worlds:
            try:
                report = to_json(parts.report(world, after=before), ledger=self.config.store)
            except ChildproofError as error:
                self.journal.trouble(f"world {world} can't be reported on: {error}")
                continue
            self.journal.event("report", report=report)
