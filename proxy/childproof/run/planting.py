"""Worlds from world files, for `childproof world seed` and for runs whose world isn't there yet."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from childproof.catalog import Catalog, load_catalog
from childproof.errors import StoreError
from childproof.world import Store, World
from childproof.world.staging import Stage

from .config.config import load_config

if TYPE_CHECKING:
    from childproof.seeds import Planted, Progress, WorldFile


class Grown(msgspec.Struct, frozen=True):
    """A world that stands aside, whole and checked. `keep` makes it one of a store's."""

    file: "WorldFile"
    planted: "Planted"
    stage: Stage

    def keep(self, store: Store, name: str, labels: Mapping[str, str] | None = None) -> World:
        """Make it a world. Raises StoreError where the name is taken, InputError where it is no name."""
        return store.plant(self.stage, name, seed=self.file.seed, clock=self.file.clock, labels=labels)


@contextmanager
def grow(
    path: Path,
    catalog: Catalog,
    wall: Callable[[], int],
    progress: "Progress" = lambda *_: None,
    approve: "Callable[[WorldFile], None]" = lambda _: None,
) -> Iterator[Grown]:
    """Plant a world file aside. Raises InputError with what is wrong with it; what `approve` raises comes before the work."""
    from childproof.seeds import WITHOUT, plant, read_world_file  # noqa: PLC0415 (only where a world is made of a file)

    file = read_world_file(path, catalog, wall)
    approve(file)
    with Stage(file.seed, file.start, without=WITHOUT) as stage:
        yield Grown(file, plant(file, stage, catalog, progress), stage)


def configured(stubs: tuple[Path, ...], environ: Mapping[str, str]) -> Catalog:
    """The catalog of the configured stubs and those of `stubs`. Raises InputError."""
    config = load_config(environ, Path.cwd())
    return load_catalog((*config.stubs, *stubs), config.unknown_ids)


def seed_world(  # noqa: PLR0917 - what making one takes
    name: str,
    files: Sequence[Path],
    store: Store,
    catalog: Catalog,
    wall: Callable[[], int],
    say: Callable[[str], None],
) -> None:
    """Make a world of the file that has its name, where the store hasn't got it yet; nothing where no file has.

    Raises InputError with what is wrong with that file, or with one whose name can't be read.
    """
    if not files or name in store.names():
        return
    from childproof.seeds import world_name  # noqa: PLC0415 (only where a world is made of a file)

    found = next((file for file in files if world_name(file) == name), None)
    if found is None:
        return
    with grow(found, catalog, wall) as grown:
        try:
            grown.keep(store, name)
        except StoreError:
            if name not in store.names():  # else another process was quicker
                raise
        else:
            say(f"world {name}: made of {found}, with {grown.planted}")
