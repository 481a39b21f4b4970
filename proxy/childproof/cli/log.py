"""`childproof log`: the calls of a world, as a table, as plain columns, or as JSON lines."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NoReturn, TextIO

import click

from childproof import __version__
from childproof.ledger import CLOCK, Entry, Filter, timestamp, to_line
from childproof.ledger.har import to_har
from childproof.ledger.metrics import to_metrics
from childproof.model import Fidelity, Protocol

from .options import Since
from .reading import duration, find_call, printable
from .records import Tail
from .where import Where, where_options

SHOWN = 100
POLL = 0.1
ROOMY = 90
FIDELITIES = [fidelity.value for fidelity in Fidelity]
PROTOCOLS = [*(protocol.value for protocol in Protocol), CLOCK]
_TRACE = re.compile(r"[0-9a-f]{32}")
STYLES = {"stub": "green", "reply": "green", "allow": "yellow", "deny": "red"}


@click.command()
@where_options
@click.option("--world", metavar="NAME", help="Only this world, with what it inherited by a fork [default: all].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; its keys are in docs/ledger.md.")
@click.option(
    "--har",
    type=click.File("w", lazy=True, atomic=True),
    help="Write the HTTP calls into a HAR 1.2 file; - is standard output.",
)
@click.option("--metrics", is_flag=True, help="Counts in Prometheus' text format.")
@click.option("--otlp", metavar="URL", help="Send them to an OpenTelemetry collector, over OTLP with HTTP.")
@click.option("--follow", "-f", is_flag=True, help="Go on with new calls as they are made, until interrupted.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"Only the newest N calls; 0 for all [default: {SHOWN} on a terminal, else all].",
)
@click.option("--verdict", type=click.Choice(["stub", "reply", "allow", "deny"]), help="Only calls with this verdict.")
@click.option("--service", metavar="NAME", help="Only calls that this stub answered, or to this host.")
@click.option("--fidelity", type=click.Choice(FIDELITIES), help="Only calls that a stub answered in this way.")
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(PROTOCOLS),
    multiple=True,
    help="Only calls of this protocol, so that name look-ups (dns) stay away. May be given again.",
)
@click.option("--path", metavar="GLOB", help="Only calls to such a path: * is within a segment, ** any number of them.")
@click.option("--entity", metavar="ID", help="Only calls that changed this entity or told of it.")
@click.option(
    "--trace", metavar="ID|CALL", help="Only what follows from one call: a trace id, or any call of the trace."
)
@click.option(
    "--since", type=Since(), metavar="TIME|AGO", help="Only calls made since then: 2026-01-05T09:00:00Z, or 10m ago."
)
def log(
    *,
    where: Where,
    world: str | None,
    as_json: bool,
    har: TextIO | None,
    metrics: bool,
    otlp: str | None,
    follow: bool,
    limit: int | None,
    verdict: str | None,
    service: str | None,
    fidelity: str | None,
    protocols: tuple[str, ...],
    path: str | None,
    entity: str | None,
    trace: str | None,
    since: int | None,
) -> None:
    r"""List the calls of a world, oldest first.

    \b
      childproof log --world demo
      childproof log --verdict deny --json | jq .target
      childproof log --protocol http --protocol smtp
      childproof log --path '/v1/customers/**' --since 10m
      childproof log --entity cus_NffrFeUfNV2Hib
      childproof log --trace call_5f1c
      childproof log --follow
    """
    forms = [
        name for name, given in (("--json", as_json), ("--har", har), ("--metrics", metrics), ("--otlp", otlp)) if given
    ]
    if len(forms) > 1 or (follow and (har is not None or metrics or otlp is not None)):
        raise click.UsageError(
            f"{' and '.join([*forms, *(['--follow'] if follow else [])])} don't go together; choose one"
        )
    person = sys.stdout.isatty() and not forms
    with where.records() as records:
        names = records.names()
        if world is not None:
            records.branch(world)  # says which there are, if not this one
        if trace is not None and not _TRACE.fullmatch(trace):
            trace = find_call(records, trace, world).trace
        only = Filter(verdict, service, fidelity, since, path, entity, protocols, trace)
        # Following begins before the list is read, so that nothing falls between the two.
        tail = records.tail(world=world, only=only) if follow else None
        shown = (limit or None) if limit is not None else (SHOWN if person else None)
        entries = records.entries(world=world, only=only, last=shown)
        wide = world is None and len(names) > 1
        if har is not None:
            _archive(entries, har)
        elif metrics:
            _print(to_metrics(entries))
        elif otlp is not None:
            _send(entries, otlp)
        elif as_json:
            _print(map(to_line, entries))
        elif person and not follow:
            _table(list(entries), wide=wide)
        else:
            _print(_columns(entry, wide=wide) for entry in entries)
        if tail is not None:
            _follow(tail, to_line if as_json else partial(_columns, wide=wide))


def _follow(tail: Tail, shown: Callable[[Entry], str]) -> NoReturn:
    while True:
        try:
            _print(map(shown, tail.read()))
            time.sleep(POLL)
        except KeyboardInterrupt:
            sys.exit(130)


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)
    sys.stdout.flush()


def _archive(entries: Iterable[Entry], file: TextIO) -> None:
    left_out = 0

    def only_http() -> Iterator[Entry]:
        nonlocal left_out
        for entry in entries:
            if entry.protocol == "http":
                yield entry
            else:
                left_out += 1

    file.writelines(to_har(only_http(), version=__version__))
    if left_out:
        print(f"childproof: {left_out} calls that are no HTTP are left out of the archive", file=sys.stderr)


def _send(entries: Iterable[Entry], url: str) -> None:
    from childproof.run.config.endpoint import otlp_endpoint  # noqa: PLC0415 (only where it is asked for)
    from childproof.run.watch.otlp import send_all  # noqa: PLC0415

    count = send_all(entries, otlp_endpoint(url, os.environ))
    print(f"childproof: {count:,} call{'s' if count != 1 else ''} sent to {url}", file=sys.stderr)


def _columns(entry: Entry, *, wide: bool) -> str:
    """A line whose columns a person can read and `awk` can split: the last one is free text."""
    columns = [
        f"{entry.seq:>5}",
        timestamp(entry.at),
        f"{entry.verdict:<5}",
        f"{_status(entry):>3}",
        f"{duration(entry.duration_us):>8}",
        printable(entry.target),
        printable(_why(entry)),
    ]
    return "  ".join([entry.world, *columns] if wide else columns)


def _table(entries: list[Entry], *, wide: bool) -> None:
    """As wide as the terminal: what is long is shortened, and times go where there is no room for them."""
    from rich.console import Console  # noqa: PLC0415 (30 ms, for terminals only)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    if not entries:
        console.print("no calls")
        return
    roomy = console.width >= ROOMY
    table = Table(box=None, pad_edge=False, header_style="dim", width=console.width)
    if wide:
        table.add_column("world", overflow="ellipsis", no_wrap=True, min_width=5, max_width=20)
    table.add_column("#", justify="right", no_wrap=True, min_width=len(str(entries[-1].seq)))
    table.add_column("verdict", no_wrap=True, min_width=7)
    table.add_column("status", justify="right", no_wrap=True, min_width=6)
    table.add_column("call", overflow="ellipsis", no_wrap=True, ratio=3)
    table.add_column("answered by, or why not", overflow="ellipsis", no_wrap=True, ratio=2)
    if roomy:
        table.add_column("time", no_wrap=True, min_width=8)
        table.add_column("took", justify="right", no_wrap=True, min_width=8)
    for entry in entries:
        cells = [Text(printable(entry.world))] if wide else []
        cells += [
            Text(str(entry.seq)),
            Text(entry.verdict, STYLES.get(entry.verdict, "")),
            Text(_status(entry)),
            Text(printable(entry.target)),
            Text(printable(_why(entry)), "" if entry.verdict == "deny" else "dim"),
        ]
        if roomy:
            cells += [Text(timestamp(entry.at)[11:19], "dim"), Text(duration(entry.duration_us), "dim")]
        table.add_row(*cells)
    console.print(table)


def _status(entry: Entry) -> str:
    if not entry.settled:
        return "…"
    return "-" if entry.status is None else str(entry.status)


def _why(entry: Entry) -> str:
    if entry.error:
        return f"error: {entry.error.strip().splitlines()[-1]}" if entry.error.strip() else "error"
    if entry.stub is not None and entry.verdict == "stub":
        operation = f": {entry.operation}" if entry.operation else ""
        return f"{entry.stub}{operation} ({entry.fidelity})" if entry.fidelity else f"{entry.stub}{operation}"
    if entry.verdict == "deny" or entry.rule is None:
        return entry.reason
    would = f", which {entry.would[0].rule} would deny" if entry.would else ""
    return f"rule {entry.rule}{would}"
