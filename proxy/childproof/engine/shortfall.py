"""What the ledger could not take: counted by world, said once, told at the end. A record is never silently incomplete."""

from collections import Counter
from collections.abc import Callable

import msgspec


class Missing(msgspec.Struct, frozen=True):
    """What a world's ledger lacks: `calls` that were denied without an entry, allowed ones whose end (`ends`) it has not.

    As a text: how the end of a run says so, "" for nothing.
    """

    calls: int = 0
    ends: int = 0

    def __bool__(self) -> bool:
        return bool(self.calls or self.ends)

    def __str__(self) -> str:
        words = []
        if self.calls:
            words.append(f"{self.calls:,} call{'s' if self.calls != 1 else ''} denied without a record")
        if self.ends:
            ends = f"{self.ends:,} allowed call{'s' if self.ends != 1 else ''}"
            words.append(f"{ends} without a record of what left this machine")
        return " · ".join(words)


NOTHING_MISSING = Missing()


class Shortfall:
    """The count since the process began. `say` hears when it begins and when it is over, not of every call."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._calls: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self._gone: Counter[str] = Counter()
        self._now = 0

    def __bool__(self) -> bool:
        """Whether the last call could not be recorded."""
        return self._now > 0

    def missed(self, world: str, failure: Exception) -> None:
        """A call was denied, and there is no entry of it."""
        self._calls[world] += 1
        self._now += 1
        if self._now == 1:
            self._say(f"calls are denied and can't be recorded: {str(failure) or type(failure).__name__}")

    def outlived(self, world: str, failure: Exception) -> None:
        """A call was denied without an entry, since its world is gone. Nothing is amiss with the store, nor will it be over."""
        self._gone[world] += 1
        if self._gone[world] == 1:
            self._say(f"calls are denied and have no record: {failure}")

    def unfinished(self, world: str, failure: Exception) -> None:
        """An allowed call is over, and its entry doesn't say what left the machine."""
        self._ends[world] += 1
        self._say(f"what became of allowed calls can't be recorded: {str(failure) or type(failure).__name__}")

    def all(self) -> Missing:
        """The same over all worlds."""
        return Missing(self._calls.total() + self._gone.total(), self._ends.total())

    def failed(self) -> int:
        """How many calls could not be recorded where there was a world to record them in."""
        return self._calls.total()

    def over(self) -> None:
        """A call could be recorded again."""
        count, self._now = self._now, 0
        self._say(f"calls are recorded again; {count} {'was' if count == 1 else 'were'} denied without a record")

    def forget(self, world: str) -> None:
        """A world is gone, and its record with it: what that lacked counts for all worlds together, not for a name."""
        for counter in (self._calls, self._ends, self._gone):
            if world in counter:
                counter[""] += counter.pop(world)

    def of(self, world: str) -> Missing:
        """What is missing of one world."""
        return Missing(self._calls[world] + self._gone[world], self._ends[world])
