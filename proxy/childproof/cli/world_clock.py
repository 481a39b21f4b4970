"""`childproof world clock`: see, set and advance a world's clock."""

import json
from pathlib import Path

import click

from childproof.ledger import timestamp
from childproof.world import ClockSettings
from childproof.world.written import read_duration

from .options import Clock, rules_option, stubs_option
from .where import Where, where_options
from .world import json_option
from .world_show import words


# `offset -2h` is no option, and its h asks for no help.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@where_options
@json_option
@rules_option
@stubs_option
@click.argument("name")
@click.argument("way", required=False, metavar="[CLOCK | offset | advance]")
@click.argument("amount", required=False, metavar="[DURATION]")
def clock(
    *,
    where: Where,
    as_json: bool,
    rules: tuple[Path, ...],
    stubs: tuple[Path, ...],
    name: str,
    way: str | None,
    amount: str | None,
) -> None:
    r"""Show a world's clock, set it, or let time pass at once.

    Advancing runs everything that stubs have scheduled until then, in order and over all services. Each job has its
    entry in the ledger. Mail that stubs send meanwhile is judged by the rules.

    \b
      childproof world clock checkout
      childproof world clock checkout frozen@2026-01-05T09:00:00Z  or step:1s
      childproof world clock checkout offset -2h                   two hours ago
      childproof world clock checkout advance 30d
    """
    if way is None:
        _show(where, name, as_json=as_json)
        return
    if (way in ("offset", "advance")) != (amount is not None):
        takes = {"advance": "takes a duration, like 30d", "offset": "takes a duration, like -2h"}
        other = f"takes no duration; write advance {amount} or offset {amount}"
        raise click.UsageError(f"{way} {takes.get(way, other)}")
    by = 0 if amount is None else _milliseconds(amount, signed=way == "offset")
    settings = ClockSettings() if amount is not None else Clock().convert(way, None, None)
    with where.worlds() as worlds:
        if way != "advance":
            settled = worlds.set_clock(name, settings, offset=None if amount is None else by)
            click.echo(f"{name}: {words(settled)}", err=True)
            return
        passed = worlds.advance(name, by, rules=rules, stubs=stubs)
    due = passed.webhooks
    failed = f", {passed.failed} of them failed" if passed.failed else ""
    done = f"{passed.jobs} job{'s' if passed.jobs != 1 else ''} done{failed}"
    sends = "" if not due else f"; {due} webhook{'s' if due != 1 else ''} to be sent by whoever runs this world"
    click.echo(f"{name}: it is {timestamp(passed.now)}; {done}{sends}", err=True)


def _show(where: Where, name: str, *, as_json: bool) -> None:
    with where.records() as records:
        settings = records.clock(name)
    if not as_json:
        print(words(settings))
        return
    start = None if settings.start is None else timestamp(settings.start)
    print(json.dumps({"run": settings.run, "start": start, "step": settings.step}))


def _milliseconds(text: str, *, signed: bool) -> int:
    try:
        return read_duration(text, signed=signed)
    except ValueError as error:
        raise click.UsageError(f"{error}; write for example 30d, 12h or 1d12h") from None
