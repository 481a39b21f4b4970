"""The part of the context that tells: events, and work put off until the clock has passed it."""

from collections.abc import Mapping
from typing import Any

from .entity import Entity, public
from .moment import Moment
from .resources import Resource


class Telling(Moment):
    """What a call says to others, now or later."""

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

    def _announce(self, kind: Resource, what: str, entity: Entity, **extra: Any) -> None:
        if not self._quiet and self._service.events.announces(kind.name, what):
            self.emit(f"{kind.name}.{what}", entity, **extra)

    def _store_event(self, resource: str, event_id: str, fields: dict[str, Any]) -> Mapping[str, Any]:
        kind = self._service.registry.named(resource)
        value = {**self._service.shapes.fresh(kind.schema), **fields}
        self._tx.put(self.service, kind.name, event_id, value)
        return value
