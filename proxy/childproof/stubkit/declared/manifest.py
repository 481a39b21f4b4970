"""`stub.yaml`, parsed and checked against its schema; what needs the OpenAPI document is checked in `checks.py` and those beside it."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from childproof.documents import Document, parse_yaml, schema_faults
from childproof.errors import InputError
from childproof.model import HostError, normalize_host


class Manifest(msgspec.Struct, frozen=True):
    """What a stub.yaml says, section by section as it was written (the schema has checked the forms)."""

    document: Document
    name: str
    summary: str
    hosts: tuple[str, ...]
    openapi: str
    base: str | None
    auth: Any
    dialect: Mapping[str, Any]
    resources: Mapping[str, Mapping[str, Any]]
    operations: Mapping[str, Mapping[str, Any]]
    descriptors: str
    events: Mapping[str, Any]
    outcomes: Mapping[str, Any]
    mail: str  # the stub that takes its mail where no rule speaks of it


@cache
def stub_schema() -> dict[str, Any]:
    """The JSON Schema of stub.yaml, as it ships."""
    raw = files("childproof.stubkit").joinpath("schemas/stub.json").read_bytes()
    schema: dict[str, Any] = msgspec.json.decode(raw)
    return schema


def read_manifest(path: Path) -> Manifest:
    """Read a stub.yaml. Raises InputError with every fault that shows without the OpenAPI document."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "bytes that are no UTF-8"
        raise InputError.single(path, f"can't be read: {reason}", "a stub.yaml") from None
    return manifest(parse_yaml(text, str(path)))


def manifest(document: Document) -> Manifest:
    """A manifest from a parsed document. Raises InputError."""
    faults = schema_faults(document, stub_schema())
    if faults:
        raise InputError(faults)
    value: dict[str, Any] = document.value
    hosts = []
    for place, host in enumerate(value["hosts"]):
        if host == "*":  # mail: taken for whichever server it was meant for
            hosts.append(host)
            continue
        try:
            wild = host.startswith("*.")
            hosts.append(("*." if wild else "") + normalize_host(host.removeprefix("*.")))
        except HostError as error:
            faults.append(document.fault(("hosts", place), str(error), "a host name or *.name"))
    if faults:
        raise InputError(faults)
    operations = {_operation_name(name): entry for name, entry in value.get("operations", {}).items()}
    return Manifest(
        document=document,
        name=value["stub"],
        summary=value.get("summary", ""),
        hosts=tuple(hosts),
        openapi=value.get("openapi", ""),
        base=value["base"].rstrip("/") if "base" in value else None,
        auth=value.get("auth", "none"),
        dialect=value.get("dialect", {}),
        resources={name: entry or {} for name, entry in value.get("resources", {}).items()},
        operations=operations,
        descriptors=value.get("grpc", {}).get("descriptors", ""),
        events=value.get("events", {}),
        outcomes=value.get("outcomes", {}),
        mail=value.get("mail", ""),
    )


def _operation_name(text: str) -> str:
    method, _, path = text.strip().partition(" ")
    return f"{method.upper()} {path.strip()}"
