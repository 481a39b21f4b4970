"""`childproof mail boxes`: the mailboxes of a world, those too in which nothing lies yet."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from childproof.world import Store

from .mailbox import SERVICE
from .reading import open_ledger, printable, store_option


@click.command()
@store_option
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited [default: all].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def boxes(ctx: click.Context, /, *, db: str | None, world: str | None, as_json: bool) -> None:
    """List the mailboxes: address, whose it is, how many messages lie in it.

    Those come first that the world was seeded with, then those that came with a message.
    """
    before = ctx.parent.params if ctx.parent is not None else {}
    db, world = db or before.get("db"), world or before.get("world")
    with open_ledger(db) as (store, _):
        names = [world] if world is not None else store.names()
        found = [(name, *box) for name in names for box in mailboxes(store, name)]
    if as_json or before.get("as_json"):
        for name, address, owner, count in found:
            print(json.dumps({"world": name, "address": address, "name": owner, "messages": count}))
    elif sys.stdout.isatty():
        _table(found, wide=len(names) > 1)
    else:
        for name, address, owner, count in found:
            columns = [str(count), printable(address), printable(owner)]
            print("\t".join([name, *columns] if len(names) > 1 else columns))


def mailboxes(store: Store, world: str) -> Iterator[tuple[str, str, int]]:
    """Address, owner and number of messages of each mailbox of a world."""
    with store.world(world).view() as view:
        counts = Counter(row["mailbox"] for row in view.list(SERVICE, "delivery", newest_first=False))
        known = {box["address"]: str(box["name"]) for box in view.list(SERVICE, "mailbox", newest_first=False)}
    for address in [*known, *(address for address in counts if address not in known)]:
        yield address, known.get(address, ""), counts[address]


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
