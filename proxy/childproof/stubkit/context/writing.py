"""The part of the context that writes: entities made, changed, moved and deleted, in the service's own way."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from childproof.stubkit.clock import stamp
from childproof.stubkit.declared.resources import DELETED, Resource
from childproof.stubkit.declared.settings import literal
from childproof.stubkit.document.shape import CREATED, UPDATED, types
from childproof.stubkit.entity import UNSET, Entity
from childproof.stubkit.generic import ending
from childproof.stubkit.refusal import Refusal

from .reading import Reading
from .telling import Telling


class Writing(Reading, Telling):
    """What a call changes. All of it belongs to the call's transaction."""

    def rehearse[T](self, act: Callable[[], T]) -> T:
        """What `act()` gives, with everything undone that it changed or told: for previews of what would happen.

        What it raises goes on. Entities that it gives are values; they aren't stored any more.
        """
        told, made = len(self.effects), []
        try:
            with suppress(_Undone), self._tx.savepoint():
                made.append(act())
                raise _Undone
        finally:
            del self.effects[told:]
        return made[0]

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
        self._tx.put(self.service, self._kind(kind.name), entity_id, value)
        entity = Entity(kind.name, entity_id, value)
        self._announce(kind, "created", entity)
        return entity

    def update(self, entity: Entity, /, **fields: Any) -> Entity:
        """Store a new version of an entity with `fields` changed; what was stored last is the base, not `entity`.

        Gives the new version. Tells `resource.updated` if stub.yaml lists it and something changed. Metadata is taken
        as given: `merged_metadata` merges it key by key.
        """
        kind = self._service.registry.named(entity.resource)
        stored = self._tx.get(self.service, self._kind(kind.name), entity.id)
        if stored is None:
            raise LookupError(f"{kind.name} {entity.id} is not stored, so it can't be updated")
        value = dict(stored)
        for name, given in fields.items():
            self._set(kind, value, name, given)
        if value == stored:
            return Entity(kind.name, entity.id, value)
        self._stamp(kind, value, UPDATED)
        self._check_unique(kind, value, stored)
        self._tx.put(self.service, self._kind(kind.name), entity.id, value)
        changed = Entity(kind.name, entity.id, value)
        previous = {name: stored.get(name) for name in value if name not in stored or stored[name] != value[name]}
        self._announce(kind, "updated", changed, previous=previous)
        return changed

    def delete(self, entity: Entity, /) -> dict[str, Any]:
        """Delete an entity in its resource's way; gives the reply that tells so (`{"id": …, "deleted": true}`).

        Those who refer to it go with it, lose the reference, or forbid it, as their `refs` say (`delete`).
        """
        kind = self._service.registry.named(entity.resource)
        holders = ending.holders(self._tx, self._service, kind, entity, self._kind)
        gone = self.tombstone(entity)
        if kind.delete == "soft":
            self._tx.put(self.service, self._kind(kind.name) + DELETED, entity.id, {**entity, **gone})
        self._tx.delete(self.service, self._kind(kind.name), entity.id)
        for holder, field, end in holders:
            current = self.find(holder.resource, holder.id)
            if current is not None and end == "cascade":
                self.delete(current)
            elif current is not None:
                root = field.partition(".")[0]
                self.update(current, **{root: ending.without(current, field, entity.id)[root]})
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
        stored = self._tx.get(self.service, self._kind(kind.name), entity.id) or entity
        current = str(stored.get(kind.lifecycle.field))
        if not kind.lifecycle.allows(current, state):
            raise Refusal.of("invalid_transition", resource=kind.label, value=entity.id, state=current, to=state)
        moved = self.update(entity, **{kind.lifecycle.field: state, **fields})
        self._announce(kind, state, moved)
        return moved

    def _set(self, kind: Resource, value: dict[str, Any], name: str, given: Any) -> None:
        """Set a field. Where the dialect says that an empty text unsets: to null, else to what its schema has for nothing.

        A field that its schema requires can't be unset: the service's own refusal of empty values.
        """
        if given is UNSET:
            value.pop(name, None)
        elif not self._service.settings.empty_unsets:
            value[name] = given
        elif given != "":
            value[name] = _without_empty(given) if isinstance(given, dict) else given
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
            if self._tx.list(self.service, self._kind(kind.name), where={name: given}, limit=1):
                raise Refusal.of("not_unique", param=name, resource=kind.label, value=given)


class _Undone(Exception):
    """No error: what a rehearsal ends with."""


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
