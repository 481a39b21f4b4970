"""What the readers of a rule's parts share: values with a place, and faults that pile up instead of raising."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from childproof.documents import Document
from childproof.errors import Fault

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Report:
    """The faults of one file, and the places in it whose values are not even of the right shape."""

    document: Document
    faults: list[Fault] = field(default_factory=list)
    bad: frozenset[Path] = frozenset()

    def add(self, path: Sequence[str | int], found: str, expected: str, write: str = "") -> None:
        """One more fault."""
        self.faults.append(self.document.fault(path, found, expected, write))


class Part(msgspec.Struct, frozen=True):
    """A mapping somewhere in the file. Keys whose values the schema refused read as if they weren't there."""

    report: Report
    path: Path
    value: dict[str, Any]

    def get(self, key: str) -> Any:
        """The value of a key, None where it is missing or already refused."""
        value = self.value.get(key)
        if value is None or (self.report.bad and (*self.path, key) in self.report.bad):
            return None
        return value

    def part(self, key: str) -> "Part | None":
        """The mapping under a key, None where it is missing or already refused."""
        value = self.get(key)
        return Part(self.report, (*self.path, key), value) if isinstance(value, dict) else None

    def items(self, key: str) -> Sequence[tuple[Path, Any]]:
        """The value of a key that takes one or a list, as places and values."""
        value = self.get(key)
        if value is None:
            return ()
        if isinstance(value, list):
            return [((*self.path, key, place), item) for place, item in enumerate(value)]
        return (((*self.path, key), value),)

    def fault(self, key: str, found: str, expected: str, write: str = "") -> None:
        """A fault at one of the keys."""
        self.report.add((*self.path, key), found, expected, write)
