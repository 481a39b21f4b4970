"""`childproof stubs new`: a stub's folder from an OpenAPI document, with what was inferred written out (`draft.py`)."""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from childproof.errors import Fault, InputError
from childproof.model import HostError, normalize_host
from childproof.stubkit.document.openapi import OpenApi, load_openapi

from .draft import draft

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_OTHERS = re.compile(r"[^a-z0-9]+")
_LARGE = 512 * 1024  # bytes of YAML: reading them at each start would take longer than anything else


class Started(msgspec.Struct, frozen=True):
    """A stub's new folder, and what could not be inferred, one sentence each."""

    folder: Path
    notes: tuple[str, ...]


def check_name(name: str) -> None:
    """Raises InputError for what can't be a stub's name, and so its folder's."""
    if not _NAME.fullmatch(name):
        nearest = _OTHERS.sub("-", name.lower()).strip("-")
        raise InputError.single(
            name or "the name", "a name that a stub can't have", "lower-case letters, digits and hyphens", nearest
        )


def start_stub(folder: Path, document: Path, hosts: Sequence[str] = ()) -> Started:
    """Make a stub's folder from a document. Raises InputError; what exists already is never overwritten."""
    check_name(folder.name)
    faults = [fault for host in hosts if (fault := _host_fault(host)) is not None]
    if (folder / "stub.yaml").exists():
        faults.append(Fault(str(folder / "stub.yaml"), 0, 0, "a stub that exists already", "a new name"))
    if faults:
        raise InputError(faults)
    api = load_openapi(document)
    found = list(hosts) or api.hosts()
    if not found:
        raise InputError.single(document, "no server with a host name", "the service's host", "--host api.example.com")
    files = _files(api, document)
    target = next(iter(files))
    made = draft(folder.name, api, found, target)
    try:
        (folder / "cases").mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        (folder / "stub.yaml").write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise InputError.single(folder, error.strerror or "can't be written", "a folder that can be written") from None
    notes = made.notes
    if target.endswith(".json") and document.suffix in {".yaml", ".yml"}:
        notes = (*notes, f"{target}: written as JSON, because reading so much YAML takes seconds at each start")
    return Started(folder, notes)


def _host_fault(host: str) -> Fault | None:
    try:
        normalize_host(host.removeprefix("*."))
    except HostError as error:
        name = urlsplit(host).hostname if "://" in host else None
        return Fault("--host", 0, 0, str(error), "a host name or *.name", f"--host {name}" if name else "")
    return None


def _files(api: OpenApi, document: Path) -> dict[str, bytes]:
    """The document's files by their names in the stub's folder, the first one first."""
    further = {name: api.sources.load(name).written for name in api.sources.names()}
    main = api.sources.main
    if document.suffix in {".yaml", ".yml"} and len(main.written) > _LARGE:
        return {"openapi.json": main.raw, **further}
    suffix = "".join(document.suffixes[-2:] if document.suffix == ".gz" else [document.suffix])
    if further:  # they may refer to the first one by its name
        return {document.name: document.read_bytes(), **further}
    return {f"openapi{suffix if suffix in _SUFFIXES else '.json'}": document.read_bytes()}


_SUFFIXES = frozenset({".json", ".yaml", ".yml", ".json.gz", ".yaml.gz", ".yml.gz"})
