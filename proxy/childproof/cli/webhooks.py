"""`childproof webhooks`: what was sent to listeners, what waits, and sending it again."""

import json
import sys
from collections.abc import Iterator, Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from childproof.control.messages_record import Webhook
from childproof.control.webhooktold import listed
from childproof.errors import AskedError
from childproof.world import deliveries

from .reading import open_ledger, open_worlds, printable
from .served import known
from .where import Where, where_options


@click.group()
def webhooks() -> None:
    r"""Look at a world's webhooks, and send them again.

    They are delivered while `childproof run` or `serve` is at work on the world.

    \b
      childproof webhooks list
      childproof webhooks list --state failed --json
      childproof webhooks redeliver delivery_3
    """


@webhooks.command("list")
@where_options
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited [default: all].")
@click.option(
    "--state",
    type=click.Choice(["waiting", "delivered", "failed", "refused", "canceled"]),
    help="Only those in this state.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listing(*, where: Where, world: str | None, state: str | None, as_json: bool) -> None:
    """List webhooks in the order in which they were queued: state, attempts, the last status, the next attempt."""
    names, found = (_stored if where.server is None else _served)(where, world, state)
    if as_json:
        for one in found:
            print(json.dumps(msgspec.to_builtins(one)))
    elif sys.stdout.isatty():
        _table(found, wide=len(names) > 1)
    else:
        for one in found:
            cells = _cells(one)
            print("\t".join([one.world, *cells] if len(names) > 1 else cells))


def _stored(where: Where, world: str | None, state: str | None) -> tuple[list[str], list[Webhook]]:
    """Worlds of a database, and their webhooks."""
    with open_ledger(where.db) as (store, _):
        names = [world] if world is not None else store.names()
        found = list[Webhook]()
        for name in names:
            with store.world(name).view() as view:
                found += listed(view, name, state)
    return names, found


def _served(where: Where, world: str | None, state: str | None) -> tuple[list[str], list[Webhook]]:
    """Worlds of a server, and their webhooks."""
    with where.client() as client, known(client, world):
        names = [world] if world is not None else sorted(one.name for one in client.worlds())
        return names, [one for name in names for one in client.webhooks(name, state=state)]


@webhooks.command()
@where_options
@click.option("--world", default="main", envvar="CHILDPROOF_WORLD", metavar="NAME", help="Their world [default: main].")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def redeliver(*, where: Where, world: str, ids: tuple[str, ...]) -> None:
    """Have webhooks sent again, whatever became of them: at once where the world is in use, else when it is."""
    for delivery_id in (_again if where.server is None else _again_there)(where, world, ids):
        click.echo(f"{delivery_id}: to be sent", err=True)


def _again(where: Where, world: str, ids: Sequence[str]) -> Iterator[str]:
    from childproof.engine.deliveries import send_again  # noqa: PLC0415 (the engine: only where something is done)
    from childproof.engine.recording import Recording  # noqa: PLC0415
    from childproof.run.compose import wall_clock  # noqa: PLC0415

    with open_worlds(where.db) as (store, ledger):
        place = store.world(world)
        with place.view() as view:
            _refuse_missing(world, next((one for one in ids if deliveries.find(view, one) is None), None))
        for delivery_id in ids:
            send_again(Recording(ledger, wall_clock), place, delivery_id)
            yield delivery_id


def _again_there(where: Where, world: str, ids: Sequence[str]) -> Iterator[str]:
    with where.client() as client, known(client, world):
        there = {one.id for one in client.webhooks(world)}
        _refuse_missing(world, next((one for one in ids if one not in there), None))
        for delivery_id in ids:
            client.redeliver(world, delivery_id)
            yield delivery_id


def _refuse_missing(world: str, missing: str | None) -> None:
    if missing is not None:
        raise AskedError(f"world {world} has no webhook {missing!r}; `childproof webhooks list` names them")


def _cells(one: Webhook) -> list[str]:
    told = printable(one.reason or ("" if one.status is None else str(one.status)))
    return [one.id, one.state, str(one.attempts), told, one.next or "", printable(one.type), printable(one.url)]


def _table(found: list[Webhook], *, wide: bool) -> None:
    console = Console(highlight=False)
    if not found:
        console.print("no webhooks")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title in (*(["world"] if wide else []), "id", "state", "attempts", "last", "next", "type", "url"):
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    for one in found:
        table.add_row(*([Text(one.world)] if wide else []), *map(Text, _cells(one)))
    console.print(table)
