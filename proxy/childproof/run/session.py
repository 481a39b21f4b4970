"""`childproof run`: one command in one sandbox, from the fork to the report.

The order matters for the start-up time. The sandbox forks before anything heavy is imported, so that the kernel's
part happens beside mitmproxy's import; the command starts last, when everything is ready to serve it.
"""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from childproof.errors import InputError, SandboxError
from childproof.sandbox.sealed import SandboxSpec, SealedSandbox

from .config.config import DEFAULT_FILE, Config, config_file, load_config
from .config.variables import PRIVATE
from .watch.trouble import Trouble, ending, say

if TYPE_CHECKING:
    from childproof.capture.mitm.ca import CA
    from childproof.capture.webhooks import Deliverer
    from childproof.world import ClockSettings

    from .compose import Parts
    from .proxy import Proxy
    from .report.reportfile import ReportFile
    from .sandboxes.controlling import Socket

LISTEN_ANYWHERE = "127.0.0.1:0"


class Session(msgspec.Struct, frozen=True):
    """What the command line asked for. Paths are absolute."""

    command: tuple[str, ...]
    environ: dict[str, str]
    cwd: Path
    world: str
    seed: int
    clock: "ClockSettings"
    config_file: Path | None = None
    rules: tuple[Path, ...] = ()
    stubs: tuple[Path, ...] = ()
    db: str | None = None
    metrics: str | None = None
    control: str | None = None
    report: Literal["text", "json", "none"] = "text"
    report_to: "ReportFile | None" = None

    def config(self) -> Config:
        """The configuration with this session's flags. Raises InputError."""
        config = load_config(self.environ, self.cwd, self.config_file)
        return config.override(
            rules=self.rules, stubs=self.stubs, store=self.db, metrics=self.metrics, control=self.control
        )

    def shown(self) -> dict[str, str]:
        """The environment as the command may see it."""
        return {name: value for name, value in self.environ.items() if name not in PRIVATE}


def run_command(session: Session, *, sealed: bool) -> int:
    """Run the session's command and report; its exit code, or 1 for 0 where something could not be recorded.

    Raises InputError, StoreError or SandboxError; then the command has not been started.
    """
    sandbox = control = None
    try:
        with _importing():
            config = session.config()
            if config.control is not None and config.control.listen:
                from .sandboxes.controlling import bound  # noqa: PLC0415 (Starlette and uvicorn: only for those who ask for it)

                control = bound(config.control, ())
            if sealed:
                sandbox = SealedSandbox.launch(SandboxSpec(session.command, session.shown(), str(session.cwd)))
            parts, ca = _prepare(session, config, sandbox)
        try:
            before = parts.ledger.position()
            if control is not None:
                parts.closed.update(control.ports)
            if sandbox is not None:
                code = asyncio.run(_sealed(parts, ca, session.world, sandbox, control))
            else:
                code = asyncio.run(_unsealed(parts, ca, session, control))
            if session.report != "none":
                from .report.emit import Reporting, emit_reports  # noqa: PLC0415 (the start needs none of it)

                emit_reports(parts, (session.world,), before, Reporting(session.report, session.report_to))
            code = ending(code, {session.world: parts.engine.missing(session.world)})
            _warn_of_a_new_configuration(session, config)
        finally:
            parts.close()
    finally:
        if sandbox is not None:
            sandbox.kill()
        if control is not None:
            control.close()
    return code


