"""World files planted aside and kept in a store in memory, with the shipped stubs and an invented CRM."""

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from childproof.catalog import Catalog, load_catalog
from childproof.run.planting import grow
from childproof.seeds import Planted
from childproof.world import Store, World, worldfile

DATA = Path(__file__).parents[2] / "data"
NOW = 1_767_603_600_000  # 2026-01-05T09:00:00Z
HEAD = "world: shop\nseed: 7\nclock: {start: 2026-01-05T09:00:00Z, run: frozen}\n"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog([DATA / "stubs" / "acme-crm"])


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(":memory:", wall=lambda: NOW) as store:
        yield store


class Planter:
    """Plants the text of a world file; `planted` is what the last one came to."""

    planted: Planted

    def __init__(self, folder: Path, catalog: Catalog, store: Store) -> None:
        self._file = folder / "shop.yaml"
        self._catalog = catalog
        self._store = store

    def __call__(self, text: str, name: str = "shop", *, head: str = HEAD) -> World:
        self._file.write_text(head + dedent(text))
        with grow(self._file, self._catalog, lambda: NOW) as grown:
            self.planted = grown.planted
            return grown.keep(self._store, name)


@pytest.fixture
def planter(tmp_path: Path, catalog: Catalog, store: Store) -> Planter:
    return Planter(tmp_path, catalog, store)


@pytest.fixture
def exported(store: Store) -> Callable[[str], str]:
    return lambda name: "\n".join(worldfile.write(store.export(name)))
