"""`childproof stubs coverage`: a stub's operations by the fidelity of their replies."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from childproof.catalog import load_catalog
from childproof.model import Fidelity
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.coverage import FIDELITIES, Row, grouped, rows, totals

from .options import stubs_option
from .stubs_find import stub_folders


@click.command("coverage", short_help="Tell how much of a service a stub models.")
@click.argument("stub", nargs=-1, metavar="[NAME|DIR]…")
@stubs_option
@click.option(
    "--fidelity", type=click.Choice([one.value for one in FIDELITIES]), help="List the operations of one fidelity."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each operation.")
@click.option("--markdown", is_flag=True, help="The table in Markdown.")
def coverage_command(
    stub: tuple[str, ...],
    stubs: tuple[Path, ...],
    fidelity: str | None,
    as_json: bool,  # noqa: FBT001 - click passes them by name
    markdown: bool,  # noqa: FBT001
) -> None:
    """Count a stub's operations by fidelity, for each of its resources; of several stubs, one line each.

    modelled: behaviour was written for it. generic: it keeps state by its schema alone. synthesized: its reply is
    made up from the schema. What a service has and the stub's document hasn't is a gap.
    """
    found = {}
    for folder in stub_folders(stub, load_catalog(stubs)):
        loaded = load_stub(folder)
        found[loaded.name] = rows(loaded)
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
        return [_row(cells[0]), "|---|" + "---:|" * (len(cells[0]) - 1), *(_row(line) for line in cells[1:])]
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


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