@contextlib.contextmanager
def _importing() -> Iterator[None]:
    """Leave modules out of garbage collection: they are none.

    To look through them again and again while they are imported takes a tenth of the start, and as much once more at
    the process's end.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _prepare(session: Session, config: Config, sandbox: SealedSandbox | None) -> "tuple[Parts, CA]":
    """Everything that may be wrong in what people wrote, found before anything starts; then the rest is imported."""
    from .authority import open_ca  # noqa: PLC0415 (heavy: after the fork)
    from .compose import compose  # noqa: PLC0415
    from .config.secrets import secret_files, stand_ins  # noqa: PLC0415
    from .covered import hidden, judging  # noqa: PLC0415

    ca = open_ca(config)
    parts = compose(config, worlds=(session.world,), seed=session.seed, clock=session.clock, on_trouble=Trouble())
    if sandbox is not None:
        # The report's file too: the command could turn it into a link to where we may write and it may not.
        report = [session.report_to.path] if session.report_to is not None and session.report_to.path.is_file() else []
        sandbox.furnish(
            ca_cert=ca.cert_pem,
            hidden=[*hidden(config, *report), *secret_files(parts.secrets)],
            read_only=judging(parts),
            environ=stand_ins(session.shown(), parts.secrets),
        )
    from . import proxy  # noqa: F401, PLC0415 (mitmproxy, which takes as long as all else: meanwhile mounts are made)

    return parts, ca


async def _sealed(parts: "Parts", ca: "CA", world: str, sandbox: SealedSandbox, control: "Socket | None") -> int:
    from childproof.capture.destination import Ingress  # noqa: PLC0415

    from .doors import Doors, DoorSockets  # noqa: PLC0415
    from .proxy import Proxy  # noqa: PLC0415 (mitmproxy)
    from .watch.scrape import scraping  # noqa: PLC0415

    async with Proxy(parts, ca) as proxy, scraping(parts, say):
        listeners = sandbox.handover()
        sockets = DoorSockets((listeners.tcp,), listeners.dns, refusals=listeners.refusals)
        try:
            async with Doors(parts, proxy, Ingress(world, "run"), sockets):
                sandbox.start()
                from .warmup import warming_up  # noqa: PLC0415 (the command runs already)
                from .webhooks import delivering  # noqa: PLC0415

                async with (
                    delivering(parts, (world,), sandbox.connect) as deliverer,
                    warming_up(parts),
                    _asked(control, parts, proxy, deliverer, world, ca),
                ):
                    return await sandbox.finished()
        finally:
            listeners.close()


def _warn_of_a_new_configuration(session: Session, before: Config) -> None:
    """A file that didn't exist couldn't be kept from being made: say that the next start would read it."""
    try:
        changed = session.config() != before
    except InputError:
        changed = True
    if changed:
        file = config_file(session.environ, session.cwd, session.config_file)
        say(f"the command left another configuration behind; look at {file or DEFAULT_FILE} before you start again")


async def _unsealed(parts: "Parts", ca: "CA", session: Session, control: "Socket | None") -> int:
    from childproof.sandbox.envmode import run_with_environment  # noqa: PLC0415

    from .config.listen import Listen  # noqa: PLC0415
    from .config.secrets import stand_ins  # noqa: PLC0415
    from .proxy import Proxy  # noqa: PLC0415
    from .warmup import warming_up  # noqa: PLC0415
    from .watch.scrape import scraping  # noqa: PLC0415
    from .webhooks import delivering, own_loopback  # noqa: PLC0415

    environ = {**session.shown(), **stand_ins(session.shown(), parts.secrets)}
    say("NOT SEALED: --mode env only sets proxy variables; what ignores them reaches the network")
    async with Proxy(parts, ca) as proxy, scraping(parts, say):
        [http] = await proxy.listen((Listen(session.world, http=LISTEN_ANYWHERE),))
        parts.closed.add(http.port)
        inside = own_loopback(parts, parts.closed)
        async with (
            delivering(parts, (session.world,), inside) as deliverer,
            warming_up(parts),
            _asked(control, parts, proxy, deliverer, session.world, ca),
        ):
            return await run_with_environment(
                session.command, environ, proxy=http.address, ca_cert=ca.cert_pem, cwd=session.cwd
            )


@contextlib.asynccontextmanager
async def _asked(  # noqa: PLR0917 (what there is, passed on)
    control: "Socket | None",
    parts: "Parts",
    proxy: "Proxy",
    deliverer: "Deliverer",
    world: str,
    ca: "CA",
) -> AsyncIterator[None]:
    """Answer the control API meanwhile, if somebody is to ask."""
    if control is None:
        yield
        return
    from .sandboxes.controlling import controlling  # noqa: PLC0415 (imported by now)
    from .sandboxes.sandboxes import Running  # noqa: PLC0415 (likewise)
    from .server.health import Health  # noqa: PLC0415

    health = Health()
    health.watch(parts)
    health.phase = "ready"
    running = Running(parts, proxy, deliverer, (world,), ca.cert_pem.read_bytes)
    async with controlling(control, running, health, say, sealed=False):
        say(f"control {control.shown}")
        yield


__all__ = ["InputError", "SandboxError", "Session", "run_command"]
