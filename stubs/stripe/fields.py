"""Small things that many objects share."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

_NEVER = 1 << 60
DYNAMIC_SINCE = "2023-08-16"  # the version from which on intents take what the account has switched on
NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}


def picked(body: dict[str, Any], *names: str) -> dict[str, Any]:
    """The named fields of a request that were given. Shipping details are made whole."""
    found = {name: body[name] for name in names if name in body}
    if isinstance(found.get("shipping"), dict):
        found["shipping"] = _shipping(found["shipping"])
    return found


def _shipping(given: dict[str, Any]) -> dict[str, Any]:
    """Shipping details with everything that they may have; a name that was passed can't be empty."""
    if given.get("name") == "":
        raise Refusal.of("empty", param="shipping[name]", value="")
    whole = {"address": NO_ADDRESS, "carrier": None, "phone": None, "tracking_number": None} | given
    return whole | {"address": NO_ADDRESS | (given.get("address") or {})}


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
        tell(ctx, event, entity, previous_attributes=previous)
    return entity


def public(entity: Entity) -> dict[str, Any]:
    """An object as Stripe shows it: without the fields that only the stub knows, which begin with `_`."""
    return {name: value for name, value in entity.items() if not name.startswith("_")}


def is_live(ctx: Context) -> bool:
    """Whether the request came with a live key. Everything else is test mode."""
    scheme, _, key = (ctx.header("authorization") or "").partition(" ")
    if scheme.lower() == "basic":  # `curl -u sk_live_…:`
        try:
            key = base64.b64decode(key).decode()
        except ValueError:
            return False
    return "_live_" in key


def predates(ctx: Context, version: str) -> bool:
    """Whether the client speaks a version before that one (a date). Who names no version may be of any."""
    spoken = ctx.header("stripe-version")
    return not spoken or spoken[:10] < version


def new(ctx: Context, resource: str, _id: str | None = None, /, **fields: Any) -> Entity:
    """Store a new object that says whether it is live: as told, else as the request is."""
    return ctx.create(resource, _id, **({"livemode": is_live(ctx)} | fields))


def tell(ctx: Context, event: str, entity: Mapping[str, Any], **extra: Any) -> None:
    """Send an event of the object's mode, which is the request's where it says none.

    `previous_attributes` are the fields that have changed, as they were.
    """
    live = entity.get("livemode")
    if extra.get("previous_attributes"):
        extra["previous_attributes"] = {
            name: _before(was, entity.get(name)) for name, was in extra["previous_attributes"].items()
        }
    ctx.emit(event, entity, livemode=is_live(ctx) if live is None else live, **extra)


def _before(was: Any, now: Any) -> Any:
    """What an event tells of a field's past: of a hash what differs alone, of arrays and other objects all."""
    if not isinstance(was, dict) or not isinstance(now, dict) or was.get("id") != now.get("id"):
        return was
    return {name: _before(was.get(name), now.get(name)) for name in was | now if was.get(name) != now.get(name)}


def page(ctx: Context, source: str | Sequence[Mapping[str, Any]], /, **where: Any) -> dict[str, Any]:
    """A list reply: of a resource's objects whose fields equal `where`, or of the objects given."""
    listed: dict[str, Any] = ctx.page(source if isinstance(source, str) else list(source), **where)
    return listed


def generic(ctx: Context) -> dict[str, Any]:
    """What the schema alone makes of the operation; for lists, with all filters on fields of the schema."""
    made: dict[str, Any] = ctx.call_generic()
    return made


def since(ctx: Context, entities: list[Entity], field: str = "created") -> list[Entity]:
    """The objects that a list's filter on a time lets through: an exact time, or gt, gte, lt and lte."""
    span = ctx.query.get(field)
    if isinstance(span, int):
        return [entity for entity in entities if entity[field] == span]
    if not isinstance(span, dict):
        return entities
    after = max(span.get("gte", 0), span.get("gt", -1) + 1)
    before = min(span.get("lt", _NEVER), span.get("lte", _NEVER) + 1)
    return [entity for entity in entities if after <= entity[field] < before]


def short_list(newest: list[Entity], url: str) -> dict[str, Any]:
    """A list within an object: the ten newest, and where the rest is. `newest` may hold one more than ten."""
    return {
        "object": "list",
        "data": [public(entity) for entity in newest[:10]],
        "has_more": len(newest) > 10,
        "url": url,
    }
