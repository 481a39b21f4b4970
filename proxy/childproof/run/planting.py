"""Worlds from world files, for `childproof world seed` and for runs whose world isn't there yet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from childproof.catalog import Catalog, load_catalog
from childproof.seeds import Planted, WorldFile, plant, read_world_file
from childproof.seeds.plant import WITHOUT, Progress
from childproof.world import Stage, Store, World

from .config import load_config


@dataclass(frozen=True, slots=True)
class Grown:
    """A world that stands aside, whole and checked. `keep` makes it one of a store's."""

    file: WorldFile
    planted: Planted
    stage: Stage

    def keep(self, store: Store, name: str, labels: Mapping[str, str] | None = None) -> World:
        """Make it a world. Raises StoreError where the name is taken, InputError where it is no name."""
        return store.plant(self.stage, name, seed=self.file.seed, clock=self.file.clock, labels=labels)


@contextmanager
def grow(
    path: Path, catalog: Catalog, wall: Callable[[], int], progress: Progress = lambda *_: None
) -> Iterator[Grown]:
    """Plant a world file aside. Raises InputError with what is wrong with it."""
    file = read_world_file(path, catalog, wall)
    with Stage(file.seed, file.start, without=WITHOUT) as stage:
        yield Grown(file, plant(file, stage, catalog, progress), stage)


@contextmanager
def planting(
    path: Path,
    stubs: tuple[Path, ...],
    environ: Mapping[str, str],
    *,
    wall: Callable[[], int],
    progress: Progress,
) -> Iterator[Grown]:
    """`grow` with the configured stubs and those of `stubs`."""
    configured = load_config(environ, Path.cwd()).stubs
    with grow(path, load_catalog((*configured, *stubs)), wall, progress) as grown:
        yield grown
