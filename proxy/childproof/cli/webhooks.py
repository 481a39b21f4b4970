"""`childproof webhooks`: what was sent to listeners, what waits, and sending it again."""

import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from childproof.errors import AskedError
from childproof.ledger import timestamp
from childproof.world import Delivery, deliveries

from .reading import open_ledger, open_worlds, printable, store_option


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
@store_option
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited [default: all].")
@click.option(
    "--state",
    type=click.Choice(["waiting", "delivered", "failed", "refused", "canceled"]),
    help="Only those in this state.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def listing(*, db: str | None, world: str | None, state: str | None, as_json: bool) -> None:
    """List webhooks in the order in which they were queued: state, attempts, the last status, the next attempt."""
    with open_ledger(db) as (store, _):
        names = [world] if world is not None else store.names()
        found = []
        for name in names:
            with store.world(name).view() as view:
                found += [(name, one) for one in deliveries.listed(view) if state in (None, one.state)]
    if as_json:
        for name, one in found:
            print(json.dumps(_values(name, one)))
    elif sys.stdout.isatty():
        _table(found, wide=len(names) > 1)
    else:
        for name, one in found:
            cells = _cells(one)
            print("\t".join([name, *cells] if len(names) > 1 else cells))


@webhooks.command()
@store_option
@click.option("--world", default="main", envvar="CHILDPROOF_WORLD", metavar="NAME", help="Their world [default: main].")
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
def redeliver(*, db: str | None, world: str, ids: tuple[str, ...]) -> None:
    """Have webhooks sent again, whatever became of them: at once where the world is in use, else when it is."""
    from childproof.engine.deliveries import send_again  # noqa: PLC0415 (the engine: only where something is done)
    from childproof.engine.recording import Recording  # noqa: PLC0415
    from childproof.run.compose import wall_clock  # noqa: PLC0415

    with open_worlds(db) as (store, ledger):
        place = store.world(world)
        with place.view() as view:
            missing = next((one for one in ids if deliveries.find(view, one) is None), None)
        if missing is not None:
            raise AskedError(f"world {world} has no webhook {missing!r}; `childproof webhooks list` names them")
        for delivery_id in ids:
            send_again(Recording(ledger, wall_clock), place, delivery_id)
            click.echo(f"{delivery_id}: to be sent", err=True)


def _values(world: str, one: Delivery) -> dict[str, Any]:
    last = one.last or {}
    return {
        "id": one.id,
        "world": world,
        "service": one.service,
        "state": one.state,
        "type": one.type,
        "event": one.event,
        "url": one.url,
        "subscription": one.subscription,
        "attempts": one.attempts,
        "status": last.get("status"),
        "reason": last.get("reason", ""),
        "queued": timestamp(one.at),
        "next": None if one.due is None else timestamp(one.due),
        "call": last.get("call") or None,
        "cause": one.cause or None,
    }


def _cells(one: Delivery) -> list[str]:
    last = one.last or {}
    status = last.get("status")
    told = printable(str(last.get("reason") or ("" if status is None else status)))
    following = "" if one.due is None else timestamp(one.due)
    return [one.id, one.state, str(one.attempts), told, following, printable(one.type), printable(one.url)]


def _table(found: list[tuple[str, Delivery]], *, wide: bool) -> None:
    console = Console(highlight=False)
    if not found:
        console.print("no webhooks")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title in (*(["world"] if wide else []), "id", "state", "attempts", "last", "next", "type", "url"):
        table.add_column(title, overflow="ellipsis", no_wrap=True)
    for name, one in found:
        table.add_row(*([Text(name)] if wide else []), *map(Text, _cells(one)))
    console.print(table)
