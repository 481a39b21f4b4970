"""The one object that behaviour code is handed: the request as values, and the world as this service sees it."""

import random
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from childproof.model import Call, Effect
from childproof.world.transaction import Transaction

from .clock import stamp
from .entity import Entity, public
from .ids import ALNUM
from .lists import Listed, Page
from .mailing import Mailing
from .refusal import Refusal
from .resources import Resource
from .service import Plan, Service
from .settings import literal
from .shape import CREATED, UPDATED, types
from .streaming import Streaming

if TYPE_CHECKING:
    import builtins

_DELETED = "~deleted"  # kind suffix: soft-deleted entities leave the lists but stay known


class Context(Streaming, Mailing):
    """What one operation sees and does.

    `call` is the call as it came; `path`, `query` and `body` are its values, checked against the schema and of its
    types. `operation` is its name (`POST /v1/charges`), `request_id` what the reply's request-id header will say.
    All changes belong to the call's transaction: they are stored together with the reply, or not at all.
    """

    def __init__(
        self,
        service: Service,
        tx: Transaction,
        call: Call,
        *,
        plan: Plan | None = None,
        path: Mapping[str, str] | None = None,
        query: dict[str, Any] | None = None,
        body: Any = None,
        request_id: str | None = None,
        quiet: bool = False,
    ) -> None:
        self.call = call
        self.service = service.name
        self.operation = plan.operation.name if plan is not None else ""
        self.path: Mapping[str, str] = path or {}
        self.query: dict[str, Any] = query if query is not None else {}
        self.body: dict[str, Any] = body if body is not None else {}
        self.request_id = request_id
        self.effects: list[Effect] = []
        self.page_following: Any = None
        self._service = service
        self._tx = tx
        self._plan = plan
        self._quiet = quiet

    # --- the moment, ids, randomness

    def header(self, name: str) -> str | None:
        """A request header, whatever its case; None where it is missing."""
        return self.call.header(name)

    def now(self) -> Any:
        """The world's time as this service writes it (`dialect.time`); the same throughout one call."""
        return stamp(self._tx.now(), self._service.settings.time)

    def now_ms(self) -> int:
        """The world's time in unix milliseconds."""
        return self._tx.now()

    @cached_property
    def random(self) -> random.Random:
        """A generator that gives the same numbers for the same world, seed and call."""
        return self._tx.random(f"{self.service} {self.operation}")

    def token(self, n: int, alphabet: str = ALNUM) -> str:
        """`n` random characters, a new value at each use, repeatable with the world's seed."""
        return self._tx.token(self.service, n, alphabet)

    def new_id(self, resource: str) -> str:
        """A fresh id in the resource's format."""
        return self._service.registry.named(resource).new_id(self._tx)

    # --- reading

    def get(self, resource: str, id: str, *, param: str | None = None) -> Entity:  # noqa: A002 - the concept's name
        """An entity. Raises the service's own not-found error; `param` names the parameter that held the id."""
        found = self.find(resource, id)
        if found is None:
            raise self.not_found(resource, id, param)
        return found

    def find(self, resource: str, id: str, *, deleted: bool = False) -> Entity | None:  # noqa: A002
        """An entity, or None; with `deleted`, also one that was deleted softly (it then has `"deleted": True`)."""
        name = self._service.registry.named(resource).name
        value = self._tx.get(self.service, name, id)
        if value is None and deleted:
            value = self._tx.get(self.service, name + _DELETED, id)
        return Entity(name, id, value) if value is not None else None

    def not_found(self, resource: str, id: Any, param: str | None = None) -> Refusal:  # noqa: A002
        """The service's own not-found error, to be raised; `param` names the parameter that held the id."""
        registry = self._service.registry
        kind = registry.named(resource) if registry.knows(resource) else None
        label = kind.label if kind is not None else resource
        if param is None:
            named = kind.param if kind is not None and kind.param else None
            return Refusal.of("not_found", param=named, resource=label, value=id, id=id)
        return Refusal.of("not_found_parameter", param=param, resource=label, value=id, id=id)

    def list(
        self, resource: str, /, *, newest_first: bool = True, limit: int | None = None, **where: Any
    ) -> "builtins.list[Entity]":
        """Entities in order of creation whose fields equal `where`; use `page` for a list reply."""
        kind = self._service.registry.named(resource)
        found = self._tx.list(self.service, kind.name, where=where, newest_first=newest_first, limit=limit)
        return [self._entity(kind, value) for value in found]

    def page(self, source: "str | builtins.list[Any]", /, **where: Any) -> Any:
        """A list reply in the service's dialect, honouring the call's paging parameters.

        `source` is a resource (its entities whose fields equal `where`) or a list in the order of the reply. Without
        an operation's document, the dialect as written is taken.
        """
        lists = self._plan.lists if self._plan is not None else self._service.list_dialect(None)
        if isinstance(source, str):
            kind = self._service.registry.named(source)
            rows: _Stored | Listed = _Stored(self, kind, where, newest_first=lists.newest_first, param=lists.cursor)
            id_field = kind.id_field
        else:
            id_field = "id"
            label = next((item.resource for item in source if isinstance(item, Entity)), "object")
            rows = Listed(
                source, lambda item: str(item.get("id")), lambda wanted: self.not_found(label, wanted, lists.cursor)
            )
        made: Page = lists.page(rows, {**self.query}, path=self.call.path, id_of=lambda item: str(item.get(id_field)))
        self.page_following = made.following
        return made.body

    # --- writing

    def create(self, resource: str, _id: str | None = None, /, **fields: Any) -> Entity:
        """Store a new entity: complete by its schema, then defaults, then `fields`; `_id` where the id is already known.

        Sets id, creation time, the lifecycle's first state and empty metadata by itself. Raises the service's
        not-unique error. Tells `resource.created` if stub.yaml lists it.
        """
        kind = self._service.registry.named(resource)
        value = self._service.shapes.fresh(kind.schema)
        for name in self._service.unexpanded.get(kind.name, ()):
            value.pop(name, None)
        entity_id = _id if _id is not None else kind.new_id(self._tx)
        value[kind.id_field] = int(entity_id) if kind.integer_id and entity_id.isdigit() else entity_id
        self._stamp(kind, value, CREATED | UPDATED)
        if kind.lifecycle is not None and kind.lifecycle.first is not None:
            value[kind.lifecycle.field] = kind.lifecycle.first
        if kind.defaults:
            value.update(literal(kind.defaults)())
        metadata = self._service.settings.metadata
        for name, given in fields.items():
            if metadata and name == metadata:
                value[name] = merged_metadata({}, given)
            else:
                self._set(kind, value, name, given)
        self._check_unique(kind, value, None)
        self._tx.put(self.service, kind.name, entity_id, value)
        entity = Entity(kind.name, entity_id, value)
        self._announce(kind, "created", entity)
        return entity

    def update(self, entity: Entity, /, **fields: Any) -> Entity:
        """Store a new version of an entity with `fields` changed; what was stored last is the base, not `entity`.

        Gives the new version. Tells `resource.updated` if stub.yaml lists it and something changed. Metadata is taken
        as given: `merged_metadata` merges it key by key.
        """
        kind = self._service.registry.named(entity.resource)
        stored = self._tx.get(self.service, kind.name, entity.id)
        if stored is None:
            raise LookupError(f"{kind.name} {entity.id} is not stored, so it can't be updated")
        value = dict(stored)
        for name, given in fields.items():
            self._set(kind, value, name, given)
        if value == stored:
            return Entity(kind.name, entity.id, value)
        self._stamp(kind, value, UPDATED)
        self._check_unique(kind, value, stored)
        self._tx.put(self.service, kind.name, entity.id, value)
        changed = Entity(kind.name, entity.id, value)
        previous = {name: stored.get(name) for name in value if name not in stored or stored[name] != value[name]}
        self._announce(kind, "updated", changed, previous=previous)
        return changed

    def delete(self, entity: Entity, /) -> dict[str, Any]:
        """Delete an entity in its resource's way; gives the reply that tells so (`{"id": …, "deleted": true}`)."""
        kind = self._service.registry.named(entity.resource)
        gone = self.tombstone(entity)
        if kind.delete == "soft":
            self._tx.put(self.service, kind.name + _DELETED, entity.id, {**entity, **gone})
        self._tx.delete(self.service, kind.name, entity.id)
        self._announce(kind, "deleted", entity)
        return gone

    def tombstone(self, entity: Entity, /) -> dict[str, Any]:
        """The object that tells of an entity's deletion, as the document's schema for it says."""
        kind = self._service.registry.named(entity.resource)
        api = self._service.api
        schema = self._plan.reply_schema if self._plan is not None and self._plan.action == "delete" else None
        if schema is None and api is not None and api.schema(f"deleted_{kind.schema}") is not None:
            schema = {"$ref": f"#/components/schemas/deleted_{kind.schema}"}
        return self._service.shapes.tombstone(schema, entity, kind.id_field)

    def move(self, entity: Entity, state: str, /, **fields: Any) -> Entity:
        """Move an entity to another state of its lifecycle table. An illegal move is refused and changes nothing.

        Tells `resource.state` if stub.yaml lists it.
        """
        kind = self._service.registry.named(entity.resource)
        if kind.lifecycle is None:
            raise LookupError(f"the resource {kind.name} has no lifecycle in stub.yaml")
        stored = self._tx.get(self.service, kind.name, entity.id) or entity
        current = str(stored.get(kind.lifecycle.field))
        if not kind.lifecycle.allows(current, state):
            raise Refusal.of("invalid_transition", resource=kind.label, value=entity.id, state=current, to=state)
        moved = self.update(entity, **{kind.lifecycle.field: state, **fields})
        self._announce(kind, state, moved)
        return moved

    # --- telling

    def emit(self, type: str, entity: Mapping[str, Any], **extra: Any) -> None:  # noqa: A002 - the vendors' own word
        """Tell of an event: an effect for the ledger, an event object and webhooks where the service has them.

        `extra` are further values for the envelope (`previous={…}`); one that the envelope has as a constant is replaced.
        """
        if self._quiet:
            return
        entity_id = entity.id if isinstance(entity, Entity) else str(entity.get("id", ""))
        key = self._service.settings.idempotency
        values = {
            "request_id": self.request_id,
            "idempotency_key": self.header(key.header) if key is not None else None,
            **extra,
        }
        made = self._service.events.emit(
            self._tx,
            type,
            public(entity),
            entity_id=entity_id,
            now=self.now(),
            values=values,
            new_id=self._service.event_id,
            store=self._store_event,
        )
        self.effects.extend(made)

    def schedule(self, delay_ms: int, job: str, payload: dict[str, Any]) -> str:
        """Put work off: `@job(job)` is called with `payload` once the world's clock has passed the delay."""
        if job not in self._service.behaviours.jobs:
            raise LookupError(f"the stub {self.service} has no @job({job!r})")
        return self._tx.schedule(self._tx.now() + delay_ms, self.service, job, payload)

    def call_generic(self) -> Any:
        """What this operation would do without behaviour code: create, retrieve, update, delete or list."""
        from . import generic  # noqa: PLC0415 - generic operations are written against this class

        if self._plan is None:
            raise LookupError("call_generic() belongs into an operation")
        return generic.perform(self, self._service, self._plan, self._tx)

    def _again(self, tx: Transaction) -> "Context":
        """The same request in another transaction."""
        made = Context(self._service, tx, self.call, plan=self._plan, path=self.path, query=self.query, body=self.body)
        made.request_id = self.request_id
        return made

    def compute(self, entity: Entity, field: str) -> Any:
        """The value of a field that a function of the stub makes (`@expands`). LookupError where there is none."""
        behaviour = self._service.behaviours.expansions.get(f"{entity.resource}.{field}")
        if behaviour is None:
            raise LookupError(f"the stub {self.service} has no @expands({entity.resource!r}, {field!r})")
        return behaviour(self, entity)

    # --- within

    def _entity(self, kind: Resource, value: dict[str, Any]) -> Entity:
        return Entity(kind.name, str(value.get(kind.id_field)), value)

    def _set(self, kind: Resource, value: dict[str, Any], name: str, given: Any) -> None:
        """Set a field. Where the dialect says that an empty text unsets: to null, else to what its schema has for nothing.

        A field that its schema requires can't be unset: the service's own refusal of empty values.
        """
        if not self._service.settings.empty_unsets:
            value[name] = given
        elif given != "":
            value[name] = _without_empty(given)
        else:
            shape = self._service.shapes.properties(kind.schema)
            api = self._service.api
            kinds = types(api, shape.known[name]) if api is not None and name in shape.known else ("null",)
            if "null" in kinds:
                value[name] = None
            elif "array" in kinds or "object" in kinds:
                value[name] = [] if "array" in kinds else {}
            elif name in shape.required:
                raise Refusal.of("empty", param=name, value="")
            else:
                value.pop(name, None)

    def _stamp(self, kind: Resource, value: dict[str, Any], names: frozenset[str]) -> None:
        """Set the times that the schema has, in the type that the schema has for them."""
        known = self._service.shapes.properties(kind.schema).known
        if not known and self._service.manifest.openapi == "" and "created" in names:
            value["created"] = self.now()
        for name in self._service.shapes.times(kind.schema):
            if name.lower() in names:
                style = self._service.settings.time
                api = self._service.api
                if api is not None and not self._service.settings.time_written:
                    style = "rfc3339" if "string" in types(api, known[name]) else style
                value[name] = stamp(self._tx.now(), style)

    def _check_unique(self, kind: Resource, value: Mapping[str, Any], stored: Mapping[str, Any] | None) -> None:
        for name in kind.unique:
            given = value.get(name)
            if given is None or (stored is not None and stored.get(name) == given):
                continue
            if self._tx.list(self.service, kind.name, where={name: given}, limit=1):
                raise Refusal.of("not_unique", param=name, resource=kind.label, value=given)

    def _announce(self, kind: Resource, what: str, entity: Entity, **extra: Any) -> None:
        if not self._quiet and self._service.events.announces(kind.name, what):
            self.emit(f"{kind.name}.{what}", entity, **extra)

    def _store_event(self, resource: str, event_id: str, fields: dict[str, Any]) -> Mapping[str, Any]:
        kind = self._service.registry.named(resource)
        value = {**self._service.shapes.fresh(kind.schema), **fields}
        self._tx.put(self.service, kind.name, event_id, value)
        return value


