"""`childproof world export` and `import`: a world as one YAML file."""

import sys
from pathlib import Path

import click

from childproof.errors import InputError
from childproof.world import checked_name, worldfile

from .where import Where, where_options
from .world import labels_option


@click.command()
@where_options
@click.option("--since-parent", is_flag=True, help="Only what it changed since it was forked; needs its parent again.")
@click.argument("name")
def export(*, where: Where, since_parent: bool, name: str) -> None:
    r"""Print a world as one YAML file: entities, mail, clock, ids, limits, scheduled work; not its calls.

    \b
      childproof world export checkout > checkout.yaml
      childproof world export checkout/try-1 --since-parent > try-1.yaml
    """
    with where.worlds(read=True) as worlds:
        for line in worlds.export(name, since_parent=since_parent):
            sys.stdout.write(f"{line}\n")


@click.command("import")
@where_options
@labels_option
@click.option("--as", "name", metavar="NAME", help="The world's name [default: the one in the file].")
@click.argument("file")
def import_(*, where: Where, labels: tuple[tuple[str, str], ...], name: str | None, file: str) -> None:
    """Make the world that FILE holds (`-`: standard input). It goes on exactly as the exported one would."""
    if name is not None:
        checked_name(name, "--as")
    text = _text(file)
    worldfile.read(text, file)  # what is wrong in it, before a database is made
    with where.worlds(create=True) as worlds:
        made = worlds.load(text, file, name, dict(labels))
        click.echo(f"{made.name}: imported, at call {made.calls}", err=True)


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
