"""`childproof sandbox`: sandboxes of a running server from the shell, each a world and listeners of its own."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from childproof.client import Client, NotFoundError
from childproof.control import messages_sandboxes as messages
from childproof.errors import AskedError
from childproof.policy.source import read_source

from .options import Clock, Span
from .reading import printable
from .rules_served import as_faults
from .sandbox_files import environment
from .served import known, written
from .where import Where, only_server_options

if TYPE_CHECKING:
    from childproof.world import ClockSettings

CURRENT = "CHILDPROOF_SANDBOX"
_json_option = click.option("--json", "as_json", is_flag=True, help="For programs; the keys are in docs/many.md.")
_ids = click.argument("sandboxes", nargs=-1, required=True, envvar=CURRENT, metavar="SANDBOX…")
_ttl_help = "How long it lives unless it is renewed: seconds, or 90s, 10m, 2h, 3d"


@click.group()
def sandbox() -> None:
    r"""Make, list, renew and delete sandboxes of a running server: a world each, and listeners that lead there.

    \b
      export CHILDPROOF_SERVER=unix:/run/childproof.sock
      eval "$(childproof sandbox new --env)"
      curl https://api.stripe.com/v1/customers -u sk_test_1:
      childproof sandbox delete
    """


@sandbox.command("list")
@only_server_options
@_json_option
def list_(*, where: Where, as_json: bool) -> None:
    """List the sandboxes, the oldest first."""
    with where.client() as client:
        found = client.sandboxes()
    if as_json:
        for one in found:
            print(json.dumps(msgspec.to_builtins(one), ensure_ascii=False))
    elif sys.stdout.isatty():
        _table(found)
    else:
        for one in found:
            print("\t".join(map(printable, _cells(one))))


@sandbox.command()
@only_server_options
@click.option("--world", metavar="NAME", help="A world that is there, to join it; with --from, the fork's name.")
@click.option("--from", "from_", metavar="WORLD", help="Fork this world.")
@click.option("--at", metavar="CALL|TIME", help="With --from: a call's number or id, or a time of that world.")
@click.option("--seed", type=int, default=0, metavar="N", help="An empty world's seed [default: 0].")
@click.option("--clock", type=Clock(), metavar="CLOCK", help="An empty world's clock: real, frozen@TIME, step:1s@TIME.")
@click.option(
    "--rules", type=click.Path(path_type=Path), metavar="FILE", help="Judge its world by this rule file alone."
)
@click.option("--ttl", type=Span(), metavar="SPAN", help=f"{_ttl_help} [default: 1h].")
@click.option("--socks", is_flag=True, help="A SOCKS5 proxy too, at the same port.")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="N", help="The proxy's port [default: any that is free]."
)
@click.option(
    "--stub", "stubs", multiple=True, metavar="NAME", help="An address of its own for this stub. May be given again."
)
@click.option("--env", "as_env", is_flag=True, help="Print `export` lines that lead a shell's commands there.")
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="With --env: where certificates are written [default: $TMPDIR].",
)
@_json_option
def new(
    *,
    where: Where,
    world: str | None,
    from_: str | None,
    at: str | None,
    seed: int,
    clock: "ClockSettings | None",
    rules: Path | None,
    ttl: int | None,
    socks: bool,
    port: int | None,
    stubs: tuple[str, ...],
    as_env: bool,
    to: Path | None,
    as_json: bool,
) -> None:
    r"""Make a sandbox and print its id: a world, empty or a fork, and a proxy that leads there.

    \b
      childproof sandbox new --from checkout --ttl 10m
      eval "$(childproof sandbox new --env)"
      childproof sandbox new --rules strict.yaml --stub stripe --json
    """
    if as_env and as_json:
        raise click.UsageError("--env and --json are two formats; choose one")
    if to is not None and not as_env:
        raise click.UsageError("--to goes with --env")
    listen = {"http": True, "socks": socks, "port": port, "stubs": list(stubs)}
    wanted: dict[str, Any] = {
        "world": world,
        "from_": from_,
        "at": at,
        "seed": seed or None,
        "clock": None if clock is None else written(clock),
        "rules": None if rules is None else read_source(rules).text,
        "ttl": ttl,
        "listen": {name: value for name, value in listen.items() if value is not None},
    }
    with where.client() as client, known(client, from_ or world), as_faults(str(rules or "")):
        made = client.create_sandbox(**wanted)
        if as_env:
            with _unmade(client, made.id):
                exported = {**environment(made, to), CURRENT: made.id}
    if as_json:
        print(json.dumps(msgspec.to_builtins(made), ensure_ascii=False))
    elif as_env:
        for name, value in exported.items():
            print(f"export {name}={shlex.quote(value)}")
    else:
        print(made.id)
    click.echo(f"{made.id}: {_told(made)}", err=True)


@sandbox.command()
@only_server_options
@click.option("--ttl", type=Span(), metavar="SPAN", help=f"{_ttl_help} [default: as it was made with].")
@_ids
def renew(*, where: Where, ttl: int | None, sandboxes: tuple[str, ...]) -> None:
    """Let sandboxes live on, from now. Without SANDBOX, the one of CHILDPROOF_SANDBOX."""
    with where.client() as client:
        for one in sandboxes:
            with _known(client, one):
                renewed = client.renew(one, ttl=ttl)
            click.echo(f"{one}: until {renewed.expires}", err=True)


@sandbox.command()
@only_server_options
@click.option("--keep", is_flag=True, help="Leave the worlds that were made for them.")
@_ids
def delete(*, where: Where, keep: bool, sandboxes: tuple[str, ...]) -> None:
    """Close sandboxes, and delete the worlds that were made for them. Without SANDBOX, the one of CHILDPROOF_SANDBOX."""
    with where.client() as client:
        for one in sandboxes:
            with _known(client, one):
                gone = client.delete_sandbox(one, keep=keep)
            world = (
                f", with its world {gone.world}"
                if gone.world
                else f"; its world stays: {gone.kept or 'it was there before'}"
            )
            click.echo(f"{one}: deleted{world}", err=True)


@sandbox.command()
@only_server_options
@_json_option
@click.argument("sandbox_id", envvar=CURRENT, metavar="SANDBOX")
def report(*, where: Where, as_json: bool, sandbox_id: str) -> None:
    """Print what a sandbox's calls came to so far, as `childproof run` does at its end."""
    from childproof.run.report.printing import terminal  # noqa: PLC0415 (only here)

    width, colours = terminal(sys.stdout)
    with where.client() as client, _known(client, sandbox_id):
        told = client.report_sandbox(sandbox_id, width=width, colours=colours, server=client.url)
    print(json.dumps(told.report) if as_json else told.text.rstrip("\n"))
    if told.incomplete:
        click.echo(f"the record is incomplete: {told.incomplete}", err=True)
        sys.exit(1)


