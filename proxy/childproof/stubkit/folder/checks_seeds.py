"""seed.yaml against stub.yaml and the document: resources that don't exist, fields that their schemas don't have."""

from collections.abc import Iterator
from typing import Any

from childproof.documents import Document
from childproof.errors import Fault
from childproof.stubkit.declared.known import fields, is_resource, one_of
from childproof.stubkit.declared.manifest import Manifest
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.seeding.sections import singulars

MOST = 1000  # entities of a kind that each fresh world gets, within its first call


def seed_faults(manifest: Manifest, api: OpenApi | None, document: Document) -> list[Fault]:
    """What is wrong with a seed.yaml: resources that don't exist, fields that their schemas don't have."""
    value = document.value
    if value is None:
        return []
    if not isinstance(value, dict):
        return [document.fault((), "a seed.yaml that is no mapping", "resource names, each with a list of objects")]
    faults: list[Fault] = []
    for name, entities in value.items():
        if name in {"tokens", "clients"}:
            faults.extend(_credentials(document, name, entities))
            continue
        resource = next((one for one in (name, *singulars(name)) if is_resource(manifest, api, one)), None)
        if resource is None:
            faults.append(document.fault((name,), f"unknown resource {name!r}", one_of(manifest.resources)))
            continue
        known = fields(manifest, api, resource)
        if not isinstance(entities, list):
            faults.extend(_made_up(document, name, entities, known))
            continue
        for place, entity in enumerate(entities):
            if not isinstance(entity, dict):
                faults.append(document.fault((name, place), "an entity that is no mapping", "fields and values"))
                continue
            faults.extend(
                document.fault((name, place, field), f"unknown field {field!r}", one_of(known))
                for field in entity
                if known and field not in known
            )
    return faults


_CREDENTIALS = {
    "tokens": ("token", {"scopes", "expires", "secret"}),
    "clients": ("id", {"secret", "scopes", "redirect_uris"}),
}


def _credentials(document: Document, name: str, written: Any) -> Iterator[Fault]:
    """What is wrong with the tokens or clients of a seed.yaml."""
    needed, others = _CREDENTIALS[name]
    if not isinstance(written, list):
        yield document.fault((name,), f"{name}: no list", "a list")
        return
    for place, one in enumerate(written):
        if isinstance(one, dict):
            if needed not in one:
                yield document.fault((name, place), f"no {needed}", f"{needed}, and maybe {', '.join(sorted(others))}")
            for key in one.keys() - others - {needed}:
                yield document.fault((name, place, key), f"unknown key {key!r}", one_of([needed, *sorted(others)]))
        elif name == "clients" or isinstance(one, list):
            yield document.fault((name, place), f"{one!r}", f"a mapping with {needed}")


def _made_up(document: Document, name: str, written: Any, known: list[str]) -> Iterator[Fault]:
    """What is wrong with a number of entities: `3`, or `{count: 3, with: {field: value}}`."""
    options: dict[str, Any] = written if isinstance(written, dict) else {"count": written}
    for key in options:
        if key not in {"count", "with"}:
            yield document.fault((name, key), f"unknown key {key!r}", "one of count, with")
    count, given = options.get("count", 1), options.get("with", {})
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST:
        expected = f"a list, or a number up to {MOST}: more belongs into a world file"
        yield document.fault((name, "count") if written is options else (name,), f"{name}: {count!r}", expected)
    if not isinstance(given, dict):
        yield document.fault((name, "with"), f"{name}.with: {given!r}", "fields and values")
        return
    for field in given:
        if known and field not in known:
            yield document.fault((name, "with", field), f"unknown field {field!r}", one_of(known))
