"""`childproof world export` and `import`: a world as one YAML file."""

import sys
from pathlib import Path

import click

from childproof.errors import InputError
from childproof.world import checked_name, worldfile

from .reading import open_ledger, open_worlds, store_option
from .world import labels_option


@click.command()
@store_option
@click.option("--since-parent", is_flag=True, help="Only what it changed since it was forked; needs its parent again.")
@click.argument("name")
def export(*, db: str | None, since_parent: bool, name: str) -> None:
    r"""Print a world as one YAML file: entities, mail, clock, ids, limits, scheduled work; not its calls.

    \b
      childproof world export checkout > checkout.yaml
      childproof world export checkout/try-1 --since-parent > try-1.yaml
    """
    with open_ledger(db) as (store, _):
        values = store.export(name, since_parent=since_parent)
    for line in worldfile.write(values):
        sys.stdout.write(f"{line}\n")


@click.command("import")
@store_option
@labels_option
@click.option("--as", "name", metavar="NAME", help="The world's name [default: the one in the file].")
@click.argument("file")
def import_(*, db: str | None, labels: tuple[tuple[str, str], ...], name: str | None, file: str) -> None:
    """Make the world that FILE holds (`-`: standard input). It goes on exactly as the exported one would."""
    if name is not None:
        checked_name(name, "--as")
    values = worldfile.read(_text(file), file)
    values["metadata"] = {**values.get("metadata", {}), **dict(labels)}
    with open_worlds(db, create=True) as (store, _):
        made = store.load(values, name or values["world"])
        click.echo(f"{made.name}: imported, at call {made.seq}", err=True)


def _text(file: str) -> str:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return data.decode()
    except OSError as error:
        raise InputError.single(
            file, f"can't be read: {error.strerror}", "a file of `childproof world export`"
        ) from None
    except UnicodeDecodeError:
        raise InputError.single(file, "not UTF-8", "a file of `childproof world export`") from None
