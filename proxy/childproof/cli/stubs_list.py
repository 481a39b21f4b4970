"""`childproof stubs list`: which stubs there are, where they come from, and how much they hold."""

import json
from pathlib import Path
from typing import Any

import click

from childproof.catalog import load_catalog
from childproof.control.messages_rules import Stub
from childproof.control.stubtold import listed

from .where import Where, asking_options

HOSTS = 4  # of a stub that are shown


@click.command("list")
@asking_options("look at those here")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each stub.")
def list_command(*, stubs: tuple[Path, ...], where: Where | None, as_json: bool) -> None:
    """List the stubs: shipped, installed, and in the given folders; with --server, those that answer calls there.

    Counts operations without loading a stub: those of its document, and those that its files have behaviour for. A
    stub that can't be read is listed with what is wrong; childproof stubs check says all of it.
    """
    if where is None:
        found = [*listed(load_catalog(stubs))]
    else:
        with where.client() as client:
            found = client.stubs()
    if as_json:
        for stub in found:
            print(json.dumps(_values(stub), ensure_ascii=False))
        return
    width = max((len(stub.name) for stub in found), default=0)
    for stub in found:
        print(f"{stub.name:<{width}}  {stub.summary}".rstrip())
        for line in _below(stub):
            print(f"{'':<{width}}  {line}")


def _values(stub: Stub) -> dict[str, Any]:
    place = {"name": stub.name, "origin": stub.origin, "folder": stub.folder}
    if stub.fault:
        return {**place, "fault": stub.fault}
    held = {"hosts": stub.hosts, "operations": stub.operations, "modelled": stub.modelled}
    return {**place, "summary": stub.summary, **held}


def _below(stub: Stub) -> list[str]:
    where = "shipped" if stub.origin == "shipped" else f"{stub.origin} {stub.folder}"
    if stub.fault:
        return [stub.fault, where]
    count, hosts = stub.operations, stub.hosts
    held = f"{count} operation{'s' if count != 1 else ''}, {stub.modelled} modelled" if count else "no operations"
    more = f" and {len(hosts) - HOSTS} more; --json has all" if len(hosts) > HOSTS else ""
    return [f"{', '.join(hosts[:HOSTS])}{more}", f"{where}; {held}"]