class _Stored:
    """The source of a list that is stored in the world. See `lists.Source`."""

    def __init__(
        self, ctx: Context, kind: Resource, where: Mapping[str, Any], *, newest_first: bool, param: str
    ) -> None:
        self._ctx = ctx
        self._kind = kind
        self._where = where
        self._newest_first = newest_first
        self._param = param

    def window(self, *, after: str | None, before: str | None, skip: int, limit: int) -> list[dict[str, Any]]:
        """See `lists.Source`."""
        ctx, kind = self._ctx, self._kind
        try:
            found = ctx._tx.list(  # noqa: SLF001 - one unit with the context
                ctx.service, kind.name, where=self._where, newest_first=self._newest_first,
                after=after, before=before, limit=skip + limit,
            )  # fmt: skip
        except LookupError:
            raise ctx.not_found(kind.name, after if after is not None else before, self._param) from None
        return [ctx._entity(kind, value) for value in found[skip:]]  # noqa: SLF001

    def total(self) -> int:
        """See `lists.Source`."""
        return self._ctx._tx.count(self._ctx.service, self._kind.name, where=self._where)  # noqa: SLF001


def _without_empty(value: Any) -> Any:
    """Empty texts within an object unset, too."""
    if not isinstance(value, dict):
        return value
    return {name: None if inner == "" else _without_empty(inner) for name, inner in value.items()}


def merged_metadata(stored: Any, given: Any) -> dict[str, Any]:
    """Metadata after an update: key by key, an empty value removes its key, an empty whole removes all."""
    if not isinstance(given, dict):
        return {}
    merged = {**(stored if isinstance(stored, dict) else {}), **given}
    return {key: value for key, value in merged.items() if value is not None and value != ""}
