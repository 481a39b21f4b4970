"""What the end of an entity means to those who refer to it: `refs: {company: {to: company, delete: cascade}}`."""

from collections.abc import Callable, Mapping
from typing import Any

from childproof.stubkit.declared.resources import End, Resource
from childproof.stubkit.entity import Entity
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Service
from childproof.world.query import Query, Term
from childproof.world.transaction import Transaction


def holders(
    tx: Transaction, service: Service, kind: Resource, entity: Entity, place: Callable[[str], str]
) -> list[tuple[Entity, str, End]]:
    """Who refers to an entity and has to go or to change with its end, by which field, and how; oldest first.

    `place` says under which kind a resource's entities are stored. Raises the service's own refusal (`referenced`) where
    one of them forbids the end.
    """
    found: list[tuple[Entity, str, End]] = []
    wanted: tuple[Any, ...] = (entity.id, int(entity.id)) if entity.id.isdecimal() else (entity.id,)
    for resource in service.registry.written:
        for field, end in resource.ends.items():
            if resource.refs[field] != kind.name:
                continue
            query = Query((Term(field, "in", wanted),), newest_first=False)
            one = 1 if end == "refuse" else None
            for holder, value in tx.select(service.name, place(resource.name), query, limit=one):
                if end == "refuse":
                    raise Refusal.of(
                        "referenced",
                        resource=kind.label,
                        value=entity.id,
                        id=entity.id,
                        holder=resource.label,
                        held_by=holder,
                    )
                found.append((Entity(resource.name, holder, value), field, end))
    return found


def without(value: Any, path: str, id: str) -> Any:  # noqa: A002 - the concept's name
    """A value without the references to an id at a dotted path: null, or out of the list they are in."""
    return _without(value, path.split("."), id)


def _without(node: Any, steps: list[str], id: str) -> Any:  # noqa: A002
    if isinstance(node, list):
        return [_without(item, steps, id) for item in node if steps or str(item) != id]
    if not steps:
        return None if str(node) == id else node
    if not isinstance(node, Mapping) or steps[0] not in node:
        return node
    return {**node, steps[0]: _without(node[steps[0]], steps[1:], id)}
