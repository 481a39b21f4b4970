"""The operations of stub.yaml against the OpenAPI document and the resources that they are about."""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from childproof.errors import Fault
from childproof.stubkit.declared.known import fields, is_resource, one_of
from childproof.stubkit.declared.manifest import Manifest
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.request.arguments import misnamed


def operation_faults(manifest: Manifest, name: str, api: OpenApi | None) -> Iterator[Fault]:
    """What is wrong with one entry of `operations`: it names what isn't there, or can't do what it says at its path."""
    entry = manifest.operations[name]
    fault = manifest.document.fault
    written = next(
        (key for key in manifest.document.value["operations"] if key.split() == name.split() or key == name), name
    )
    here = ("operations", written)
    method, _, path = name.partition(" ")
    if api is None or api.operation(method, path) is None:
        known = [] if api is None else [f"{found} {one}" for one in api.paths for found in api.methods(one)]
        close = difflib.get_close_matches(name, known, 1)
        yield fault(
            here,
            f"no operation {name} in the OpenAPI document",
            "an operation of the document",
            f"{close[0]}:" if close else "",
        )
        return
    resource = entry.get("resource")
    if resource is not None and not is_resource(manifest, api, resource):
        yield fault((*here, "resource"), f"unknown resource {resource!r}", one_of(manifest.resources))
    wanted = entry.get("download")
    if wanted is not None and not is_resource(manifest, api, wanted):
        yield fault((*here, "download"), f"unknown resource {wanted!r}", one_of(manifest.resources))
    if wanted is not None and "{" not in path:
        yield fault(here, f"a download at {path}", "a path with the entity's id in it")
    yield from _set(manifest, here, entry, path, api)
    yield from _arguments(manifest, here, entry, name, api)
    if "move" in entry:
        yield from _move(manifest, here, entry, path)
    polled = entry.get("async", {}).get("resource")
    if polled is not None:
        if not is_resource(manifest, api, polled):
            yield fault((*here, "async", "resource"), f"unknown resource {polled!r}", one_of(manifest.resources))
        known = fields(manifest, api, polled)
        for key in ("field", "result", "error"):
            if key in entry["async"] and known and entry["async"][key] not in known:
                named = entry["async"][key]
                yield fault(
                    (*here, "async", key),
                    f"{key} names {named!r}, which {polled}'s schema doesn't have",
                    one_of(known),
                )


def _arguments(
    manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], name: str, api: OpenApi
) -> Iterator[Fault]:
    """What `by` and `where` name that isn't there."""
    has = fields(manifest, api, entry["resource"]) if "resource" in entry else []
    for place, found, expected in misnamed(entry, api, api.operation(*name.split(" ", 1)), has):
        yield manifest.document.fault(
            (*here, *place), found, expected if isinstance(expected, str) else one_of(expected)
        )


def _set(
    manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], path: str, api: OpenApi | None
) -> Iterator[Fault]:
    """Fields that an operation sets and its resource doesn't have; a leading underscore is nobody's but the stub's."""
    homes = {value["path"]: name for name, value in manifest.resources.items() if "path" in value}
    above = max((home for home in homes if path.startswith(f"{home.rstrip('/')}/")), key=len, default="")
    moved = [name for name, states in _lifecycles(manifest, entry).items() if entry.get("move") in states]
    resource = entry.get("resource") or homes.get(above) or (moved[0] if len(moved) == 1 else "")
    known = fields(manifest, api, resource) if resource else []
    for field in entry.get("set", {}):
        if known and not field.startswith("_") and field.partition(".")[0] not in known:
            close = difflib.get_close_matches(field, known, 1)
            found = f"set names {field!r}, which {resource}'s schema doesn't have"
            yield manifest.document.fault((*here, "set", field), found, one_of(known), f"{close[0]}:" if close else "")


def _lifecycles(manifest: Manifest, entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """The states of the resources that an operation may be about."""
    named = entry.get("resource")
    return {
        name: [state for state in table if state != "field"]
        for name, value in manifest.resources.items()
        if (table := value.get("lifecycle")) is not None and name in {named, None if named else name}
    }


def _move(manifest: Manifest, here: tuple[str, ...], entry: Mapping[str, Any], path: str) -> Iterator[Fault]:
    tables = _lifecycles(manifest, entry)
    fitting = [name for name, states in tables.items() if entry["move"] in states]
    if not fitting:
        states = sorted({state for found in tables.values() for state in found})
        yield manifest.document.fault((*here, "move"), f"no lifecycle has the state {entry['move']!r}", one_of(states))
    if "{" not in path and "by" not in entry:
        yield manifest.document.fault(here, f"a move at {path}", "a path with the entity's id in it, or `by`")
