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
from childproof.ledger import CLOCK, Entry, Filter, to_line
from childproof.ledger.har import to_har
from childproof.ledger.metrics import to_metrics
from childproof.model import Fidelity, Protocol

from .log_shown import columns, newest, print_table
from .options import Since
from .reading import find_call
from .records import Tail
from .where import Where, where_options

SHOWN = 100
POLL = 0.1
FIDELITIES = [fidelity.value for fidelity in Fidelity]
PROTOCOLS = [*(protocol.value for protocol in Protocol), CLOCK]
_TRACE = re.compile(r"[0-9a-f]{32}")


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
        read = partial(records.entries, world=world, only=only)
        wide = world is None and len(names) > 1
        if har is not None:
            _archive(read(last=shown), har)
        elif metrics:
            _print(to_metrics(read(last=shown)))
        elif otlp is not None:
            _send(read(last=shown), otlp)
        elif as_json:
            _print(map(to_line, read(last=shown)))
        elif person and not follow:
            print_table(*newest(read, only, shown), wide=wide)
        else:
            _print(columns(entry, wide=wide) for entry in read(last=shown))
        if tail is not None:
            _follow(tail, to_line if as_json else partial(columns, wide=wide))


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
