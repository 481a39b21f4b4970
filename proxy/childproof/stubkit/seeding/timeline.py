"""What recipes plan with, and the one line of time on which their steps lie, over all services of a world.

A step is a function of a `SeedContext`, at a time of the past. Steps are done in order of time, so that lists, events and
balances of all services come to be as they would have: who pays has signed up before.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from childproof.stubkit.invented.people import Crowd
from childproof.stubkit.service import Service

from .playing import SeedContext
from .recipes import span

Step = Callable[[SeedContext], None]
Later = Callable[[int, Step], None]


class Unplantable(Exception):
    """A world file's options that are well-formed and can't be: what was found, what was expected, what to write."""

    def __init__(self, found: str, expected: str, write: str = "") -> None:
        super().__init__(f"{found}; expected {expected}")
        self.found = found
        self.expected = expected
        self.write = write


@dataclass(frozen=True, slots=True, order=True)
class Planned:
    """A step at its place: `at` in unix milliseconds, `turn` the order of those of one time. `path` is why it is done."""

    at: int
    turn: int
    service: Service = field(compare=False)
    step: Step = field(compare=False)
    path: tuple[str | int, ...] = field(compare=False, default=())


class Timeline:
    """The steps that are still to do. `end` is the present of the world to be: nothing is done after it."""

    def __init__(self, end: int) -> None:
        self.end = end
        self.planned = 0
        self._heap: list[Planned] = []
        self._first: list[Planned] = []
        self.start = end  # the time of the first step

    def add(self, at: int | None, service: Service, step: Step, path: tuple[str | int, ...]) -> None:
        """Plan a step; at None it comes before all that have a time. What lies behind the end is left out."""
        if at is not None and at > self.end:
            return
        self.planned += 1
        if at is None:
            self._first.append(Planned(0, self.planned, service, step, path))
        else:
            self.start = min(self.start, at)
            heapq.heappush(self._heap, Planned(at, self.planned, service, step, path))

    def __iter__(self) -> Iterator[Planned]:
        """The steps in order. Steps may be added meanwhile."""
        for one in self._first:
            yield Planned(self.start, one.turn, one.service, one.step, one.path)
        while self._heap:
            yield heapq.heappop(self._heap)


class Seeding:
    """What one recipe plans with.

    `people` are the people of the world, `now` is its first call's time (unix milliseconds), `random` a generator of this
    recipe's own. `notes` are shared by the recipes of one stub: what one of them leaves there, others find.
    """

    def __init__(
        self,
        service: Service,
        timeline: Timeline,
        people: Crowd,
        random: Random,
        *,
        notes: dict[str, Any],
        section: Mapping[str, Any],
        path: tuple[str | int, ...],
    ) -> None:
        self.service = service
        self.people = people
        self.random = random
        self.now = timeline.end
        self.notes = notes
        self._timeline = timeline
        self._section = section
        self._path = path

    def given(self, key: str) -> Any:
        """The options of another key of the section, as its recipe takes them; None where the file hasn't got it."""
        return self._section.get(key)

    def refuse(self, found: str, expected: str, write: str = "") -> Unplantable:
        """What to raise where the options ask for what can't be: `raise seeding.refuse(…)`."""
        return Unplantable(found, expected, write)

    def first(self, step: Step, place: int | None = None) -> None:
        """Do a step before all that have a time. `place` is the item of the options that it is for, for messages."""
        self._timeline.add(None, self.service, step, self._path if place is None else (*self._path, place))

    def at(self, time: int, step: Step) -> None:
        """Do a step at a time (unix milliseconds)."""
        self._timeline.add(time, self.service, step, self._path)

    def ago(self, before: str) -> int:
        """The time that lies a span before the world's start."""
        return self.now - span(before)

    def times(self, count: int, over: str) -> list[int]:
        """As many times within a span before the world's start, in order."""
        length = span(over)
        return sorted(self.now - 1 - self.random.randrange(length) for _ in range(count))
