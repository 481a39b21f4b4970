"""How much of a service a stub models: its operations by the fidelity of their replies."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from childproof.model import Fidelity
from childproof.stubkit.declared.manifest import Manifest
from childproof.stubkit.document.naming import resource_name, thing_of
from childproof.stubkit.document.openapi import load_openapi
from childproof.stubkit.stub import Stub

FIDELITIES = (Fidelity.MODELLED, Fidelity.GENERIC, Fidelity.SYNTHESIZED)
_DECLARES = re.compile(r"@operation\(\s*[\"']([A-Z]+ [^\"']+)[\"']")
_BESIDE = re.compile(r"^@(?:receives|websocket|rpc)\(\s*[\"']([^\"']+)[\"']", re.MULTILINE)  # what no document has
_VERSION = re.compile(r"v?[0-9]+(\.[0-9]+)*|api|rest|\{[^{}]*\}")


class Coverage(msgspec.Struct, frozen=True):
    """Operations by fidelity; `untested` are modelled operations that no case used."""

    operations: int
    counts: Mapping[str, int]
    untested: tuple[str, ...]


class Row(msgspec.Struct, frozen=True):
    """One operation: what it belongs to (a resource, or the first name in its path), and its fidelity."""

    operation: str
    group: str
    fidelity: Fidelity


class Glance(msgspec.Struct, frozen=True):
    """What shows of a stub without loading it: how many operations there are, and how many its files have behaviour for."""

    operations: int
    modelled: int


def rows(stub: Stub) -> list[Row]:
    """Every operation of a stub, in the document's order; then what isn't in a document: mail, WebSockets, gRPC."""
    service = stub.service
    found = []
    for operation in service.api.operations() if service.api is not None else ():
        assert service.api is not None
        assert service.inference is not None
        inferred = service.inference.operation(operation)
        stored = inferred.action != "none" and inferred.schema
        written = next((one.name for one in service.registry.written if stored and one.schema == inferred.schema), None)
        group = written or (resource_name(service.api, inferred.schema) if stored else _first(operation.path))
        found.append(Row(operation.name, group, service.fidelity(operation)))
    behaviours = service.behaviours
    found += [Row(f"{name.upper()} message", name, Fidelity.MODELLED) for name in behaviours.receivers]
    found += [Row(f"WEBSOCKET {path}", "websocket", Fidelity.MODELLED) for path in behaviours.sockets]
    found += [Row(f"RPC {path}", "grpc", Fidelity.MODELLED) for path in behaviours.rpcs]
    return found


def kinds(stub: Stub) -> list[str]:
    """The kinds of entities that it can hold, by name: what stub.yaml keeps, and what the document's operations make."""
    service = stub.service
    written = {one.schema for one in service.registry.written if one.schema}
    found = {one.name for one in service.registry.written}
    for operation in service.api.operations() if service.api is not None else ():
        assert service.api is not None
        assert service.inference is not None
        inferred = service.inference.operation(operation)
        if inferred.action != "none" and inferred.schema and inferred.schema not in written:
            found.add(resource_name(service.api, inferred.schema))
    return sorted(found)


def grouped(found: Sequence[Row]) -> dict[str, dict[Fidelity, int]]:
    """How many operations of each fidelity each group has; groups in alphabetical order."""
    out: dict[str, dict[Fidelity, int]] = {}
    for row in sorted(found, key=lambda row: row.group):
        counts = out.setdefault(row.group, dict.fromkeys(FIDELITIES, 0))
        counts[row.fidelity] += 1
    return out


def totals(found: Sequence[Row]) -> dict[Fidelity, int]:
    """How many operations there are of each fidelity."""
    return {fidelity: sum(row.fidelity is fidelity for row in found) for fidelity in FIDELITIES}


def coverage(stub: Stub, used: Collection[str] | None = None) -> Coverage:
    """The operations of the stub's document, counted. `used` are the operations that cases called."""
    service = stub.service
    found = {
        operation.name: service.fidelity(operation)
        for operation in (service.api.operations() if service.api is not None else ())
    }
    untested = [
        name
        for name, fidelity in found.items()
        if used is not None and fidelity is Fidelity.MODELLED and name not in used
    ]
    counts = {fidelity.value: sum(one is fidelity for one in found.values()) for fidelity in FIDELITIES}
    return Coverage(len(found), counts, tuple(untested))


def glance(folder: Path, manifest: Manifest) -> Glance:
    """Count without importing a file of the stub's or decoding an operation, as `rows` does. Raises InputError for a broken document."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.glob("*.py"))]
    modelled = {" ".join(name.split()) for text in texts for name in _DECLARES.findall(text)}
    beside = len({name for text in texts for name in _BESIDE.findall(text)})
    modelled.update(
        name for name, entry in manifest.operations.items() if entry.keys() & {"move", "set", "emit", "reply"}
    )
    if not manifest.openapi:
        return Glance(len(modelled) + beside, len(modelled) + beside)
    api = load_openapi(folder / manifest.openapi)
    return Glance(api.count() + beside, len(modelled) + beside)


def _first(path: str) -> str:
    """The first name in a path that is no version, in the singular."""
    named = next((part for part in path.split("/") if part and not _VERSION.fullmatch(part)), "")
    return thing_of(f"/{named}") if named else "/"
