"""Worlds in a file, as commands read and change them."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from childproof.ledger import Entry, Filter, Ledger
from childproof.ledger.ledger import Tail
from childproof.world import Branch, ClockSettings, Store, deliveries, worldfile

from .reading import call_number
from .records import Advanced, Compared, Counts


class StoredRecords:
    """Records of an open database (see `Records`)."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self.store = store
        self.ledger = ledger
        self.place = store.path

    def names(self) -> list[str]:
        """See Records."""
        return self.store.names()

    def branches(self) -> list[Branch]:
        """See Records."""
        return self.store.branches()

    def branch(self, world: str) -> Branch:
        """See Records."""
        self.store.world(world)  # says which there are, if not this one
        return self.store.branch(world)

    def entries(self, *, world: str | None, only: Filter, last: int | None) -> Iterable[Entry]:
        """See Records."""
        return self.ledger.entries(world=world, only=only, last=last)

    def tail(self, *, world: str | None, only: Filter) -> Tail:
        """See Records."""
        return self.ledger.tail(world=world, only=only)

    def at(self, world: str, number: int) -> Entry | None:
        """See Records."""
        return self.ledger.at(world, number)

    def beginning(self, call: str) -> list[Entry]:
        """See Records."""
        return self.ledger.find(call)

    def caused_by(self, entry: Entry) -> list[Entry]:
        """See Records."""
        return self.ledger.caused_by(entry.id)

    def clock(self, world: str) -> ClockSettings:
        """See Records."""
        return self.store.world(world).clock

    def counts(self, world: str) -> Counts:
        """See Records."""
        with self.store.world(world).view() as view:
            held = {(service, kind): view.count(service, kind) for service, kind in view.kinds()}
            return Counts(held, view.count("_schedule", "job"), view.count("_people", "person"))

    def compared(self, a: str, b: str) -> Compared:
        """See Records."""
        from childproof.control.comparing import effects_of, worded  # noqa: PLC0415 (what knows stubs: only here)

        found = self.store.compare(a, b)
        # What was imported since has its state and no record: that isn't nothing.
        unrecorded = sorted({name for name in (a, b) if self.store.unrecorded(name, found.base)})
        sides = effects_of(self.ledger, found)
        if not sides:
            return Compared(found, {}, unrecorded)
        from childproof.catalog import load_catalog  # noqa: PLC0415 (only where there is something to word)
        from childproof.run.config.config import load_config  # noqa: PLC0415 (likewise)

        return Compared(found, worded(load_catalog(load_config(os.environ, Path.cwd()).stubs), sides), unrecorded)

    def held(self, world: str, service: str, kind: str) -> list[dict[str, Any]]:
        """See Records."""
        with self.store.world(world).view() as view:
            return list(view.list(service, kind, newest_first=False))

    def entity(self, world: str, service: str, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002 (what it is)
        """See Records."""
        with self.store.world(world).view() as view:
            return view.get(service, kind, id)


class StoredWorlds:
    """Worlds of an open database (see `Worlds`)."""

    def __init__(self, store: Store, ledger: Ledger) -> None:
        self._store = store
        self._ledger = ledger

    def create(self, name: str, *, seed: int, clock: ClockSettings, labels: Mapping[str, str]) -> None:
        """See Worlds."""
        self._store.create(name, seed=seed, clock=clock, labels=labels)

    def fork(self, source: str, name: str, *, at: str | None, labels: Mapping[str, str]) -> int:
        """See Worlds."""
        self._store.world(source)
        base = None if at is None else call_number(self._store, self._ledger, source, at)
        return self._store.fork(source, name, at=base, labels=labels).seq

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """See Worlds."""
        self._store.label(name, labels)

    def reset(self, name: str, *, at: str | None) -> tuple[Branch, int]:
        """See Worlds."""
        self._store.world(name)
        to = None if at is None else call_number(self._store, self._ledger, name, at)
        gone = self._store.reset(name, at=to, record=self._ledger)
        return self._store.branch(name), gone

    def delete(self, name: str, *, with_children: bool) -> list[str]:
        """See Worlds."""
        return self._store.delete(name, with_children=with_children, record=self._ledger)

    def set_clock(self, name: str, settings: ClockSettings, *, offset: int | None) -> ClockSettings:
        """See Worlds."""
        from childproof.run.compose import passing  # noqa: PLC0415 (the engine: only where something is done)

        world = self._store.world(name)
        passing(self._store, self._ledger).set(world, settings, offset=offset)
        return world.clock

    def advance(self, name: str, by: int, *, rules: tuple[Path, ...], stubs: tuple[Path, ...]) -> Advanced:
        """See Worlds."""
        from childproof.run.compose import passing  # noqa: PLC0415 (likewise)
        from childproof.run.config.config import load_config  # noqa: PLC0415 (likewise)

        world = self._store.world(name)
        config = load_config(os.environ, Path.cwd())
        config = config.override(rules=tuple(map(Path.absolute, rules)), stubs=tuple(map(Path.absolute, stubs)))
        passed = passing(self._store, self._ledger, config).advance(world, by)
        with world.view() as view:
            return Advanced(passed.now, passed.jobs, passed.failed, len(deliveries.due(world, view)))

    def export(self, name: str, *, since_parent: bool) -> Iterable[str]:
        """See Worlds."""
        return worldfile.write(self._store.export(name, since_parent=since_parent))

    def load(self, text: str, file: str, name: str | None, labels: Mapping[str, str]) -> Branch:
        """See Worlds."""
        values = worldfile.read(text, file)
        values["metadata"] = {**values.get("metadata", {}), **labels}
        return self._store.branch(self._store.load(values, name or values["world"]).name)
