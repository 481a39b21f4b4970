"""`childproof mail boxes`: the mailboxes of a world, those too in which nothing lies yet."""

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from childproof.control import mailboxes

from .mailbox import held
from .reading import printable
from .where import Where, inherited, where_options


@click.command()
@where_options
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited [default: all].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def boxes(ctx: click.Context, /, *, where: Where, world: str | None, as_json: bool) -> None:
    """List the mailboxes: address, whose it is, how many messages lie in it.

    Those come first that the world was seeded with, then those that came with a message.
    """
    before = ctx.parent.params if ctx.parent is not None else {}
    world = world or before.get("world")
    with inherited(where).records() as records:
        names = [world] if world is not None else records.names()
        found = [(name, *box) for name in names for box in mailboxes.boxes(held(records, name))]
    if as_json or before.get("as_json"):
        for name, address, owner, count in found:
            print(json.dumps({"world": name, "address": address, "name": owner, "messages": count}))
    elif sys.stdout.isatty():
        _table(found, wide=len(names) > 1)
    else:
        for name, address, owner, count in found:
            columns = [str(count), printable(address), printable(owner)]
            print("\t".join([name, *columns] if len(names) > 1 else columns))


def _table(found: list[Any], *, wide: bool) -> None:
    console = Console(highlight=False)
    if not found:
        console.print("no mailboxes")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title in (*(["world"] if wide else []), "mailbox", "whose"):
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    table.add_column("messages", justify="right", no_wrap=True)
    for name, address, owner, count in found:
        cells = [Text(printable(address)), Text(printable(owner)), Text(str(count or ""))]
        table.add_row(*([Text(name), *cells] if wide else cells))
    console.print(table)
