"""`childproof world`: worlds as branches. List, create, fork, reset, delete; the rest in a module per command."""

import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from childproof.cli.log import log
from childproof.ledger import timestamp
from childproof.world import Branch, ClockSettings

from .main import with_examples
from .options import Clock
from .reading import printable
from .where import Where, where_options

if TYPE_CHECKING:
    from rich.text import Text

# command -> (module, attribute), imported when used.
MORE = {
    "show": ("childproof.cli.world_show", "show"),
    "seed": ("childproof.cli.world_seed", "seed"),
    "diff": ("childproof.cli.world_diff", "diff"),
    "clock": ("childproof.cli.world_clock", "clock"),
    "export": ("childproof.cli.world_file", "export"),
    "import": ("childproof.cli.world_file", "import_"),
    "gc": ("childproof.cli.world_gc", "gc"),
}
ORDER = (  # as one gets to know them
    "list", "show", "create", "seed", "fork", "diff", "log", "reset", "delete", "clock", "set", "export", "import", "gc",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="For programs; the keys are in docs/worlds.md.")


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(ORDER)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MORE:
            return super().get_command(ctx, cmd_name)
        module, attribute = MORE[cmd_name]
        found = getattr(importlib.import_module(module), attribute)
        assert isinstance(found, click.Command)
        return with_examples(found)


class _Label(click.ParamType[tuple[str, str]]):
    name = "key=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, sign, text = str(value).partition("=")
        if not sign or not key.strip():
            option = "--set " if isinstance(param, click.Option) else ""
            self.fail(f"{value!r} is no metadata; write {option}key=value", param, ctx)
        return key.strip(), text


labels_option = click.option(
    "--set", "labels", multiple=True, type=_Label(), metavar="KEY=VALUE", help="Metadata; an empty value removes it."
)


@click.group(cls=_Group)
def world() -> None:
    r"""Worlds are branches: fork one in a millisecond, at any past call; see what each changed; throw it away.

    \b
      childproof world fork checkout checkout/try-1
      childproof run --world checkout/try-1 -- python agent.py
      childproof world diff checkout/try-1 checkout/try-2
    """


@world.command("list")
@where_options
@json_option
def list_(*, where: Where, as_json: bool) -> None:
    """List the worlds, each below the one that it was forked from."""
    with where.records() as records:
        branches = records.branches()
    if as_json:
        for branch in branches:
            print(json.dumps(as_values(branch), ensure_ascii=False))
    elif not sys.stdout.isatty():
        for branch in branches:
            place = f"{branch.parent}@{branch.base}" if branch.parent else "-"
            labels = " ".join(f"{key}={value}" for key, value in branch.labels.items())
            fields = (branch.name, place, str(branch.calls), timestamp(branch.created), labels)
            print("\t".join(map(printable, fields)))
    else:
        _draw(branches)


@world.command()
@where_options
@labels_option
@click.option("--seed", type=int, default=0, metavar="N", help="What its ids and randomness follow from.")
@click.option("--clock", type=Clock(), default="real", metavar="CLOCK", help="real, frozen@TIME or step:1s@TIME.")
@click.argument("name")
def create(*, where: Where, labels: tuple[tuple[str, str], ...], seed: int, clock: ClockSettings, name: str) -> None:
    """Make an empty world. Its NAME may be a path: checkout/try-3."""
    with where.worlds(create=True) as worlds:
        worlds.create(name, seed=seed, clock=clock, labels=dict(labels))
    click.echo(f"{name}: made, empty", err=True)


