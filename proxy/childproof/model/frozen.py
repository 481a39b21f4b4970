"""Frozen for the type checker, not at run time: for values of which every call makes several."""

from dataclasses import dataclass
from typing import dataclass_transform


@dataclass_transform(eq_default=True, frozen_default=True)
def frozen[T](cls: type[T]) -> type[T]:
    """A dataclass with slots that mypy lets nobody change.

    `dataclass(frozen=True)` guards every assignment, those of its own constructor too, which makes an object of thirty
    fields three times as dear. Not for what is handed to stubs: nobody type-checks a user's.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
