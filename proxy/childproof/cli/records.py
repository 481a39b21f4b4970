"""What commands read and do, whether worlds are in a file (`stored`) or at a server (`served`): one way to say both."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from childproof.ledger import Entry, Filter
from childproof.world import Branch, ClockSettings, Comparison

if TYPE_CHECKING:
    from childproof.control.comparing import Words


class Tail(Protocol):
    """What is new, read whenever asked."""

    def read(self) -> list[Entry]:
        """New entries, and allowed ones that were settled; oldest first."""
        ...


class Counts(msgspec.Struct, frozen=True):
    """Entities by service and kind, jobs that wait, and people; None where it can't be told."""

    entities: dict[tuple[str, str], int]
    scheduled: int
    people: int | None


class Compared(msgspec.Struct, frozen=True):
    """Two worlds: what differs, each service's own words for it, and whose calls since aren't on record."""

    found: Comparison
    words: "dict[str, Words]"
    unrecorded: list[str]


class Advanced(msgspec.Struct, frozen=True):
    """After time has passed: the world's time in unix milliseconds, jobs done, failed, and webhooks to be sent."""

    now: int
    jobs: int
    failed: int
    webhooks: int


class Records(Protocol):
    """Worlds and their record, to read. Raises ChildproofError for what isn't there."""

    place: str  # the file, or the server's address

    def names(self) -> list[str]:
        """All worlds' names, sorted."""
        ...

    def branches(self) -> list[Branch]:
        """All worlds, by name."""
        ...

    def branch(self, world: str) -> Branch:
        """One world's place; raises, with those that there are, for a world that isn't there."""
        ...

    def entries(self, *, world: str | None, only: Filter, last: int | None) -> Iterable[Entry]:
        """Entries of a world or of all, oldest first; of those the `last` newest."""
        ...

    def tail(self, *, world: str | None, only: Filter) -> Tail:
        """What comes from here on."""
        ...

    def at(self, world: str, number: int) -> Entry | None:
        """The entry of a world's call by its number."""
        ...

    def beginning(self, call: str) -> list[Entry]:
        """The entries whose id begins so, at most ten."""
        ...

    def caused_by(self, entry: Entry) -> list[Entry]:
        """What a call caused directly."""
        ...

    def clock(self, world: str) -> ClockSettings:
        """How a world's time passes."""
        ...

    def counts(self, world: str) -> Counts:
        """What a world holds, in numbers."""
        ...

    def compared(self, a: str, b: str) -> Compared:
        """What b holds otherwise than a."""
        ...

    def held(self, world: str, service: str, kind: str) -> list[dict[str, Any]]:
        """A world's entities of a kind, oldest first."""
        ...

    def entity(self, world: str, service: str, kind: str, id: str) -> dict[str, Any] | None:  # noqa: A002 (what it is)
        """One entity."""
        ...


class Worlds(Protocol):
    """Worlds as branches, to change. Raises ChildproofError for what can't be; then nothing was changed."""

    def create(self, name: str, *, seed: int, clock: ClockSettings, labels: Mapping[str, str]) -> None:
        """Make an empty one."""
        ...

    def fork(self, source: str, name: str, *, at: str | None, labels: Mapping[str, str]) -> int:
        """Make a branch, now or `at` a call's number, id or a time; after which call it was."""
        ...

    def label(self, name: str, labels: Mapping[str, str]) -> None:
        """Give metadata; an empty value removes a key."""
        ...

    def reset(self, name: str, *, at: str | None) -> tuple[Branch, int]:
        """Take it back, to where it began or `at` a call's number, id or a time; where it is then, and how many calls are gone."""
        ...

    def delete(self, name: str, *, with_children: bool) -> list[str]:
        """Delete it; the names of those that are gone."""
        ...

    def set_clock(self, name: str, settings: ClockSettings, *, offset: int | None) -> ClockSettings:
        """Set a clock, `offset` milliseconds from real time if they are given; how it is then."""
        ...

    def advance(self, name: str, by: int, *, rules: tuple[Path, ...], stubs: tuple[Path, ...]) -> Advanced:
        """Let so many milliseconds pass; `rules` and `stubs` instead of those that are configured."""
        ...

    def export(self, name: str, *, since_parent: bool) -> Iterable[str]:
        """A world's file, line by line."""
        ...

    def load(self, text: str, file: str, name: str | None, labels: Mapping[str, str]) -> Branch:
        """Make the world that a file's text holds."""
        ...
