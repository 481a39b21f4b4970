"""Worlds at a server, as commands read and change them: over its control API."""

import queue
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from childproof.client import Client, NotFoundError
from childproof.client.events import ENTRY, Event
from childproof.control import messages
from childproof.control.messages_record import ClockState
from childproof.errors import AskedError
from childproof.ledger import ANY, Entry, Filter, from_line, timestamp
from childproof.model import Change
from childproof.world import Branch, ClockSettings, Comparison
from childproof.world.written import read_time

from .records import Advanced, Compared, Counts


class ServedRecords:
    """Records of a server (see `Records`)."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.place = client.url

    def names(self) -> list[str]:
        """See Records."""
        return sorted(world.name for world in self._client.worlds())

    def branches(self) -> list[Branch]:
        """See Records."""
        return sorted(map(_branch, self._client.worlds()), key=lambda branch: branch.name)

    def branch(self, world: str) -> Branch:
        """See Records."""
        with known(self._client, world):
            return _branch(self._client.world(world))

    def entries(self, *, world: str | None, only: Filter, last: int | None) -> Iterable[Entry]:
        """See Records."""
        query = _query(only)
        found = self._client.calls(world, **query) if last is None else self._client.newest_calls(world, last, **query)
        return map(from_line, found)

    def tail(self, *, world: str | None, only: Filter) -> "ServedTail":
        """See Records."""
        return ServedTail(self._client.events(world, **_query(only)))

    def at(self, world: str, number: int) -> Entry | None:
        """See Records."""
        try:
            return from_line(self._client.call(world, str(number)))
        except NotFoundError:
            return None

    def beginning(self, call: str) -> list[Entry]:
        """See Records."""
        try:
            return [*map(from_line, self._client.find_calls(call))]
        except NotFoundError:
            return []

    def caused_by(self, entry: Entry) -> list[Entry]:
        """See Records."""
        same = self.entries(world=entry.world, only=Filter(trace=entry.trace), last=None)
        return [one for one in same if one.cause == entry.id]

    def clock(self, world: str) -> ClockSettings:
        """See Records."""
        with known(self._client, world):
            return _clock(self._client.clock(world))

    def counts(self, world: str) -> Counts:
        """See Records."""
        with known(self._client, world):
            found = self._client.holdings(world)
        held = {(one.service, one.kind): one.count for one in found.kinds}
        return Counts(held, self._client.clock(world).scheduled, found.people)

    def compared(self, a: str, b: str) -> Compared:
        """See Records."""
        from childproof.control.comparing import Words  # noqa: PLC0415 (what knows stubs: only here)

        with known(self._client, a), known(self._client, b):
            told = self._client.diff(b, other=a)
        changes, words = [], {}
        for one in told["services"]:
            service, outcomes = one["service"], one["outcomes"]
            words[service] = Words(outcomes["a"], outcomes["b"], outcomes["difference"])
            changes += [Change(service, made["kind"], made["id"], None, made["value"]) for made in one["added"]]
            changes += [Change(service, gone["kind"], gone["id"], gone["value"], None) for gone in one["removed"]]
            changes += [
                Change(
                    service,
                    other["kind"],
                    other["id"],
                    _sides(other["fields"], "before"),
                    _sides(other["fields"], "after"),
                )
                for other in one["changed"]
            ]
        changes.sort(key=lambda change: (change.service, change.kind))
        found = Comparison(a, b, told["ancestor"]["world"], told["ancestor"]["call"], tuple(changes))
        return Compared(found, words, told["unrecorded"])

    def held(self, world: str, service: str, kind: str) -> list[dict[str, Any]]:
        """See Records."""
        with known(self._client, world):
            return self._client.entities(world, service, kind)

    def entity(self, world: str, service: str, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002 (what it is)
        """See Records."""
        try:
            return self._client.entity(world, service, kind, id)
        except NotFoundError:
            return None


class ServedTail:
    """A stream of events, read in a thread: what has come since the last look."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._found: queue.SimpleQueue[Entry | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._follow, args=(events,), daemon=True).start()

    def _follow(self, events: Iterable[Event]) -> None:
        try:
            for event in events:
                if event.kind == ENTRY:
                    self._found.put(from_line(event.data))
        except Exception as error:  # noqa: BLE001 (it is raised where somebody reads)
            self._found.put(error)

    def read(self) -> list[Entry]:
        """See Tail."""
        found = []
        while not self._found.empty():
            one = self._found.get()
            if isinstance(one, Exception):
                raise one
            found.append(one)
        return found


