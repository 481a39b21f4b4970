"""How a reply shows what was done: an entity as it is, by another schema, under a key, or not at all.

Documents often have one schema for an entity in full and another for it in a list, and wrap both in objects with fields
of their own. What the entity can't fill of them is invented, the same for an entity each time.
"""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from childproof.stubkit.document.naming import folded
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import empty_value, filled, fits, properties, types
from childproof.stubkit.entity import Entity, public
from childproof.stubkit.inference.infer import OTHER
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.reply.lists import ListDialect

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context
    from childproof.stubkit.service import Plan, Service

_TRUE = frozenset({"ok", "success", "succeeded", "issuccess", "successful"})


def presented(ctx: "Context", service: "Service", plan: "Plan", entity: Entity, made: Any) -> Any:
    """An entity as its operation's reply shows it. `made` is a reply by schema alone, for one that doesn't show it."""
    if plan.view == OTHER:
        return made()
    body: Any = entity if not plan.view else viewed(service, plan.view, entity, ctx.now_ms())
    if not plan.wrap:
        return body
    return completed(service, plan, {plan.wrap: public(body, plan.documented)}, ctx.query)


def listed(ctx: "Context", service: "Service", plan: "Plan", body: Any) -> Any:
    """A list reply whose items are shown by the operation's own schema, complete with what its envelope requires."""
    if plan.view and plan.view != OTHER:
        body = _each(body, plan.lists.items, lambda item: viewed(service, plan.view, item, ctx.now_ms()))
    if not isinstance(body, dict) or service.api is None:
        return body
    if plan.lists.next:
        _end(service.api, plan.reply_schema or {}, body, plan.lists.next.split("."))
    return completed(service, plan, body, ctx.query)


def _end(api: OpenApi, schema: dict[str, Any], body: dict[str, Any], steps: list[str]) -> None:
    """The last page's key for the next one: where it can't be null, it isn't there, or empty if it must be."""
    shape = properties(api, schema)
    name = steps[0]
    if name not in shape.known or name not in body:
        return
    if len(steps) > 1:
        if isinstance(body[name], dict):
            _end(api, shape.known[name], body[name], steps[1:])
    elif body[name] is None and "null" not in (kinds := types(api, shape.known[name])) and kinds:
        if name in shape.required:
            body[name] = empty_value(api, shape.known[name])
        else:
            del body[name]


def viewed(service: "Service", view: str, entity: Any, now: int) -> Any:
    """An entity by another schema: the fields that both have, and what that schema requires besides."""
    if not isinstance(entity, Entity) or service.api is None:
        return entity
    shape = service.shapes.properties(view)
    out: dict[str, Any] = {}
    maker: Synthesizer | None = None
    for name, node in shape.known.items():
        if name in entity and fits(service.api, node, entity[name]):
            out[name] = filled(service.api, node, entity[name])
        elif name in shape.required:
            if maker is None:
                seed = f"{service.name} {entity.resource} {entity.id} {view}"
                maker = Synthesizer(service.api, random.Random(seed), now)  # noqa: S311 - invented, not secret
            out[name] = maker.value(node, name)
    return Entity(entity.resource, entity.id, out)


def completed(service: "Service", plan: "Plan", body: dict[str, Any], query: Mapping[str, Any]) -> dict[str, Any]:
    """An envelope with everything that its schema requires of it: what was asked for where that is plain, else the least."""
    if service.api is None or plan.reply_schema is None:
        return body
    shape = properties(service.api, plan.reply_schema)
    for name, node in shape.known.items():
        inner = body.get(name)
        if isinstance(inner, dict) and not isinstance(inner, Entity) and name != plan.wrap:
            _fill(service, plan.lists, node, inner, query)
    _fill(service, plan.lists, plan.reply_schema, body, query)
    return body


def _fill(
    service: "Service", lists: ListDialect, schema: dict[str, Any], body: dict[str, Any], query: Mapping[str, Any]
) -> None:
    assert service.api is not None
    shape = properties(service.api, schema)
    for name, node in shape.known.items():
        if name not in body and name in shape.required:
            body[name] = _least(service, lists, name, node, query)


def _least(service: "Service", lists: ListDialect, name: str, node: dict[str, Any], query: Mapping[str, Any]) -> Any:
    assert service.api is not None
    kinds = types(service.api, node)
    word = folded(name)
    if "boolean" in kinds and word in _TRUE:
        return True
    if (
        "integer" in kinds
        and lists.limit_name
        and word in {folded(lists.limit_name), "limit", "perpage", "pagesize", "size"}
    ):
        return query.get(lists.limit_name, lists.default)
    if "integer" in kinds and lists.cursor and word == folded(lists.cursor):
        return query.get(lists.cursor, 1 if lists.style in {"page", "link"} else 0)
    return empty_value(service.api, node)


def _each(body: Any, key: str | None, change: Any) -> Any:
    """A list reply with each item changed. `key` is where the items are (dotted; None: the body is the list)."""
    if key is None:
        return [change(item) for item in body] if isinstance(body, list) else body
    *outer, last = key.split(".")
    home = body
    for step in outer:
        home = home.get(step) if isinstance(home, dict) else None
    if isinstance(home, dict) and isinstance(home.get(last), list):
        home[last] = [change(item) for item in home[last]]
    return body
