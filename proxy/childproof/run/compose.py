"""The composition root's first half: store, ledger, rules, stubs and engine, wired from a configuration."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from childproof.catalog import Catalog, load_catalog
from childproof.catalog.footprint import Footprint, footprint
from childproof.catalog.shipped import shipped
from childproof.engine import Engine
from childproof.engine.jobs import Jobs
from childproof.engine.passing import Passing
from childproof.engine.recording import Recording, Watcher, Watchers
from childproof.errors import Fault, InputError, StoreError
from childproof.ledger import Ledger
from childproof.model import Effect, Hidden
from childproof.policy import Ruleset, load_ruleset
from childproof.policy.allow import Secret
from childproof.world import REAL, ClockSettings, Store, Worker, World

from .config.config import Config
from .config.secrets import read_vault
from .server.reloads import Reloads

if TYPE_CHECKING:
    from .report.report import Report
    from .watch.watching import Watching


def wall_clock() -> int:
    """Real time in unix milliseconds: the one place where childproof reads it."""
    return time.time_ns() // 1_000_000


class Parts(msgspec.Struct, frozen=True):
    """What a capture side needs, already checked: nothing here fails for a user's mistake any more.

    `rule_files` are the files that the rules were read from, included ones too, `secrets` the credentials that they put in. `closed`
    are the TCP ports of this process, its control API's among them: neither a webhook nor an allowed call leads there.
    """

    config: Config
    store: Store
    ledger: Ledger
    engine: Engine
    rule_files: tuple[Path, ...] = ()
    secrets: tuple[tuple[Secret, Hidden], ...] = ()
    watching: "Watching | None" = None
    reloads: Reloads = msgspec.field(default_factory=Reloads)
    read: Footprint = msgspec.field(
        default_factory=dict
    )  # the files of rules, stubs and credentials, from before they were read
    closed: set[int] = msgspec.field(default_factory=set)

    @property
    def catalog(self) -> Catalog:
        """The stubs in force."""
        return self.engine.catalog

    def report(self, world: str, *, after: int, sandbox: str = "") -> "Report":
        """The outcome of the calls of `world` that were recorded since `after`, a `Ledger.position()`.

        With `sandbox`, without what others in that world called.
        """
        from .report.report import summarize  # noqa: PLC0415 (for the end; the start needs none of it)

        def words(service: str, effects: Sequence[Effect]) -> str:
            return self.catalog.get(service).outcomes(effects) if service in self.catalog else ""

        found = self.ledger.entries(world=world, after=after)
        entries = (entry for entry in found if not sandbox or entry.sandbox in ("", sandbox))
        return summarize(world, entries, words, self.engine.missing(world))

    def close(self, within: float | None = None) -> None:
        """Close the store; the last thing to do. Telemetry that waits is sent before, in so many seconds if they are given."""
        if self.watching is not None:
            self.watching.close(within)
        self.store.close()


def rule_files(config: Config) -> tuple[Path, ...]:
    """The rule files in force: those configured, else the shipped default."""
    return config.rules or (shipped("rules") / "default.yaml",)


def read_files(config: Config, rules: Ruleset | None = None) -> list[Path]:
    """What of the files that rules, stubs and credentials are read from is known, folders of stubs as a whole."""
    named = [config.origin.file] if config.origin is not None else []
    sources = [source for _, source in config.canaries if not isinstance(source, str)]
    if rules is not None:
        sources += [secret.source for rule in rules.rules for secret in rule.allow.secrets]
    files = [Path(source.file) for source in sources if source.file]
    return [*dict.fromkeys([*named, *config.rules, *(rules.named if rules else ()), *config.stubs, *files])]


def load_policy(
    config: Config, former: Catalog | None = None, former_rules: Ruleset | None = None
) -> tuple[Catalog, Ruleset]:
    """Load stubs and rules. Raises InputError with the faults of both. What the former ones have and is unchanged is kept.

    Stubs of given folders are checked as far as a rule or a listener leads to them, all of them where the rules are broken.
    """
    faults: list[Fault] = []
    catalog = rules = None
    try:
        catalog = load_catalog(config.stubs, config.unknown_ids)
        if former is not None:
            catalog.keep(former)
    except InputError as error:
        faults += error.faults
    try:
        # Where there is no catalog its names are unknown: don't blame the rules for it.
        roots = (shipped("rules"),)
        rules = load_ruleset(rule_files(config), stubs=catalog, include_roots=roots, former=former_rules)
    except InputError as error:
        faults += error.faults
    if catalog is not None:
        try:
            # Those that aren't given were checked when they were packaged.
            catalog.check(catalog.given if rules is None else led_to(catalog.given, rules, config))
        except InputError as error:
            faults += error.faults
    if faults:
        raise InputError(faults)
    assert catalog is not None
    assert rules is not None
    return catalog, rules


def led_to(names: Sequence[str], rules: Ruleset, config: Config) -> list[str]:
    """The stubs that a call can reach: loading one takes tens of milliseconds, and nobody asks the others anything."""
    reached = {rule.stub for rule in rules.rules} | {listen.stub for listen in config.listen}
    return [name for name in names if name in reached]


def _writable(store: str) -> None:
    """Seen now, since a run that can record nothing has to deny everything. Raises StoreError."""
    if store != ":memory:" and not os.access(store, os.W_OK):
        raise StoreError(f"{store} may not be written; change its permissions, or choose another file with --db")


def _settled(world: World, seed: int, clock: ClockSettings, say: Callable[[str], None]) -> None:
    """Say where a world was there already and keeps what it was made with."""
    kept = []
    if seed not in (0, world.seed):
        kept.append(f"its seed {world.seed}")
    if clock not in (REAL, world.clock):
        kept.append("its clock")
    if kept:
        say(f"world {world.name} exists already and keeps {' and '.join(kept)}; name a new one with --world")


def passing(store: Store, ledger: Ledger, config: Config | None = None) -> Passing:
    """What lets time pass in the worlds of a store that is open; with `config`, also what was put off. Raises InputError."""
    if config is None:
        recording = Recording(ledger, wall_clock)
        return Passing(recording, Jobs(recording, _nobody), wall_clock)
    catalog, rules = load_policy(config)
    engine = Engine(store=store, ledger=ledger, rules=rules, catalog=catalog, wall=wall_clock, max_body=config.max_body)
    return engine.passing()


def _nobody(service: str) -> Worker:
    raise LookupError(f"nobody does {service}'s work here")


def _watched(config: Config, say: Callable[[str], None], worlds: Sequence[str]) -> "Watching | None":
    """Who watches, if anybody is to. Raises ChildproofError where a library is missing."""
    if config.otlp is None and not config.metrics:
        return None
    from .watch.watching import watching  # noqa: PLC0415 (only for those who ask for it)

    return watching(config, say, worlds)


def compose(
    config: Config,
    *,
    worlds: Sequence[str],
    seed: int = 0,
    clock: ClockSettings = REAL,
    wall: Callable[[], int] = wall_clock,
    on_trouble: Callable[[str], None] = lambda _: None,
    journal: Watcher | None = None,
) -> Parts:
    """Load everything and make sure that the worlds exist. Raises InputError or StoreError; then nothing is open.

    `journal` is told of entries besides who counts them.
    """
    read = footprint(read_files(config)) if config.watch else {}
    catalog, rules = load_policy(config)
    vault = read_vault(rules.rules, config.canaries, os.environ)
    store = Store.open(config.store, wall=wall)
    try:
        _writable(config.store)
        for world in worlds:
            if config.worlds:
                from .planting import seed_world  # noqa: PLC0415 (only where there are world files)

                seed_world(world, config.worlds, store, catalog, wall=wall, say=on_trouble)
            _settled(store.ensure(world, seed=seed, clock=clock), seed, clock, on_trouble)
        ledger = Ledger(store.connection, lock=store.lock)
        watched = _watched(config, on_trouble, worlds)
    except BaseException:
        store.close()
        raise
    engine = Engine(
        vault=vault,
        store=store,
        ledger=ledger,
        rules=rules,
        catalog=catalog,
        wall=wall,
        max_body=config.max_body,
        on_trouble=on_trouble if watched is None else watched.hearing(on_trouble),
        watcher=watched if journal is None else Watchers(journal) if watched is None else Watchers(journal, watched),
    )
    secrets = tuple((secret, vault.values[secret.source]) for rule in rules.rules for secret in rule.allow.secrets)
    return Parts(config, store, ledger, engine, rules.files, secrets, watched, Reloads(at=wall()), read)
