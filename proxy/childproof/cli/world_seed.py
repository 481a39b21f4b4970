"""`childproof world seed`: a world from a hand-written file."""

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from childproof.errors import AskedError
from childproof.run.config.config import load_config
from childproof.world import checked_name

from .options import stubs_option
from .reading import open_ledger, open_worlds, store_option
from .world import labels_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from childproof.seeds import Progress, WorldFile
    from childproof.world import Store


@click.command()
@store_option
@labels_option
@click.option("--as", "name", metavar="NAME", help="The world's name [default: the one in the file].")
@stubs_option
@click.option("--check", is_flag=True, help="Plant it aside, say what it would hold, and keep nothing.")
@click.argument("file", type=click.Path(path_type=Path))
def seed(
    *,
    db: str | None,
    labels: tuple[tuple[str, str], ...],
    name: str | None,
    stubs: tuple[Path, ...],
    check: bool,
    file: Path,
) -> None:
    r"""Make the world that FILE describes: people, and for each service what it holds, with its history.

    \b
      childproof world seed shop.yaml
      childproof world seed shop.yaml --as shop/large --set size=large
      childproof world seed shop.yaml --check
    """
    from childproof.run.compose import wall_clock  # noqa: PLC0415 (the engine's imports: only where something is made)
    from childproof.run.planting import configured, grow  # noqa: PLC0415

    if name is not None:
        checked_name(name, "--as")

    def approve(read: "WorldFile") -> None:
        if not check and Path(db or load_config(os.environ, Path.cwd()).store).is_file():
            with open_ledger(db) as (store, _):
                _refuse_taken(store, name or read.name)

    catalog = configured(stubs, os.environ)
    with _progress() as progress, grow(file, catalog, wall_clock, progress, approve) as grown:
        target = name or grown.file.name
        if not check:
            with open_worlds(db, create=True) as (store, _):
                _refuse_taken(store, target)
                grown.keep(store, target, dict(labels))
    click.echo(f"{target}: {'would hold' if check else 'made, with'} {grown.planted}", err=True)


def _refuse_taken(store: "Store", name: str) -> None:
    if name in store.names():
        raise AskedError(
            f"{store.path} has a world {name!r} already; make it under another name with --as NAME, or "
            f"`childproof world delete {name}` first"
        )


@contextmanager
def _progress() -> "Iterator[Progress]":
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 (only where there is a terminal)
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("planting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("planting", total=None)
        yield lambda done, planned: bar.update(task, completed=done, total=planned)
