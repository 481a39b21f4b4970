"""Reading rules, stubs, credentials and configuration again while calls are judged: all of the new, or all of the old.

On SIGHUP, and when a file has changed: looked at once a second, by what the file system tells of it. Reading takes place
in a thread, so that calls go on; what was read takes effect between two calls. Files that change while they are read are
read again, so that nothing in force is of two minds. Reloads don't overlap: whoever asks during one gets another after it.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

import msgspec

from childproof.catalog import Catalog
from childproof.catalog.footprint import Footprint, differ, footprint
from childproof.control.aside import aside
from childproof.engine.vault import Vault
from childproof.errors import InputError
from childproof.model import replace
from childproof.policy import Ruleset
from childproof.run.compose import Parts, load_policy, read_files, wall_clock
from childproof.run.config.config import Config, load_config
from childproof.run.config.secrets import read_vault

EVERY = 1.0  # seconds between two looks
SHARE = 500  # a look that takes long is followed by a pause of so many times as long: 0.2 % of a processor
SETTLED = 0.25  # seconds without a further change make what came before one change
PATIENCE = 5.0  # seconds that a file may be away before that counts as a change: editors and mounts put it back
ROUNDS = 5  # of reading, while files change
LONGEST = 60.0  # seconds for all of it: a pipe, or a file system that is gone, must not be the last that was read
INTERVAL = 0.0005  # seconds after which the reading thread gives way to calls; Python's own 5 ms would add up
# What takes effect while serving; all else waits for a restart. By what the file calls it.
_RUNNING = {"rules", "stubs", "canaries", "unknown_ids", "max_body", "webhooks", "origin"}
_WRITTEN = {
    "state_dir": "state",
    "connections": "limits.connections",
    "otlp": "telemetry",
    "watch": "reload.watch",
    "grace": "stop.grace",
}


class Fresh(msgspec.Struct, frozen=True):
    """All that takes effect at once, already checked."""

    config: Config
    catalog: Catalog
    rules: Ruleset
    vault: Vault
    restart: tuple[str, ...] = ()  # settings that have changed and wait
    footprint: Footprint | None = None


def reread(config: Config) -> tuple[Config, tuple[str, ...]]:
    """A configuration with what its file says by now, as far as that can take effect, and the names of what can't.

    Raises InputError.
    """
    origin = config.origin
    if origin is None:
        return config, ()
    written = load_config(origin.environ, origin.directory, origin.file)
    flagged = written.override(rules=origin.rules, stubs=origin.stubs)
    waiting = [
        _WRITTEN.get(name, name)
        for name in Config.__dataclass_fields__
        if name not in _RUNNING and getattr(written, name) != getattr(origin.written, name)
    ]
    if written.webhooks.loopback != origin.written.webhooks.loopback:
        waiting.append("webhooks.loopback")
    now = replace(
        config,
        rules=flagged.rules,
        stubs=flagged.stubs,
        canaries=written.canaries,
        unknown_ids=written.unknown_ids,
        max_body=written.max_body,
        webhooks=replace(written.webhooks, loopback=config.webhooks.loopback),
    )
    return now, tuple(waiting)


def read_again(
    config: Config, former: Catalog, environ: Mapping[str, str], known: list[Path], rules: Ruleset | None = None
) -> Fresh:
    """Read everything until nothing has changed meanwhile. Changes nothing that is in force. Raises InputError.

    Stubs of `former` and rules of `rules` that are the same are taken over.

    `known` are the files that were read before; those that this finds are added to it, though it fails.
    """
    for _ in range(ROUNDS):
        before = footprint(known)
        try:
            fresh = _read(config, former, environ, known, rules)
        except InputError:
            if footprint(known) == before:
                raise
            continue  # perhaps half of two
        after = footprint(read_files(fresh.config, fresh.rules))
        if after.items() <= before.items():
            return replace(fresh, footprint=after)
    raise InputError.single(
        "reload", "files that change while they are read", "files that stay as they are for a moment"
    )


def _read(
    config: Config, former: Catalog, environ: Mapping[str, str], known: list[Path], former_rules: Ruleset | None
) -> Fresh:
    config, restart = reread(config)
    _add(known, read_files(config))
    catalog, rules = load_policy(config, former, former_rules)
    _add(known, read_files(config, rules))
    return Fresh(config, catalog, rules, read_vault(rules.rules, config.canaries, environ), restart)


def _add(known: list[Path], more: list[Path]) -> None:
    known += [path for path in more if path not in known]


class Reloader:
    """Reads again when it is asked to, and with `watch` when a file has changed. Use `async with`, in the loop of the calls.

    `event` is told of what came of it (see `Journal.event`); without it, `say` hears the sentences.
    """

    def __init__(
        self,
        parts: Parts,
        say: Callable[[str], None],
        *,
        watch: bool = False,
        every: float = EVERY,
        event: Callable[..., None] | None = None,
    ) -> None:
        self._parts = parts
        self._event = event or _sentences(say)
        self._watch = watch
        self._every = every
        self._config = parts.config
        self._known = read_files(parts.config, parts.engine.rules)
        self._wanted = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self._seen: Footprint = {**footprint(self._known), **parts.read} if watch else {}

    async def __aenter__(self) -> Self:
        self._tasks.append(asyncio.create_task(self._work()))
        if self._watch:
            self._tasks.append(asyncio.create_task(self._look()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def request(self) -> None:
        """Have everything read again, soon. Called in the loop's thread, by a signal for one."""
        self._parts.reloads.pending = True
        self._idle.clear()
        self._wanted.set()

    async def done(self) -> None:
        """Wait until nothing that was asked for is left to do."""
        await self._idle.wait()

    # inside

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self._reload()
            if not self._wanted.is_set():
                self._parts.reloads.pending = False
                self._idle.set()

    async def _reload(self) -> None:
        """Once. Never raises: what goes wrong leaves everything as it was."""
        reloads, started = self._parts.reloads, time.perf_counter()
        known = [*self._known]
        looked = self._sight(known) if self._watch else {}
        try:
            fresh = await self._read(known)
            former = self._apply(fresh)
        except Exception as error:  # noqa: BLE001 (out of memory, or a bug of ours: as little a reason to judge otherwise)
            problem = f"the new ones are broken:\n{error}" if isinstance(error, InputError) else repr(error)
            reloads.failed, reloads.fault = (
                reloads.failed + 1,
                str(error) if isinstance(error, InputError) else repr(error),
            )
            self._known = [*known]
            self._seen = {**self._sight(), **looked} if self._watch else {}
            if self._parts.watching is not None:
                self._parts.watching.troubles += 1
            self._event("reload_failed", f"the rules stay as they were, {problem}", "error", fault=reloads.fault)
        else:
            reloads.succeeded, reloads.fault = reloads.succeeded + 1, ""
            reloads.at, reloads.restart = wall_clock(), fresh.restart
            self._event("reloaded", "the rules were read again", rules=len(fresh.rules), stubs=len(fresh.catalog.given))
            for name in fresh.restart:
                self._event("restart_needed", f"{name} changed: restart to apply it", "warning", setting=name)
            del fresh
            with suppress(Exception):
                await _in_thread(former.clear)  # ten thousand rules take their time to go, too
        reloads.tried_at, reloads.seconds = wall_clock(), time.perf_counter() - started

    async def _read(self, known: list[Path]) -> Fresh:
        """What `read_again` gives. Raises InputError, also where that doesn't end: its thread is left alone then."""
        try:
            async with asyncio.timeout(LONGEST):
                engine = self._parts.engine
                return await _in_thread(
                    lambda: read_again(self._config, engine.catalog, os.environ, known, engine.rules)
                )
        except TimeoutError:
            found = f"files that could not be read in {LONGEST:g} s"
            raise InputError.single("reload", found, "files that can be read, and no pipe among them") from None

    def _apply(self, fresh: Fresh) -> list[object]:
        """Let all of it take effect, between two calls. Gives what is over."""
        engine = self._parts.engine
        former: list[object] = [engine.rules, engine.catalog]
        engine.replace_rules(fresh.rules, fresh.vault, catalog=fresh.catalog, max_body=fresh.config.max_body)
        self._config = fresh.config
        self._known = read_files(fresh.config, fresh.rules)
        self._seen = fresh.footprint or {}
        for told in self._parts.reloads.applied:
            told(fresh.config)
        return former

    async def _look(self) -> None:
        """Ask for a reload whenever files have changed and settled."""
        pause = self._every
        while True:
            await asyncio.sleep(pause)
            await self._idle.wait()
            started = time.perf_counter()
            now = self._sight()
            pause = max(self._every, (time.perf_counter() - started) * SHARE)
            if differ(now, self._seen) and await self._settled(now):
                await self._idle.wait()  # whoever asked for it meanwhile may have got it
                if differ(self._sight(), self._seen):
                    self.request()

    async def _settled(self, now: Footprint) -> bool:
        """Wait until files stay as they are and none is away that was there; whether they differ from before then."""
        give_up = time.monotonic() + PATIENCE
        while True:
            await asyncio.sleep(SETTLED)
            later = self._sight()
            away = any(mark is not None and later.get(name) is None for name, mark in self._seen.items())
            if time.monotonic() >= give_up or (later == now and not away):
                return differ(later, self._seen)
            now = later

    def _sight(self, known: list[Path] | None = None) -> Footprint:
        """How the files are. After a reload that failed, what lies beside them counts: a file may be missing."""
        known = self._known if known is None else known
        beside: list[Path] = []
        if self._parts.reloads.fault:
            folders = dict.fromkeys(path.parent for path in known if path.suffix in {".yaml", ".yml"})
            beside = [file for folder in folders for file in (*folder.glob("*.yaml"), *folder.glob("*.yml"))]
        return footprint([*known, *beside])


def _sentences(say: Callable[[str], None]) -> Callable[..., None]:
    """Events for whoever reads sentences."""

    def event(_event: str, sentence: str, _level: str = "info", **_fields: object) -> None:
        say(sentence)

    return event


async def _in_thread[T](work: Callable[[], T]) -> T:
    """What `work` gives or raises, while calls get more of the processor than they would beside any thread."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(INTERVAL)
    try:
        return await aside(work, "childproof-reload")
    finally:
        sys.setswitchinterval(before)