@contextmanager
def _known(client: Client, sandbox_id: str) -> Iterator[None]:
    try:
        yield
    except NotFoundError:
        raise AskedError(
            f"{client.url} has no sandbox {sandbox_id!r}: deleted, or expired; `childproof sandbox list` lists them"
        ) from None


@contextmanager
def _unmade(client: Client, sandbox_id: str) -> Iterator[None]:
    """What nobody gets to know of is deleted again."""
    try:
        yield
    except BaseException:
        client.delete_sandbox(sandbox_id)
        raise


def _told(made: messages.Sandbox) -> str:
    """A sandbox in a line, without its id."""
    proxies = [f"{name} {place}" for name, place in (("http", made.http), ("socks", made.socks)) if place]
    addresses = [f"{name} {url}" for name, url in made.stubs.items()]
    return ", ".join([f"world {made.world}", *proxies, *addresses, f"until {made.expires}"])


def _cells(one: messages.Sandbox) -> list[str]:
    proxy = one.http or (f"socks5://{one.socks}" if one.socks else "")
    ways = [f"sealed, {one.sealed}" if one.sealed else "", proxy, *(f"{name}={url}" for name, url in one.stubs.items())]
    return [one.id, one.world, " ".join(filter(None, ways)), one.expires]


def _table(found: list[messages.Sandbox]) -> None:
    from rich.console import Console  # noqa: PLC0415 (30 ms, for terminals only)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    if not found:
        console.print("no sandboxes")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", expand=False)
    for title in ("id", "world", "at", "until"):
        table.add_column(title, overflow="fold")
    for one in found:
        name, world, at, until = map(printable, _cells(one))
        own = world == f"sandboxes/{name}"
        table.add_row(
            Text(name), Text("its own", "dim") if own else Text(world), Text(at), Text(f"{until[:19]}Z", "dim")
        )
    console.print(table)
