"""The part of the context that tells: events, and work put off until the clock has passed it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from childproof.stubkit.declared.resources import Resource
from childproof.stubkit.entity import Entity, public
from childproof.stubkit.events.signing import FORM
from childproof.stubkit.events.subscriptions import at
from childproof.world import Delivery, deliveries
from childproof.world.schedule import QUEUE

from .moment import Moment

FURTHEST = 100 * 366 * 86_400_000  # what `advance` takes at most, in ms

TENANT = "_tenant"  # within the payload of a job: for whom it was put off


class Telling(Moment):
    """What a call says to others, now or later."""

    def emit(
        self,
        type: str,  # noqa: A002 - the vendors' own word
        entity: Mapping[str, Any],
        *,
        message: Callable[[], Mapping[str, Any]] | None = None,
        **extra: Any,
    ) -> None:
        """Tell of an event: an effect for the ledger, an event object and webhooks where the service has them.

        `extra` are further values for the envelope (`previous={…}`); one that the envelope has as a constant is replaced.
        `message` makes what webhooks carry, where that is another thing than the envelope; it is called only if
        somebody has asked for the event.
        """
        if self._quiet:
            return
        entity_id = entity.id if isinstance(entity, Entity) else str(entity.get("id", ""))
        key = self._service.settings.idempotency
        values = {
            "request_id": self.request_id,
            "idempotency_key": self.header(key.header) if key is not None else None,
            **({"tenant": self._tenant} if self._tenant else {}),
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
            message=message,
        )
        self.effects.extend(made)
        hearers = self._service.behaviours.hearers
        hears = (hearers.get(type) or hearers.get("*")) if hearers else None
        if hears is not None:
            hears(self, type, entity)

    def notify(
        self,
        url: str,
        type: str,  # noqa: A002 - as above
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        secret: str = "",
        form: bool = False,
        headers: Mapping[str, str] | None = None,
        about: str = "",
    ) -> None:
        """Have a webhook sent to an address that the request named itself, signed with `secret` where there is one.

        With `form` its body is a form, whatever those of events are. `headers` stand beside the stub's own.
        `about` is what the stub's job after each attempt (`events.after`) is told as its `event`.
        """
        if self._quiet:
            return
        events = self._service.events
        media = FORM if form else events.poster.media
        text = events.poster.written(body, media)
        more = {"headers": dict(headers or {}), "event": about}
        self.effects.append(events.queue(self._tx, url, type, text, media=media, secret=secret, **more))

    def send(self, subscription: Entity, type: str, body: Mapping[str, Any]) -> None:  # noqa: A002 - as above
        """Have a webhook sent to one subscription, whatever types it asks for: a ping."""
        if self._quiet:
            return
        events = self._service.events
        if events.subscription is None:
            raise LookupError(f"the stub {self.service} has no events.subscribe")
        url = str(at(subscription, events.subscription.url))
        self.effects.append(events.send(self._tx, subscription.id, url, type, body, tenant=self._tenant))

    def deliveries(self, subscription: Entity) -> list[Delivery]:
        """The webhooks of a subscription, the newest first, each with what became of its last attempt."""
        where = {"service": self.service, "subscription": subscription.id}
        return [Delivery(**value) for _, value in self._tx.items(QUEUE, deliveries.KIND, where=where)]

    def redeliver(self, delivery: Delivery) -> None:
        """Have a webhook sent once more, whatever became of it."""
        deliveries.again(self._tx, delivery)

    def schedule(self, delay_ms: int, job: str, payload: dict[str, Any]) -> str:
        """Put work off: `@job(job)` is called with `payload` once the world's clock has passed the delay."""
        if job not in self._service.behaviours.jobs:
            raise LookupError(f"the stub {self.service} has no @job({job!r})")
        if self._tenant:
            payload = {**payload, TENANT: self._tenant}
        return self._tx.schedule(self._tx.now() + delay_ms, self.service, job, payload)

    def advance(self, by_ms: int) -> None:
        """Let so much time pass in the whole world: once this call is stored, before its reply goes out.

        All that is put off until then is done at its time, for all services, each job with an entry of its own. Only an
        operation that a call has asked for can do this: LookupError in jobs, streams and recipes, whose time is set by
        others. ValueError for less than nothing, or more than a hundred years.
        """
        if not self._passes:
            raise LookupError("time can only be let pass by an operation that was called")
        if not 0 <= by_ms <= FURTHEST:
            raise ValueError(f"{by_ms} ms can't be let pass; expected 0 to {FURTHEST}")
        self._tx.passing = by_ms

    def _announce(self, kind: Resource, what: str, entity: Entity, **extra: Any) -> None:
        if not self._quiet and self._service.events.announces(kind.name, what):
            self.emit(f"{kind.name}.{what}", entity, **extra)

    def _store_event(self, resource: str, event_id: str, fields: dict[str, Any]) -> Mapping[str, Any]:
        kind = self._service.registry.named(resource)
        value = {**self._service.shapes.fresh(kind.schema), **fields}
        self._tx.put(self.service, self._kind(kind.name), event_id, value)
        return value
