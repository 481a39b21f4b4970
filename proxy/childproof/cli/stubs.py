"""`childproof stubs`: check and start stubs; the further commands have modules of their own."""

import sys
from pathlib import Path

import click

from childproof.catalog import load_catalog
from childproof.cli.options import stubs_option
from childproof.cli.stubs_conform import conform_command
from childproof.cli.stubs_coverage import coverage_command
from childproof.cli.stubs_derive import derive_command
from childproof.cli.stubs_drift import drift_command
from childproof.cli.stubs_find import stub_folders
from childproof.cli.stubs_list import list_command
from childproof.errors import Fault, InputError
from childproof.stubkit.cases.cases import load_cases, run_case
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.coverage import Coverage, coverage
from childproof.stubkit.making.rehearsal import Rehearsed, rehearse
from childproof.stubkit.making.starter import check_name, start_stub


@click.group()
def stubs() -> None:
    """List, check, start, measure and compare stubs."""


@stubs.command("check")
@click.argument("stub", nargs=-1, metavar="[NAME|DIR]…")
@stubs_option
def check_command(stub: tuple[str, ...], stubs: tuple[Path, ...]) -> None:
    """Load stubs, run their cases, and say how much of each is modelled.

    Without arguments, all of them. Exits with 2 for faults in a stub's files, with 1 for failing cases.
    """
    failed = 0
    faults: list[Fault] = []
    for folder in stub_folders(stub, load_catalog(stubs)):
        try:
            failed += _check(folder)
        except InputError as error:
            faults.extend(error.faults)
    if faults:
        raise InputError(faults)
    if failed:
        print(f"childproof: {failed} failing case{'s' if failed != 1 else ''}", file=sys.stderr)
        sys.exit(1)


@stubs.command("new", short_help="Start a stub from an OpenAPI document.")
@click.argument("name")
@click.option(
    "--openapi",
    "document",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="The service's document: OpenAPI 3 or Swagger 2, JSON or YAML.",
)
@click.option(
    "--host",
    "hosts",
    multiple=True,
    metavar="HOST",
    help="A host that the service answers at [default: the document's servers]. May be given again.",
)
@click.option(
    "--dir", "parent", type=click.Path(path_type=Path), default=Path("stubs"), metavar="DIR",
    help="Where the stub's folder goes [default: stubs].",
)  # fmt: skip
def new_command(name: str, document: Path, hosts: tuple[str, ...], parent: Path) -> None:
    """Start a stub: a folder with the document and a stub.yaml that says what was inferred from it."""
    check_name(name)
    started = start_stub(parent / name, document, hosts)
    folder = started.folder
    print(f"{folder / 'stub.yaml'}: written; read it, change it, then: childproof stubs check {folder}")
    stub = load_stub(folder)
    for line in _shown(coverage(stub)):
        print(line)
    for line in _tried(rehearse(stub)):
        print(line)
    for note in started.notes:
        print(f"  not inferred: {note}")


stubs.add_command(conform_command)
stubs.add_command(list_command)
stubs.add_command(derive_command)
stubs.add_command(coverage_command)
stubs.add_command(drift_command)


def _tried(rehearsed: list[Rehearsed]) -> list[str]:
    """What creating, retrieving, listing, changing and deleting some of the resources came to."""
    if not rehearsed:
        return []
    names = ", ".join(one.resource for one in rehearsed)
    calls = sum(len(one.steps) for one in rehearsed)
    lines = [f"  tried {names}: {calls} calls, {sum(len(one.faults) for one in rehearsed) or 'no'} faults"]
    return lines + [f"    {fault}" for one in rehearsed for fault in one.faults[:3]]


def _check(folder: Path) -> int:
    """Check one stub and print what was found; how many of its cases fail."""
    stub = load_stub(folder)
    cases = load_cases(folder)
    results = [run_case(stub, case) for case in cases]
    failed = [result for result in results if result.failures]
    print(f"{stub.name}: {len(cases) - len(failed)} of {len(cases)} case{'s' if len(cases) != 1 else ''} passed")
    checked = sum(result.checked for result in results)
    if checked:
        print(f"  {checked} repl{'ies' if checked != 1 else 'y'} checked against the document's schemas")
    used = {operation for result in results for operation in result.operations}
    for line in _shown(coverage(stub, used)):
        print(line)
    for result in failed:
        for failure in result.failures:
            print(failure)
    return len(failed)


def _shown(found: Coverage) -> list[str]:
    lines = []
    if found.operations:
        counts = ", ".join(f"{count} {fidelity}" for fidelity, count in found.counts.items() if count)
        lines.append(f"  {found.operations} operation{'s' if found.operations != 1 else ''}: {counts}")
    if found.untested:
        lines.append(
            f"  {len(found.untested)} modelled operations in no case: {', '.join(found.untested[:5])}{' …' if len(found.untested) > 5 else ''}"
        )
    return lines
