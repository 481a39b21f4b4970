"""Expansion: `expand[]=customer`, `data.customer`, `latest_charge.balance_transaction` replace ids by their objects.

Which resource an id belongs to is told by `refs` in stub.yaml and by the document: `x-expansionResources`, or a field that
is either an id or the object (`anyOf: [{type: string}, {$ref: …}]`). Lists on the way, and lists of ids, are gone through. A field
that isn't there unless expanded is made by a function of the stub (`@expands`); where the document requires it, every
expanded object has it.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec

from childproof.stubkit.declared.registry import Registry
from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import properties, types
from childproof.stubkit.entity import Entity
from childproof.stubkit.refusal import Refusal

MOST_PATHS = 100  # different ones in one call: each is a walk through the whole reply
Find = Callable[[str, str], Entity | None]
Compute = Callable[[Entity, str], Any]  # the value of a field that is there only when expanded


_Within = tuple[Resource, str]


class _Asked(msgspec.Struct, frozen=True):
    """One path to expand, and what helps to."""

    find: Find
    compute: Compute
    path: str


class Expander:
    """Expands replies. Knows the resources and the document."""

    def __init__(
        self, registry: Registry, api: OpenApi | None, parameter: str, depth: int, computed: Collection[str] = ()
    ) -> None:
        self._registry = registry
        self._api = api
        self._parameter = parameter
        self._depth = depth
        self._computed = frozenset(computed)  # `resource.field`: there only when expanded

    def expand(self, body: Any, wanted: Any, schema: dict[str, Any] | None, find: Find, compute: Compute) -> Any:
        """`body` with the paths in `wanted` expanded; what is stored stays as it is. Raises Refusal for a bad path.

        `find` looks an entity up; `compute` gives the value of a field that a stub's `@expands` makes.
        """
        asked = wanted if isinstance(wanted, list) else str(wanted).split(",")
        paths = list(dict.fromkeys(str(path).strip() for path in asked))
        if len(paths) > MOST_PATHS:
            raise Refusal.of("too_long", param=self._parameter, value=paths[MOST_PATHS], limit=MOST_PATHS)
        for path in paths:
            steps = path.split(".")
            if len(steps) > self._depth:
                raise Refusal.of("too_deep", param=self._parameter, value=path, leaf=steps[-1], limit=self._depth)
            body = self._walk(body, steps, schema, _Asked(find, compute, path), None)
        return body

    def _walk(
        self, node: Any, steps: list[str], schema: dict[str, Any] | None, asked: _Asked, within: _Within | None
    ) -> Any:
        """`within` is the resource that an object is a part of, and where in it."""
        if isinstance(node, list):
            items = self._items(schema)
            return [self._walk(item, steps, items, asked, within) for item in node]
        if not isinstance(node, dict) or not steps:
            return node
        step, rest = steps[0], steps[1:]
        resource = self._resource(node)
        if resource is not None:
            within = (resource, "")
        resources, below = self._field(resource, within, step, schema)
        computed = isinstance(node, Entity) and f"{node.resource}.{step}" in self._computed
        if not resources and not computed and (not rest or (step not in node and below is None)):
            raise Refusal.of("not_expandable", param=self._parameter, value=asked.path, leaf=step)
        value = (
            asked.compute(node, step) if computed and isinstance(node, Entity) and step not in node else node.get(step)
        )
        if resources or not computed:
            value = self._found(value, resources, asked, step)
        if rest:
            deeper = None if within is None else (within[0], f"{within[1]}{step}.")
            value = self._walk(value, rest, below, asked, deeper)
        out = Entity(node.resource, node.id, node) if isinstance(node, Entity) else dict(node)
        if step in node or computed:
            out[step] = value
        return out

    def _found(self, value: Any, resources: tuple[str, ...], asked: _Asked, step: str) -> Any:
        """An id's object, or the objects of a list of ids; what is no id, or nobody's, stays as it is."""
        if isinstance(value, list):
            return [
                self._found(item, resources, asked, step) if isinstance(item, str | int) else item for item in value
            ]
        if not isinstance(value, str | int) or isinstance(value, bool):
            return value
        if not resources:
            raise Refusal.of("not_expandable", param=self._parameter, value=asked.path, leaf=step)
        found = next((entity for name in resources if (entity := asked.find(name, str(value))) is not None), None)
        if found is None:
            return value
        shown = {name: inner for name, inner in found.items() if not name.startswith("_")}
        shown |= {name: asked.compute(found, name) for name in self._always(found.resource) if name not in shown}
        return Entity(found.resource, found.id, shown)

    def _always(self, resource: str) -> list[str]:
        """The fields that a stub makes of a resource and that the document has in every such object."""
        made = [name.rpartition(".")[2] for name in self._computed if name.rpartition(".")[0] == resource]
        schema = self._registry.named(resource).schema
        if not made or not schema or self._api is None:
            return []
        required = properties(self._api, {"$ref": f"#/components/schemas/{schema}"}).required
        return sorted(name for name in made if name in required)

    def _field(
        self, resource: Resource | None, within: _Within | None, step: str, schema: dict[str, Any] | None
    ) -> tuple[tuple[str, ...], dict[str, Any] | None]:
        """The resources that a field of an object may refer to, and the schema of what is below it."""
        if resource is not None and resource.schema and self._api is not None:
            schema = {"$ref": f"#/components/schemas/{resource.schema}"}
        names: list[str] = []
        if within is not None and f"{within[1]}{step}" in within[0].refs:
            names.append(within[0].refs[f"{within[1]}{step}"])
        if self._api is None or schema is None:
            return tuple(names), None
        below = properties(self._api, schema).known.get(step)
        if below is None:
            return tuple(names), None
        for schema_name in self._either(below):
            target = self._registry.of_schema(schema_name).name
            if target not in names:
                names.append(target)
        return tuple(names), below

    def _either(self, node: dict[str, Any]) -> Iterator[str]:
        """The schemas of the objects that may stand in a field instead of their ids, or in a list of them."""
        assert self._api is not None
        told = (node.get("x-expansionResources") or {}).get("oneOf") or ()
        plain = self._api.resolve(node)
        if not told and isinstance(plain.get("items"), dict) and "array" in types(self._api, plain):
            plain = plain["items"]
        branches = [*(plain.get("anyOf") or ()), *(plain.get("oneOf") or ())]
        if not told and any({"string", "integer"} & {*types(self._api, one)} for one in branches):
            told = [one for one in branches if "id" in properties(self._api, one).known]
        yield from filter(None, (self._api.ref_name(branch) for branch in told))

    def _resource(self, node: dict[str, Any]) -> Resource | None:
        return self._registry.named(node.resource) if isinstance(node, Entity) else None

    def _items(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is None or self._api is None:
            return None
        node = self._api.resolve(schema)
        items = node.get("items") if "array" in types(self._api, node) else None
        return items if isinstance(items, dict) else None
