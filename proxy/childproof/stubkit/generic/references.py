"""Whether everything that entities refer to is there: by `refs` of stub.yaml, paths, and the document's expandable fields."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from childproof.stubkit.declared.resources import DELETED, Resource
from childproof.stubkit.document.shape import properties
from childproof.stubkit.service import Service

Keys = tuple[str, ...]


class Reference(msgspec.Struct, frozen=True):
    """A field that holds an id, by its path, and the resources of which it may be one."""

    path: Keys
    targets: tuple[str, ...]


class Dangling(msgspec.Struct, frozen=True):
    """An entity that refers to what isn't there."""

    resource: str
    id: str
    field: str
    value: str
    targets: tuple[str, ...]


def references(service: Service, resource: Resource) -> list[Reference]:
    """The references that a resource's entities may hold."""
    found = {tuple(name.split(".")): [target] for name, target in resource.refs.items()}
    if resource.path:
        for _, field, parent in service.registry.parents(resource, resource.path, item=False):
            if parent is not None:
                found.setdefault((field,), [parent.name])
    if service.api is not None and resource.schema:
        for path, names in _expandable(service, service.api.schema(resource.schema) or {}, (), 0):
            found.setdefault(path, names)
    return [Reference(path, tuple(targets)) for path, targets in found.items()]


def dangling(
    service: Service,
    resource: Resource,
    entities: Iterator[tuple[str, Mapping[str, Any]]],
    ids: Callable[[str], set[str]],
) -> Iterator[Dangling]:
    """The references of a resource's entities that nothing answers. `ids` gives the ids of a kind of entity."""
    known = [
        (reference, [ids(kind) for target in reference.targets for kind in (target, target + DELETED)])
        for reference in references(service, resource)
    ]
    for entity_id, value in entities:
        for reference, there in known:
            node: Any = value
            for key in reference.path:
                node = node.get(key) if isinstance(node, Mapping) else None
            if isinstance(node, bool) or not isinstance(node, str | int) or node == "":
                continue
            if not any(str(node) in one for one in there):
                yield Dangling(resource.name, entity_id, ".".join(reference.path), str(node), reference.targets)


def _expandable(service: Service, node: dict[str, Any], above: Keys, depth: int) -> Iterator[tuple[Keys, list[str]]]:
    """The fields of a schema that its document says to be expandable, with their resources."""
    api = service.api
    assert api is not None
    for name, below in properties(api, node).known.items():
        branches = (below.get("x-expansionResources") or {}).get("oneOf") or ()
        names = [schema for branch in branches if (schema := api.ref_name(branch)) is not None]
        if names:
            yield (*above, name), [service.registry.of_schema(schema).name for schema in names]
        elif depth < 2 and "$ref" not in below and isinstance(below.get("properties"), dict):
            yield from _expandable(service, below, (*above, name), depth + 1)
