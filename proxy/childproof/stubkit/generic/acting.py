"""What resources can do besides the five: be replaced as a whole, be searched by words, and be acted on."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from childproof.stubkit.clock import stamp
from childproof.stubkit.document.shape import CREATED, types
from childproof.stubkit.entity import UNSET, Entity
from childproof.stubkit.inference.actions import NOW

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context
    from childproof.stubkit.declared.resources import Resource
    from childproof.stubkit.service import Plan, Service

MOST_WORDS = 50
_TERMS = (
    "q",
    "query",
    "search",
    "term",
    "keyword",
    "keywords",
    "text",
    "s",
    "phrase",
    "search_term",
    "searchTerm",
    "filter",
)


def replaced(  # noqa: PLR0917 - what a replacement needs
    ctx: "Context", service: "Service", plan: "Plan", resource: "Resource", entity: Entity, body: Mapping[str, Any]
) -> Entity:
    """An entity with all that a request may set replaced by `body`: what it leaves out is as it is in a new entity.

    What only the service sets stays: the id, times of creation, read-only fields, the lifecycle's state.
    """
    fresh = service.shapes.fresh(resource.schema)
    known = service.shapes.properties(resource.schema).known
    kept = {resource.id_field, *resource.readonly, *resource.refs}
    if resource.lifecycle is not None:
        kept.add(resource.lifecycle.field)
    fields: dict[str, Any] = {}
    for name in plan.request_fields & known.keys():
        if name not in kept and name.lower() not in CREATED and not known[name].get("readOnly") and name in entity:
            fields[name] = resource.defaults.get(name, fresh.get(name, UNSET))
    return ctx.update(entity, **{**fields, **body})


def acted(  # noqa: PLR0917 - what an action needs
    ctx: "Context", service: "Service", plan: "Plan", resource: "Resource", entity: Entity, body: Mapping[str, Any]
) -> Entity:
    """An entity after an action: what the action's name means is set, then what its body names is merged."""
    known = service.shapes.properties(resource.schema).known
    told = dict(plan.change)
    for name, value in plan.change.items():
        if value == NOW and service.api is not None:
            text = "string" in types(service.api, known[name]) and not service.settings.time_written
            told[name] = stamp(ctx.now_ms(), "rfc3339" if text else service.settings.time)
    return ctx.update(entity, **{**told, **body}) if told or body else entity


def searched(entities: Iterable[Entity], text: str) -> list[Entity]:
    """The entities that have every word of a text in one of their own texts, whatever the case; `MOST_WORDS` are looked for."""
    words = list(dict.fromkeys(text.casefold().split()))[:MOST_WORDS]
    return [entity for entity in entities if _has(list(_texts(entity)), words)]


def _has(texts: list[str], words: list[str]) -> bool:
    return all(any(word in own for own in texts) for word in words)


def terms(ctx: "Context") -> str:
    """The words that a call searches for; "" for one that names none."""
    for source in (ctx.query, ctx.body if isinstance(ctx.body, dict) else {}):
        for name in _TERMS:
            value = source.get(name)
            if isinstance(value, str) and value.strip():
                return value
    return ""


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value.casefold()
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
