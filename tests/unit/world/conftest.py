"""Stores to test with, and a wall clock that only the test moves."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from childproof.world import Store, World

NOON = 1_767_614_400_000


@dataclass
class Wall:
    at: int = NOON

    def __call__(self) -> int:
        return self.at


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "childproof.db"


@pytest.fixture
def store(wall: Wall) -> Iterator[Store]:
    with Store.open(":memory:", wall=wall) as opened:
        yield opened


@pytest.fixture
def world(store: Store) -> World:
    return store.create("main", seed=7)
