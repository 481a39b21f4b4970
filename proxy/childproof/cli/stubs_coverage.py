"""`childproof stubs coverage`: a stub's operations by the fidelity of their replies."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from childproof.catalog import load_catalog
from childproof.control.messages_rules import OperationRow, StubCoverage
from childproof.control.stubtold import covered
from childproof.model import Fidelity
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.coverage import FIDELITIES, Row, grouped, totals

from .rules_served import as_faults
from .stubs_find import known_name, stub_folders
from .where import Where, asking_options


@click.command("coverage", short_help="Tell how much of a service a stub models.")
@click.argument("stub", nargs=-1, metavar="[NAME|DIR]…")
@asking_options("look at those here")
@click.option(
    "--fidelity", type=click.Choice([one.value for one in FIDELITIES]), help="List the operations of one fidelity."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each operation.")
@click.option("--markdown", is_flag=True, help="The table in Markdown.")
def coverage_command(
    *,
    stub: tuple[str, ...],
    stubs: tuple[Path, ...],
    where: Where | None,
    fidelity: str | None,
    as_json: bool,
    markdown: bool,
) -> None:
    """Count a stub's operations by fidelity, for each of its resources; of several stubs, one line each.

    modelled: behaviour was written for it. generic: it keeps state by its schema alone. synthesized: its reply is
    made up from the schema. What a service has and the stub's document hasn't is a gap. With --server, of the stubs there.
    """
    told = _here(stub, stubs) if where is None else _served(stub, where)
    found = {one.stub: [_row(row) for row in one.operations] for one in told}
    if fidelity is not None:
        found = {name: [row for row in every if row.fidelity.value == fidelity] for name, every in found.items()}
    if as_json:
        for name, every in found.items():
            for row in every:
                print(
                    json.dumps(
                        {"stub": name, "operation": row.operation, "group": row.group, "fidelity": row.fidelity.value}
                    )
                )
        return
    if fidelity is not None and not markdown:
        for name, every in found.items():
            for row in every:
                print(row.operation if len(found) == 1 else f"{name}  {row.operation}")
        return
    for line in _table(found, markdown=markdown):
        print(line)


def _here(named: Sequence[str], stubs: Sequence[Path]) -> Iterator[StubCoverage]:
    for folder in stub_folders(named, load_catalog(stubs)):
        yield covered(load_stub(folder))


def _served(named: Sequence[str], where: Where) -> Iterator[StubCoverage]:
    with where.client() as client, as_faults():
        names = [stub.name for stub in client.stubs()]
        for name in [known_name(one, names) for one in named] or names:
            yield client.coverage(name)


def _row(told: OperationRow) -> Row:
    return Row(told.operation, told.group, Fidelity(told.fidelity))


def _table(found: dict[str, list[Row]], *, markdown: bool) -> list[str]:
    if len(found) == 1:
        [(name, every)] = found.items()
        lines = [(group, counts) for group, counts in grouped(every).items()]
        head = "resource"
        last = [(name, totals(every))]
    else:
        lines, last, head = [(name, totals(every)) for name, every in found.items()], [], "stub"
    cells = [[head, *(one.value for one in FIDELITIES), "operations"], *(_cells(*line) for line in (*lines, *last))]
    if markdown:
        return [_joined(cells[0]), "|---|" + "---:|" * (len(cells[0]) - 1), *(_joined(line) for line in cells[1:])]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    shown = [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]
    return [
        *shown[:1],
        *shown[1 : len(shown) - len(last)],
        *(["-" * len(shown[0])] if last else []),
        *shown[len(shown) - len(last) :],
    ]


def _cells(name: str, counts: dict[Fidelity, int]) -> list[str]:
    return [name, *(str(counts[one]) if counts[one] else "" for one in FIDELITIES), str(sum(counts.values()))]


def _joined(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
