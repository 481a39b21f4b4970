"""Expansion: `expand[]=customer`, `data.customer`, `latest_charge.balance_transaction` replace ids by their objects.

Which resource an id belongs to is told by `refs` in stub.yaml and by `x-expansionResources` in the document; a field
that isn't there unless expanded is made by a function of the stub (`@expands`).
"""

from collections.abc import Callable, Collection
from typing import Any

from .entity import Entity
from .openapi import OpenApi
from .refusal import Refusal
from .registry import Registry
from .resources import Resource
from .shape import properties, types

Find = Callable[[str, str], Entity | None]
Compute = Callable[[Entity, str], Any]  # the value of a field that is there only when expanded


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
        paths = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
        for path in paths:
            steps = str(path).split(".")
            if len(steps) > self._depth:
                raise Refusal.of("not_expandable", param=self._parameter, value=path, leaf=steps[-1], limit=self._depth)
            body = self._walk(body, steps, schema, (find, compute), str(path))
        return body

    def _walk(
        self, node: Any, steps: list[str], schema: dict[str, Any] | None, source: tuple[Find, Compute], path: str
    ) -> Any:
        if isinstance(node, list):
            items = self._items(schema)
            return [self._walk(item, steps, items, source, path) for item in node]
        if not isinstance(node, dict) or not steps:
            return node
        step, rest = steps[0], steps[1:]
        resources, below = self._field(node, step, schema)
        computed = isinstance(node, Entity) and f"{node.resource}.{step}" in self._computed
        if not resources and not computed and (not rest or (step not in node and below is None)):
            raise Refusal.of("not_expandable", param=self._parameter, value=path, leaf=step)
        find, compute = source
        value = compute(node, step) if computed and isinstance(node, Entity) and step not in node else node.get(step)
        if isinstance(value, str):
            found = next((entity for name in resources if (entity := find(name, value)) is not None), None)
            if not resources:
                raise Refusal.of("not_expandable", param=self._parameter, value=path, leaf=step)
            if found is not None:
                shown = {name: inner for name, inner in found.items() if not name.startswith("_")}
                value = Entity(found.resource, found.id, shown)
        if rest:
            value = self._walk(value, rest, below, source, path)
        out = Entity(node.resource, node.id, node) if isinstance(node, Entity) else dict(node)
        if step in node or computed:
            out[step] = value
        return out

    def _field(
        self, node: dict[str, Any], step: str, schema: dict[str, Any] | None
    ) -> tuple[tuple[str, ...], dict[str, Any] | None]:
        """The resources that a field of an object may refer to, and the schema of what is below it."""
        resource = self._resource(node)
        if resource is not None and resource.schema and self._api is not None:
            schema = {"$ref": f"#/components/schemas/{resource.schema}"}
        names: list[str] = [resource.refs[step]] if resource is not None and step in resource.refs else []
        if self._api is None or schema is None:
            return tuple(names), None
        below = properties(self._api, schema).known.get(step)
        if below is None:
            return tuple(names), None
        expansions = (below.get("x-expansionResources") or {}).get("oneOf") or ()
        for branch in expansions:
            name = self._api.ref_name(branch)
            if name is not None:
                target = self._registry.of_schema(name).name
                if target not in names:
                    names.append(target)
        return tuple(names), below

    def _resource(self, node: dict[str, Any]) -> Resource | None:
        return self._registry.named(node.resource) if isinstance(node, Entity) else None

    def _items(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is None or self._api is None:
            return None
        node = self._api.resolve(schema)
        items = node.get("items") if "array" in types(self._api, node) else None
        return items if isinstance(items, dict) else None