@world.command()
@where_options
@labels_option
@click.option("--at", metavar="CALL|TIME", help="A call's number or id, or a time of the world [default: now].")
@click.argument("source")
@click.argument("name")
def fork(*, where: Where, labels: tuple[tuple[str, str], ...], at: str | None, source: str, name: str) -> None:
    r"""Make NAME a branch of SOURCE, with everything in it: entities, mail, clock, ids, limits, scheduled work.

    \b
      childproof world fork checkout checkout/try-1 --set agent=opus
      childproof world fork checkout before-the-refund --at 41
      childproof world fork checkout on-monday --at 2026-01-05T09:00:00Z
    """
    with where.worlds() as worlds:
        base = worlds.fork(source, name, at=at, labels=dict(labels))
        click.echo(f"{name}: forked from {source} after call {base}", err=True)


@world.command("set")
@where_options
@click.argument("name")
@click.argument("labels", nargs=-1, required=True, type=_Label(), metavar="KEY=VALUE…")
def set_(*, where: Where, name: str, labels: tuple[tuple[str, str], ...]) -> None:
    """Give a world metadata; an empty value removes a key."""
    with where.worlds() as worlds:
        worlds.label(name, dict(labels))


@world.command()
@where_options
@click.option(
    "--at",
    metavar="CALL|TIME",
    help="A call of its own by number or id, or a time of the world [default: its beginning].",
)
@click.argument("name")
def reset(*, where: Where, at: str | None, name: str) -> None:
    r"""Take a world back to where it was forked from; one that wasn't, to what it began with; or to after a call.

    Worlds that were forked from it later keep what they inherited.

    \b
      childproof world reset checkout/try-1
      childproof world reset checkout/try-1 --at 41
    """
    with where.worlds() as worlds:
        place, gone = worlds.reset(name, at=at)
    began = f"call {place.base} of {place.parent}" if place.parent else "its beginning"
    back = began if place.calls == place.base else f"call {place.calls}"
    click.echo(f"{name}: back at {back}; {gone} call{'s' if gone != 1 else ''} undone", err=True)


@world.command()
@where_options
@click.option("--with-children", is_flag=True, help="Delete the worlds too that were forked from it.")
@click.argument("name")
def delete(*, where: Where, with_children: bool, name: str) -> None:
    """Delete a world, its calls and their record. Refused while others need its past."""
    with where.worlds() as worlds:
        gone = worlds.delete(name, with_children=with_children)
    for one in gone:
        click.echo(f"{one}: deleted", err=True)


@world.command("log", context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("name")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def log_(*, name: str, options: tuple[str, ...]) -> None:
    """List a world's calls: `childproof log --world NAME`, with its options."""
    log.main(args=["--world", name, *options], prog_name="childproof log", standalone_mode=False)


def as_values(branch: Branch) -> dict[str, Any]:
    """A world's place as JSON values; the keys stand in docs/worlds.md."""
    return {
        "name": branch.name,
        "parent": branch.parent,
        "base": branch.base,
        "calls": branch.calls,
        "seed": branch.seed,
        "created": timestamp(branch.created),
        "metadata": dict(branch.labels),
    }


def _draw(branches: list[Branch]) -> None:
    from rich.console import Console  # noqa: PLC0415 (30 ms, for terminals only)
    from rich.tree import Tree  # noqa: PLC0415

    tree = Tree("worlds", hide_root=True, guide_style="dim")
    nodes: dict[str, Tree] = {}
    waiting = list(branches)
    while waiting:  # a parent may come later in the alphabet; lineages have no cycles
        later = []
        for branch in waiting:
            above = tree if branch.parent is None else nodes.get(branch.parent)
            if above is None:
                later.append(branch)
            else:
                nodes[branch.name] = above.add(_line(branch))
        waiting = later
    Console(highlight=False).print(tree if branches else "no worlds")


def _line(branch: Branch) -> "Text":
    from rich.text import Text  # noqa: PLC0415

    own = branch.calls - branch.base
    line = Text(printable(branch.name), "bold")
    line.append(f"  {own} call{'s' if own != 1 else ''}", "default")
    if branch.parent is not None:
        line.append(f" since call {branch.base}", "dim")
    for key, value in branch.labels.items():
        line.append(f"  {printable(key)}={printable(value)}", "cyan")
    return line
