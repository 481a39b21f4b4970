"""From a folder to a stub: everything read, everything checked, all faults at once, and only then made."""

import difflib
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from childproof.documents import parse_yaml
from childproof.errors import Fault, InputError
from childproof.model import replace
from childproof.stubkit.declared.manifest import Manifest, read_manifest
from childproof.stubkit.document.openapi import OpenApi, load_openapi
from childproof.stubkit.request.older_rules import read_older
from childproof.stubkit.service import Service
from childproof.stubkit.streams.messages import DescriptorError, Descriptors, read_descriptors
from childproof.stubkit.stub import Stub

from .behaviour import forget, load_behaviours
from .checks import manifest_faults
from .checks_seeds import seed_faults


def load_stub(folder: Path, unknown_ids: str = "") -> Stub:
    """Load the stub in a folder. Raises InputError with the faults of all its files.

    `unknown_ids` (`refuse`, `synthesize`) is taken instead of what the stub's own dialect says; "" leaves it its own.
    """
    faults: list[Fault] = []
    manifest = read_manifest(folder / "stub.yaml")
    if unknown_ids:
        manifest = replace(manifest, dialect={**manifest.dialect, "unknown_ids": unknown_ids})
    if manifest.name != folder.resolve().name:
        found = f"the stub {manifest.name!r} in the folder {folder.resolve().name!r}"
        faults.append(manifest.document.fault(("stub",), found, "the folder's name", f"stub: {folder.resolve().name}"))
    api, more = _document(folder, manifest)
    faults.extend(more)
    if more:
        raise InputError(faults)  # without its surface nothing else of the stub can be judged
    faults.extend(manifest_faults(manifest, api))
    seeds, more = _seeds(folder, manifest, api)
    faults.extend(more)
    older, more = read_older(folder, api)
    faults.extend(more)
    behaviours, more = load_behaviours(folder, manifest.name, api, manifest.operations)
    faults.extend(more)
    after = manifest.events.get("after")
    if after is not None and after not in behaviours.jobs and not more:
        found = f"there is no @job({after!r}) to be done after an attempt"
        faults.append(manifest.document.fault(("events", "after"), found, "a job of the stub's"))
    descriptors, more = _descriptors(folder, manifest, behaviours.rpcs)
    faults.extend(more)
    if faults:
        forget(behaviours.package)
        raise InputError(faults)
    stub = Stub(Service(manifest, api, behaviours, seeds, descriptors=descriptors, older=older))
    weakref.finalize(stub, forget, behaviours.package)
    return stub


def _descriptors(folder: Path, manifest: Manifest, rpcs: Iterable[str]) -> tuple[Descriptors | None, list[Fault]]:
    if not manifest.descriptors:
        return None, []
    path, document, place = folder / manifest.descriptors, manifest.document, ("grpc", "descriptors")
    if not path.resolve().is_relative_to(folder.resolve()):
        return None, [document.fault(place, f"{manifest.descriptors} is outside the stub", "a file of its folder")]
    try:
        descriptors = read_descriptors(path)
    except DescriptorError as error:
        expected = "a descriptor set, and `pip install 'childproof[grpc]'`"
        return None, [document.fault(place, f"{manifest.descriptors}: {error}", expected)]
    known = list(descriptors.methods())
    faults = []
    for rpc in rpcs:
        if rpc not in known:
            close = difflib.get_close_matches(rpc, known, 1)
            write = f'@rpc("{close[0]}")' if close else ""
            faults.append(
                document.fault(place, f"@rpc({rpc!r}) is not in {manifest.descriptors}", "a method of it", write)
            )
    return descriptors, faults


def _document(folder: Path, manifest: Manifest) -> tuple[OpenApi | None, list[Fault]]:
    if not manifest.openapi:
        return None, []
    path = folder / manifest.openapi
    if not path.resolve().is_relative_to(folder.resolve()):
        return None, [
            manifest.document.fault(("openapi",), f"{manifest.openapi} is outside the stub", "a file of its folder")
        ]
    if not path.is_file():
        there = sorted(one.name for one in folder.glob("*") if one.name.startswith("openapi."))
        write = f"openapi: {there[0]}" if there else ""
        return None, [
            manifest.document.fault(("openapi",), f"no file {manifest.openapi}", "an OpenAPI 3 document", write)
        ]
    try:
        return load_openapi(path), []
    except InputError as error:
        return None, list(error.faults)


def _seeds(folder: Path, manifest: Manifest, api: OpenApi | None) -> tuple[dict[str, Any], list[Fault]]:
    path = folder / "seed.yaml"
    if not path.is_file():
        return {}, []
    try:
        document = parse_yaml(path.read_text(encoding="utf-8"), str(path))
    except InputError as error:
        return {}, list(error.faults)
    except (OSError, UnicodeDecodeError):
        return {}, [Fault(str(path), 0, 0, "a file that can't be read as UTF-8", "a seed.yaml")]
    faults = seed_faults(manifest, api, document)
    return (document.value or {}) if not faults else {}, faults
