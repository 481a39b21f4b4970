"""Small things that many objects share."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal


def merged_metadata(before: dict[str, Any] | None, given: Any) -> dict[str, Any]:
    """Metadata after an update: keys are merged, an empty value removes its key, an empty whole removes all."""
    if not isinstance(given, dict):
        return {}
    merged = {**(before or {}), **given}
    return {key: value for key, value in merged.items() if value is not None and value != ""}


def picked(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The named fields of a request that were given, unset ones as None."""
    return {name: body[name] for name in names if name in body}


def required(body: dict[str, Any], name: str) -> Any:
    """A field that Stripe requires though its document doesn't say so."""
    value = body.get(name)
    if value is None:
        raise Refusal(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    return value


def change(ctx: Context, entity: Entity, event: str | None, **fields: Any) -> Entity:
    """Update an entity; where that changes anything, send the event with what was there before."""
    changed = {name: value for name, value in fields.items() if name not in entity or entity[name] != value}
    if not changed:
        return entity
    previous = {name: entity.get(name) for name in changed if not name.startswith("_")}
    entity = ctx.update(entity, **changed)
    if event is not None:
        ctx.emit(event, entity, previous_attributes=previous)
    return entity


def public(entity: Entity) -> dict[str, Any]:
    """An object as Stripe shows it: without the fields that only the stub knows, which begin with `_`."""
    return {name: value for name, value in entity.items() if not name.startswith("_")}


def is_live(ctx: Context) -> bool:
    """Whether the request came with a live key. Everything else is test mode."""
    return "_live_" in (ctx.header("authorization") or "")
