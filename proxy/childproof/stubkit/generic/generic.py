"""What every resource can do without a line of code: create, retrieve, update, delete, list; and synthesized replies."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from childproof.stubkit.context.context import Context, merged_metadata
from childproof.stubkit.context.files import received
from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.document.openapi import OpenApi
from childproof.stubkit.document.shape import CREATED, UPDATED, constant, filled, fits, properties, types
from childproof.stubkit.entity import Entity, Response
from childproof.stubkit.inference.infer import OTHER
from childproof.stubkit.invented.people import People
from childproof.stubkit.invented.synth import Synthesizer
from childproof.stubkit.refusal import Refusal
from childproof.stubkit.service import Plan, Service
from childproof.world.transaction import Transaction

from .acting import acted, replaced, searched, terms
from .referring import check_refs
from .showing import listed, presented

_GOES_ON = re.compile(r"next|last_?evaluated|marker|continuation|cursor", re.IGNORECASE)


def perform(ctx: Context, service: Service, plan: Plan, tx: Transaction) -> Any:
    """The generic behaviour of an operation; a synthesized reply for one that is none of the five. Raises Refusal."""
    made = _perform(ctx, service, plan, tx)
    if isinstance(made, Entity):
        return presented(ctx, service, plan, made, lambda: _made_up(ctx, service, plan, tx))
    return made


def _perform(ctx: Context, service: Service, plan: Plan, tx: Transaction) -> Any:
    resource = plan.resource
    parents = _at_home(ctx, plan)
    parents |= {field: _parent(ctx, name, resource) for name, field, resource in plan.parents}
    parents |= {field: ctx.body[name] for field, name in plan.where.items() if ctx.body.get(name) is not None}
    if resource is None or plan.action == "none":
        return _synthesize(ctx, service, plan, tx)
    match plan.action:
        case "create":
            return _create(ctx, service, plan, resource, tx, parents)
        case "list" | "search":
            return listed(ctx, service, plan, _list(ctx, plan, resource, parents))
        case "retrieve":
            found = ctx.find(resource.name, _id(ctx, plan), deleted=resource.delete == "soft")
            if found is not None and found.get("deleted") is True and ctx.find(resource.name, found.id) is None:
                return ctx.tombstone(found)
            found = found if found is not None else ctx.found(resource.name, _id(ctx, plan), **parents)
            return _belongs(ctx, found, parents, _id(ctx, plan), resource)
        case "update":
            entity = _belongs(
                ctx, ctx.found(resource.name, _id(ctx, plan), **parents), parents, _id(ctx, plan), resource
            )
            return _update(ctx, service, plan, resource, entity)
        case "replace":
            return _replace(ctx, service, plan, resource, tx, parents)
        case "act":
            entity = _belongs(
                ctx, ctx.found(resource.name, _id(ctx, plan), **parents), parents, _id(ctx, plan), resource
            )
            return acted(ctx, service, plan, resource, entity, _writable(ctx, service, resource, plan))
        case _:
            entity = _belongs(
                ctx, ctx.found(resource.name, _id(ctx, plan), **parents), parents, _id(ctx, plan), resource
            )
            return _delete(ctx, service, plan, resource, entity, tx)


def declared(ctx: Context, service: Service, plan: Plan, tx: Transaction) -> Any:
    """An operation as stub.yaml declares it: move, set, emit, reply; else the generic action that it names."""
    entry = plan.declared or {}
    if "download" in entry:
        entity = ctx.get(entry["download"], ctx.path[plan.operation.path_parameters[-1]])
        return ctx.download(entity, inline=bool(entry.get("inline")))
    if not entry.keys() & {"move", "set", "emit"}:
        if "reply" in entry:
            reply = entry["reply"]
            return Response(
                reply.get("status", plan.operation.status), _filled(ctx, reply.get("body")), reply.get("headers", {})
            )
        return perform(ctx, service, plan, tx)
    if plan.resource is None:
        raise LookupError(f"{plan.operation.name} names no resource")
    entity = ctx.get(plan.resource.name, _id(ctx, plan))
    fields = {name: _filled(ctx, value) for name, value in entry.get("set", {}).items()}
    told = len(ctx.effects)
    entity = ctx.move(entity, entry["move"], **fields) if "move" in entry else ctx.update(entity, **fields)
    if "emit" in entry and not any(effect.type == entry["emit"] for effect in ctx.effects[told:]):
        ctx.emit(entry["emit"], entity)
    if "reply" in entry:
        reply = entry["reply"]
        return Response(
            reply.get("status", plan.operation.status), _filled(ctx, reply.get("body")), reply.get("headers", {})
        )
    return entity


def invent(ctx: Context, service: Service, resource: Resource, tx: Transaction, **fields: Any) -> Entity:
    """A new entity with everything invented that `fields` leave open: for seeds, and for cases that need just any."""
    first = {} if resource.lifecycle is None else {resource.lifecycle.field: resource.lifecycle.first}
    return ctx.create(resource.name, **{**_invented(service, resource, frozenset(), tx), **first, **fields})


def invented(service: Service, resource: Resource, tx: Transaction, known: Collection[str]) -> dict[str, Any]:
    """Values for everything that a new entity of a resource may have, but for what is `known` of it."""
    return _invented(service, resource, frozenset(), tx, known)


def _create(  # noqa: PLR0917 - what a creation needs
    ctx: Context, service: Service, plan: Plan, resource: Resource, tx: Transaction, parents: Mapping[str, Any]
) -> Entity:
    body = _writable(ctx, service, resource, plan)
    check_refs(ctx, service, resource, body)
    wanted = body.get(resource.key) if resource.key else None
    if wanted is not None and ctx.find(resource.name, str(wanted)) is not None:
        raise Refusal.of("not_unique", param=resource.key, resource=resource.label, value=wanted)
    fields = {**_invented(service, resource, plan.request_fields, tx), **resource.defaults, **parents, **body}
    if resource.lifecycle is not None:
        fields.pop(resource.lifecycle.field, None)
    upload, told = received(ctx, resource)
    made = ctx.create(resource.name, str(wanted) if wanted is not None else None, **{**fields, **told})
    if upload is not None:
        ctx.attach(made, upload)
    return made


def _update(ctx: Context, service: Service, plan: Plan, resource: Resource, entity: Entity) -> Entity:
    body = _writable(ctx, service, resource, plan)
    check_refs(ctx, service, resource, body)
    name = service.settings.metadata
    if name and name in body:
        body[name] = merged_metadata(entity.get(name), body[name])
    return ctx.update(entity, **body)


def _replace(  # noqa: PLR0917 - what a replacement needs
    ctx: Context, service: Service, plan: Plan, resource: Resource, tx: Transaction, parents: Mapping[str, Any]
) -> Entity:
    """Replace an entity; where nothing but this makes one, the client has chosen its id."""
    wanted = _id(ctx, plan)
    found = ctx.find(resource.name, wanted)
    body = _writable(ctx, service, resource, plan)
    check_refs(ctx, service, resource, body)
    if found is None and plan.upsert:
        invented = _invented(service, resource, plan.request_fields, tx)
        return ctx.create(resource.name, wanted, **{**invented, **resource.defaults, **parents, **body})
    return replaced(ctx, service, plan, resource, _belongs(ctx, found, parents, wanted, resource), body)


def _delete(  # noqa: PLR0917 - what a deletion needs
    ctx: Context, service: Service, plan: Plan, resource: Resource, entity: Entity, tx: Transaction
) -> Any:
    if resource.delete == "none":
        raise Refusal.of("unknown_url")
    gone = ctx.delete(entity)
    if plan.by and not plan.wrap:
        return Response(plan.operation.status)  # a procedure says that it is done
    if plan.reply_schema is None or service.api is None:
        return Response(plan.operation.status)
    if "deleted" in properties(service.api, plan.reply_schema).known:
        return gone
    return _made_up(ctx, service, plan, tx) if plan.view == OTHER else entity


def _list(ctx: Context, plan: Plan, resource: Resource, parents: Mapping[str, Any]) -> Any:
    query = plan.filtering.query(ctx.query, parents, newest_first=plan.lists.newest_first)
    text = terms(ctx) if plan.action == "search" else ""
    if text:
        return ctx.page(searched(ctx.list(resource.name, newest_first=plan.lists.newest_first, **parents), text))
    return ctx._page(plan.lists, resource.name, query)  # noqa: SLF001 - one unit with the context


def _synthesize(ctx: Context, service: Service, plan: Plan, tx: Transaction) -> Any:
    """A reply by schema alone. If the path names a stored entity and the reply is of its kind, that entity."""
    entity: Entity | None = None
    known = plan.home.names if plan.home is not None else ()
    for name in plan.operation.path_parameters:
        if name in known:
            continue
        kind = service.registry.of_parameter(plan.operation.path, name)
        if kind is not None:
            entity = ctx.get(kind.name, ctx.path[name])
    if plan.reply_schema is None or service.api is None:
        return Response(plan.operation.status)
    if entity is not None and plan.resource is not None and entity.resource == plan.resource.name:
        return entity
    return _made_up(ctx, service, plan, tx)


def _made_up(ctx: Context, service: Service, plan: Plan, tx: Transaction) -> Any:
    """A reply of an operation by its schema alone, with what of the request it has, too."""
    if plan.reply_schema is None or service.api is None:
        return Response(plan.operation.status)
    maker = Synthesizer(service.api, tx.random(f"synthesize {ctx.operation}"), tx.now(), People(tx))
    made = maker.value(plan.reply_schema, "", -1)
    if isinstance(made, dict) and service.settings.procedures is not None:
        made.update(service.settings.procedures.success)  # what is made up has succeeded
    if isinstance(made, dict) and isinstance(ctx.body, dict):
        known = properties(service.api, plan.reply_schema).known
        for name, value in ctx.body.items():
            if name in known and name != "id" and fits(service.api, known[name], value):
                made[name] = filled(service.api, known[name], value)
        if plan.resource is not None and plan.resource.id_field in made and not plan.resource.integer_id:
            made[plan.resource.id_field] = plan.resource.new_id(tx)
        _end(service.api, plan.reply_schema, made)
    return made


def _end(api: OpenApi, schema: dict[str, Any], made: dict[str, Any]) -> None:
    """Take out what says that a list goes on: of an empty one, a client would ask for more without end."""
    if not any(isinstance(value, list) and not value for value in made.values()):
        return
    required = properties(api, schema).required
    for name in [name for name, value in made.items() if isinstance(value, str | dict) and _GOES_ON.match(name)]:
        if name not in required:
            del made[name]


def _invented(
    service: Service, resource: Resource, given: frozenset[str], tx: Transaction, known: Collection[str] = ()
) -> dict[str, Any]:
    """Values for what the server makes up: non-null properties that the request can't carry, or that are required.

    None of `known`, which somebody else sets.
    """
    if service.api is None or not resource.schema:
        return {}
    shape = service.shapes.properties(resource.schema)
    out: dict[str, Any] = {}
    maker: Synthesizer | None = None
    for name, written in shape.known.items():
        if name in known:
            continue
        node = service.api.resolve(written)
        kinds = types(service.api, node)
        if name == resource.id_field or name.lower() in CREATED | UPDATED or name == service.settings.metadata:
            continue
        if "null" in kinds or constant(node) or "object" in kinds or "array" in kinds:
            continue
        if name in given and name not in shape.required:
            continue
        if maker is None:
            rng = tx.random(f"invent {resource.name}")
            maker = Synthesizer(service.api, rng, tx.now(), People(tx), about=resource.name)
        out[name] = maker.value(node, name)
    return out


def _writable(ctx: Context, service: Service, resource: Resource, plan: Plan) -> dict[str, Any]:
    """The body's fields that an entity may take over: those of its schema, where it has one; never its id."""
    body: Any = ctx.body
    if plan.unwrap and isinstance(body, dict):
        body = body.get(plan.unwrap)
    if not isinstance(body, dict):
        return {}
    known = service.shapes.properties(resource.schema).known
    lifecycle = resource.lifecycle.field if resource.lifecycle is not None else None
    kept: dict[str, Any] = {}
    for name, value in body.items():
        if name in {resource.id_field, service.settings.expand, lifecycle} or name in resource.readonly:
            continue
        if known and name not in known:
            continue
        if known and (known[name].get("readOnly") or (plan.request_fields and name not in plan.request_fields)):
            continue
        if known and service.api is not None and name != service.settings.metadata:
            unset = value == "" and service.settings.empty_unsets
            if not unset and value is not None and not fits(service.api, known[name], value):
                continue  # the request has another idea of this field than the reply: its value can't be shown
            value = filled(service.api, known[name], value)  # noqa: PLW2901 - what is kept of it
        kept[name] = value
    return kept


