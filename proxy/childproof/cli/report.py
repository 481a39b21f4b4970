"""`childproof report`: what a world's calls came to, whenever somebody asks."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from childproof.model import Effect

from .reading import open_ledger
from .where import Where, where_options


@click.command()
@where_options
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited by a fork [default: each].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; its keys are in docs/configuration.md.")
def report(*, where: Where, world: str | None, as_json: bool) -> None:
    r"""Say again what would have happened, over all calls of a world.

    \b
      childproof report --world demo
      childproof report --world demo --json | jq .services
    """
    with where.records() as records:
        if world is not None:
            records.branch(world)  # says which there are, if not this one
        names = [world] if world is not None else records.names()
    if where.server is None:
        _say(_stored(where.db, names), where, as_json=as_json)
        return
    with where.client() as client:
        _say(map(client.report, names), where, as_json=as_json)


def _say(found: Iterator[dict[str, Any]], where: Where, *, as_json: bool) -> None:
    if as_json:
        for values in found:
            print(json.dumps(values))
        return
    shown = "\n\n".join(_text(values, where) for values in found)
    print(shown or "no worlds")


def _stored(db: str | None, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    from childproof.catalog import load_catalog  # noqa: PLC0415 (what knows stubs: only here)
    from childproof.run.config.config import load_config  # noqa: PLC0415 (likewise)
    from childproof.run.report.report import summarize, to_json  # noqa: PLC0415 (likewise)

    config = load_config(os.environ, Path.cwd())
    catalog = load_catalog(config.stubs)

    def words(service: str, effects: Sequence[Effect]) -> str:
        return catalog.get(service).outcomes(effects) if service in catalog else ""

    with open_ledger(db) as (_, ledger):
        for name in names:
            yield to_json(summarize(name, ledger.entries(world=name), words), ledger=db or config.store)


def _text(values: dict[str, Any], where: Where) -> str:
    from childproof.run.report.emit import painted, worded  # noqa: PLC0415 (only for people)
    from childproof.run.report.printing import terminal  # noqa: PLC0415 (likewise)
    from childproof.run.report.report import from_json, unpainted  # noqa: PLC0415 (likewise)

    width, coloured = terminal(sys.stdout)
    option = None if where.server is None else f" --server {where.server}"
    ledger = values["ledger"] if where.server is None else where.server
    return worded(from_json(values), ledger, width, painted if coloured else unpainted, option=option)
