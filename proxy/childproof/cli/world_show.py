"""`childproof world show`: one world, what it holds and where it stands."""

import json

import click

from childproof.ledger import timestamp
from childproof.world import ClockSettings

from .reading import printable
from .where import Where, where_options
from .world import as_values, json_option


@click.command()
@where_options
@json_option
@click.argument("name")
def show(*, where: Where, as_json: bool, name: str) -> None:
    """Show a world: where it comes from, its clock, what it holds, what was forked from it."""
    with where.records() as records:
        branch = records.branch(name)
        clock = records.clock(name)
        counts = records.counts(name)
        children = [other.name for other in records.branches() if other.parent == name]
    jobs, people = counts.scheduled, counts.people
    kinds = [(service, kind, count) for (service, kind), count in counts.entities.items() if count]
    if as_json:
        values = as_values(branch)
        start = None if clock.start is None else timestamp(clock.start)
        values["clock"] = {"run": clock.run, "start": start, "step": clock.step}
        values["entities"] = [{"service": service, "kind": kind, "count": count} for service, kind, count in kinds]
        values |= {"people": people, "scheduled": jobs, "children": children}
        print(json.dumps(values, ensure_ascii=False))
        return
    facts = [
        ("parent", f"{branch.parent}, after call {branch.base}" if branch.parent else "none: it began empty"),
        ("calls", f"{branch.calls - branch.base} of its own, the last is number {branch.calls}"),
        ("seed", str(branch.seed)),
        ("clock", words(clock)),
        ("made", timestamp(branch.created)),
        *branch.labels.items(),
        *([("people", f"{people:,}")] if people else []),
        *((service, f"{count:,} {kind}") for service, kind, count in kinds),
        *([("scheduled", f"{jobs} job{'s' if jobs != 1 else ''}")] if jobs else []),
        *([("children", ", ".join(children))] if children else []),
    ]
    print(printable(branch.name))
    for title, text in facts:
        print(f"  {printable(title):<10} {printable(text)}")


def words(clock: ClockSettings) -> str:
    """A clock's settings in words."""
    start = "" if clock.start is None else f" at {timestamp(clock.start)}"
    match clock.run:
        case "frozen":
            return f"frozen{start}"
        case "step":
            return f"steps {clock.step} ms with each call{start and start.replace(' at', ', from')}"
        case _:
            return f"runs with real time{start and start.replace(' at', ', from')}"