class ServedWorlds:
    """Worlds of a server (see `Worlds`)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def create(self, name: str, *, seed: int, clock: ClockSettings, labels: Mapping[str, str]) -> None:
        """See Worlds."""
        self._client.create(name, seed=seed, clock=written(clock), metadata=labels)

    def fork(self, source: str, name: str, *, at: str | None, labels: Mapping[str, str]) -> int:
        """See Worlds."""
        with known(self._client, source):
            return self._client.fork(source, name, at=at, metadata=labels).base

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """See Worlds."""
        del labels
        raise AskedError(f"a server doesn't change metadata of a world that is there ({name}); name its file with --db")

    def reset(self, name: str, *, at: str | None) -> tuple[Branch, int]:
        """See Worlds."""
        with known(self._client, name):
            undone = self._client.reset(name, at=at)
        return _branch(undone.world), undone.undone

    def delete(self, name: str, *, with_children: bool) -> list[str]:
        """See Worlds."""
        with known(self._client, name):
            return self._client.delete(name, with_children=with_children)

    def set_clock(self, name: str, settings: ClockSettings, *, offset: int | None) -> ClockSettings:
        """See Worlds."""
        if offset is not None:
            raise AskedError("a server sets no offset; write the time that it begins at: real@2026-01-05T09:00:00Z")
        with known(self._client, name):
            return _clock(self._client.set_clock(name, written(settings)))

    def advance(self, name: str, by: int, *, rules: tuple[Path, ...], stubs: tuple[Path, ...]) -> Advanced:
        """See Worlds."""
        if rules or stubs:
            raise AskedError("a server has rules and stubs of its own; --rules and --stubs go with --db")
        with known(self._client, name):
            moved = self._client.advance(name, f"{by}ms")
        now = read_time(moved.now)
        return Advanced(now, moved.jobs, moved.failed, moved.webhooks)

    def export(self, name: str, *, since_parent: bool) -> Iterable[str]:
        """See Worlds."""
        if since_parent:
            raise AskedError("a server exports a world as a whole; for --since-parent name its file with --db")
        with known(self._client, name):
            return self._client.export(name).rstrip("\n").split("\n")

    def load(self, text: str, file: str, name: str | None, labels: Mapping[str, str]) -> Branch:
        """See Worlds."""
        del file
        if labels:
            raise AskedError("a server takes metadata from the file; for --set name a database with --db")
        return _branch(self._client.import_(text, name=name))


@contextmanager
def known(client: Client, world: str | None) -> Iterator[None]:
    """Where the world isn't there, say which are, as a database does."""
    try:
        yield
    except NotFoundError:
        names = sorted(one.name for one in client.worlds())
        if world in names:
            raise
        raise AskedError(f"{client.url} has no world {world!r}; it has: {', '.join(names) or 'none'}") from None


def written(clock: ClockSettings) -> str:
    """A clock's settings as they are written on the command line."""
    run = f"step:{clock.step}ms" if clock.run == "step" else clock.run
    return run if clock.start is None else f"{run}@{timestamp(clock.start)}"


def _clock(state: ClockState) -> ClockSettings:
    start = None if state.start is None else read_time(state.start)
    return ClockSettings(start=start, run=state.run, step=state.step)


def _sides(fields: list[dict[str, Any]], side: str) -> dict[str, Any]:
    """The part of an entity that differs, as it was on one side."""
    value: dict[str, Any] = {}
    for field in fields:
        if side in field:
            *above, last = field["path"]
            place = value
            for key in above:
                place = place.setdefault(key, {})
            place[last] = field[side]
    return value


def _branch(world: messages.World) -> Branch:
    created = read_time(world.created)
    return Branch(world.name, world.parent, world.base, world.calls, world.seed, created, world.metadata)


def _query(only: Filter) -> dict[str, Any]:
    """A filter as the API's parameters."""
    given = {name: value for name, value in msgspec.structs.asdict(only).items() if value != getattr(ANY, name)}
    if "protocols" in given:
        given["protocol"] = given.pop("protocols")
    if "since" in given:
        given["since"] = timestamp(given["since"])
    return given
