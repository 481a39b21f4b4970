"""`childproof stubs drift`: what a newer document of a service has that the stub's hasn't, and whether the stub says otherwise."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from childproof.catalog import load_catalog
from childproof.errors import InputError
from childproof.model import Fidelity, replace
from childproof.stubkit.cases.cases import Case, load_cases
from childproof.stubkit.document.openapi import load_openapi
from childproof.stubkit.folder.loading import load_stub
from childproof.stubkit.making.drift import Drifted, drift
from childproof.stubkit.service import Service

from .options import stubs_option
from .stubs_find import stub_folders

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@click.command("drift", short_help="Compare a stub with a newer document of its service.")
@click.argument("stub", metavar="NAME|DIR")
@click.option(
    "--openapi", "document", type=click.Path(path_type=Path), metavar="FILE", required=True, help="The newer document."
)
@stubs_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each operation that differs.")
def drift_command(stub: str, document: Path, stubs: tuple[Path, ...], as_json: bool) -> None:  # noqa: FBT001 - click's
    """Say which operations a newer document adds, removes and changes, and which of them the stub deals with.

    Behind a change stands what it touches: modelled behaviour, resources of stub.yaml, cases. `!` marks what may break
    a client or a stub written for the older document. Exits with 0 where nothing differs, 1 where something does.
    """
    [folder] = stub_folders([stub], load_catalog(stubs))
    service = load_stub(folder).service
    if service.api is None:
        raise InputError.single(stub, "a stub without an OpenAPI document", "one with `openapi:` in its stub.yaml")
    cases = _cases(service, load_cases(folder))
    found = [
        replace(one, touches=tuple(_touches(service, one, cases))) for one in drift(service.api, load_openapi(document))
    ]
    for one in found:
        for line in (
            [json.dumps({"stub": service.name, **msgspec.to_builtins(one)}, ensure_ascii=False)]
            if as_json
            else _shown(one)
        ):
            print(line)
    if not as_json:
        print(_summary(service.name, found))
    if found:
        sys.exit(1)


def _shown(one: Drifted) -> Iterator[str]:
    touched = f"   ({', '.join(one.touches)})" if one.touches else ""
    yield f"{_SIGNS[one.change]} {one.operation}{touched}"
    for difference in one.differences:
        yield f"  {'!' if difference.breaks else ' '} {difference.what}: {difference.how}"


def _summary(name: str, found: list[Drifted]) -> str:
    if not found:
        return f"{name}: no drift"
    counts = ", ".join(
        f"{count} {change}" for change in _SIGNS if (count := sum(one.change == change for one in found))
    )
    touching = sum(bool(one.touches) for one in found)
    return f"{name}: {counts}; {touching} of them touch what the stub says"


def _cases(service: Service, cases: list[Case]) -> dict[str, list[str]]:
    """The files of the cases that call each operation."""
    assert service.api is not None
    found: dict[str, list[str]] = {}
    for case in cases:
        for step in case.value.get("calls", ()):
            for word in step:
                method, _, target = str(word).partition(" ")
                path = target.partition("?")[0].replace("{", "").replace("}", "").removeprefix(service.base)
                routed = service.api.route(method, path) if path.startswith("/") else None
                if routed is not None:
                    files = found.setdefault(f"{method} {routed[0]}", [])
                    name = f"cases/{Path(case.document.file).name}"
                    if name not in files:
                        files.append(name)
    return found


def _touches(service: Service, one: Drifted, cases: dict[str, list[str]]) -> Iterator[str]:
    """What of a stub deals with an operation."""
    assert service.api is not None
    assert service.inference is not None
    method, _, path = one.operation.partition(" ")
    operation = service.api.operation(method, path)
    if operation is None:
        return
    if service.fidelity(operation) is Fidelity.MODELLED:
        yield "modelled"
    schema = service.inference.operation(operation).schema
    yield from (f"resource {known.name}" for known in service.registry.written if schema and known.schema == schema)
    yield from cases.get(one.operation, ())