def _at_home(ctx: Context, plan: Plan) -> dict[str, Any]:
    """Whose things the call is about, where a function of the stub's finds that. Raises what it raises."""
    if plan.home is None:
        return {}
    found = plan.home.find(ctx)
    if plan.home.item:
        return {}
    ctx._home = found.id  # noqa: SLF001 - one unit with the context
    return {plan.home.field: found.id} if plan.resource is not None and plan.resource.written else {}


def _parent(ctx: Context, name: str, resource: Resource | None) -> Any:
    value = ctx.path[name]
    if resource is None:
        return value
    parent = ctx.get(resource.name, value)
    return parent.get(resource.id_field, value)


def _belongs(ctx: Context, entity: Entity | None, parents: Mapping[str, Any], id: str, resource: Resource) -> Entity:  # noqa: A002
    """The entity, if it is there and under the parents that the path names."""
    if entity is None or any(field in entity and entity[field] != value for field, value in parents.items()):
        raise ctx.not_found(resource.name, id)
    return entity


def _id(ctx: Context, plan: Plan) -> str:
    if plan.home is not None and plan.home.item:
        return plan.home.find(ctx).id
    if not plan.by:
        return ctx.path[plan.item or plan.operation.path_parameters[-1]]
    value = ctx.body.get(plan.by)
    if value in {None, ""}:
        raise Refusal.of("missing", param=plan.by)
    return str(value)


def _filled(ctx: Context, value: Any) -> Any:
    """A declared value: `now`, `{body.field}`, `{path.id}`, `{query.name}`, or itself."""
    if value == "now":
        return ctx.now()
    if isinstance(value, dict):
        return {key: _filled(ctx, inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(ctx, inner) for inner in value]
    if isinstance(value, str) and value.startswith("{") and value.endswith("}"):
        source, _, name = value[1:-1].partition(".")
        values: Mapping[str, Any] | None = {"body": ctx.body, "path": ctx.path, "query": ctx.query}.get(source)
        if values is not None:
            return values.get(name)
    return value
