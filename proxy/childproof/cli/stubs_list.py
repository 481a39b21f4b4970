"""`childproof stubs list`: which stubs there are, where they come from, and how much they hold."""

import json
from pathlib import Path
from typing import Any

import click

from childproof.catalog import load_catalog
from childproof.catalog.shipped import shipped
from childproof.errors import InputError
from childproof.stubkit.making.coverage import glance

from .options import stubs_option

HOSTS = 4  # of a stub that are shown


@click.command("list")
@stubs_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each stub.")
def list_command(stubs: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """List the stubs: shipped, installed, and in the given folders.

    Counts operations without loading a stub: those of its document, and those that its files have behaviour for. A
    stub that can't be read is listed with what is wrong; childproof stubs check says all of it.
    """
    catalog = load_catalog(stubs)
    found = [_entry(name, catalog.folder(name), given=name in catalog.given) for name in catalog.names()]
    if as_json:
        for entry in found:
            print(json.dumps(entry, ensure_ascii=False))
        return
    width = max((len(entry["name"]) for entry in found), default=0)
    for entry in found:
        print(f"{entry['name']:<{width}}  {entry.get('summary', '')}".rstrip())
        for line in _below(entry):
            print(f"{'':<{width}}  {line}")


def _entry(name: str, folder: Path, *, given: bool) -> dict[str, Any]:
    from childproof.stubkit.declared.manifest import read_manifest  # noqa: PLC0415 - not for --help

    origin = "folder" if given else "shipped" if folder.is_relative_to(shipped("stubs")) else "installed"
    out: dict[str, Any] = {"name": name, "origin": origin, "folder": str(folder)}
    try:
        manifest = read_manifest(folder / "stub.yaml")
        seen = glance(folder, manifest)
    except InputError as error:
        return {**out, "fault": str(error.faults[0])}
    return {
        **out,
        "summary": manifest.summary,
        "hosts": list(manifest.hosts),
        "operations": seen.operations,
        "modelled": seen.modelled,
    }


def _below(entry: dict[str, Any]) -> list[str]:
    where = "shipped" if entry["origin"] == "shipped" else f"{entry['origin']} {entry['folder']}"
    if "fault" in entry:
        return [entry["fault"], where]
    count = entry["operations"]
    held = f"{count} operation{'s' if count != 1 else ''}, {entry['modelled']} modelled" if count else "no operations"
    hosts = entry["hosts"]
    more = f" and {len(hosts) - HOSTS} more; --json has all" if len(hosts) > HOSTS else ""
    return [f"{', '.join(hosts[:HOSTS])}{more}", f"{where}; {held}"]
