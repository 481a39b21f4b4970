"""Events: what a stub tells besides replying.

An effect for the ledger, an event object where the service has them, and a queued delivery for every webhook
subscription that asks for the type.

Deliveries are rows of the world (`world.deliveries`); each attempt is signed as it is made (`posting`). Sending them is
the business of whoever runs the world.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from childproof.model import Effect
from childproof.stubkit.entity import public
from childproof.stubkit.ids import IdMaker, compile_id, has_placeholder
from childproof.stubkit.reply.errors import compile_template
from childproof.world import deliveries
from childproof.world.schedule import QUEUE
from childproof.world.transaction import Transaction

from .subscriptions import Subscription

if TYPE_CHECKING:
    from .posting import Poster

__all__ = ["QUEUE", "QUEUED", "Events"]

QUEUED = "webhook.queued"


class Events:
    """The `events:` of a stub.yaml, compiled."""

    def __init__(self, service: str, written: Mapping[str, Any], indent: int = 0) -> None:
        self._service = service
        self._listed = {f"{name}.{what}" for name, kinds in written.get("emit", {}).items() for what in kinds}
        envelope: dict[str, Any] = written.get("envelope", {})
        self.resource: str = written.get("resource", "")
        self._envelope = envelope
        self._constant = [key for key, value in envelope.items() if _constant(value)]
        template = envelope.get("id")
        self._make_id = compile_id(template) if isinstance(template, str) else None
        self._render = compile_template(_without_ids(envelope), keep_null=True)
        subscribe = written.get("subscribe")
        self.subscription = None if subscribe is None else Subscription(**subscribe)
        self._written, self._indent = written, indent

    @cached_property
    def poster(self) -> "Poster":
        """How webhooks are signed, sent and tried again; made with the first."""
        from .posting import Poster  # noqa: PLC0415 - written against the context, which knows events

        return Poster(self._service, self._written, self._indent)

    def announces(self, resource: str, what: str) -> bool:
        """Whether a change of this kind (`created`, `updated`, `deleted`, a state's name) is told by itself."""
        return f"{resource}.{what}" in self._listed

    def emit(
        self,
        tx: Transaction,
        type: str,  # noqa: A002 - the vendors' own word
        entity: Mapping[str, Any],
        *,
        entity_id: str,
        now: Any,
        values: Mapping[str, Any],
        new_id: IdMaker,
        store: Callable[[str, str, dict[str, Any]], Mapping[str, Any]],
        message: Callable[[], Mapping[str, Any]] | None = None,
    ) -> tuple[Effect, ...]:
        """The effects of one event, after storing what it leaves behind.

        `store` creates an entity of the stub, `new_id` makes its id where the envelope has no template for it. `message`
        makes what listeners are sent instead of the envelope; it is asked only if there are any.
        """
        data = dict(entity)
        effects = [Effect(self._service, type, entity_id, data)]
        if not self.resource and self.subscription is None:
            return tuple(effects)
        tenant = str(values.get("tenant") or "")
        event_id = (self._make_id or new_id)(tx)
        body: Mapping[str, Any] = {
            "id": event_id,
            **self._render({**values, "type": type, "entity": data, "id": event_id, "now": now}),
            **{key: values[key] for key in self._constant if key in values},
        }
        wanted = [] if self.subscription is None else [*self._wanted(tx, type, {**data, "event": body}, tenant)]
        if self.poster.pending:
            body = {**body, self.poster.pending: len(wanted)}
        if self.resource:
            body = store(self.resource, event_id, dict(body))
        if wanted:
            sent = public(body) if message is None else message()
            effects += (self.send(tx, one, url, type, sent, event=event_id, tenant=tenant) for one, url in wanted)
        return tuple(effects)

    def send(
        self,
        tx: Transaction,
        subscription: str,
        url: str,
        type: str,  # noqa: A002 - as above
        body: Mapping[str, Any],
        **more: Any,
    ) -> Effect:
        """Have a message sent to one subscription (its id and address), written as that subscription wants it."""
        found = None
        if self.subscription is not None:
            found = self.subscription.found(tx, self._service, subscription, more.get("tenant", ""))
        media = self.poster.media_of(found)
        text = self.poster.written(body, media)
        return self.queue(tx, url, type, text, media=media, subscription=subscription, subscriber=found, **more)

    def queue(self, tx: Transaction, url: str, type: str, body: str, **more: Any) -> Effect:  # noqa: A002 - as above
        """Have one message sent. `more` are fields of `Delivery`; the effect says that it waits."""
        group, subscriber = type.partition(".")[0], more.pop("subscriber", None)
        values = {
            "type": type,
            "group": group,
            "event": more.get("event", ""),
            "subscription": more.get("subscription", ""),
        }
        if subscriber is not None:
            values |= {f"subscription.{name}": value for name, value in subscriber.items()}
        headers = {**self.poster.headers(tx, values), **more.pop("headers", {})}
        media = more.pop("media", self.poster.media)
        delivery = deliveries.queue(tx, self._service, url, type, body, media=media, headers=headers, **more)
        return Effect(self._service, QUEUED, delivery.id, {"url": url, "type": type, "event": delivery.event})

    def _wanted(self, tx: Transaction, type: str, entity: Mapping[str, Any], tenant: str) -> Iterator[tuple[str, str]]:  # noqa: A002 - as above
        assert self.subscription is not None
        return self.subscription.subscribers(tx, self._service, type, entity, tenant)


def _constant(value: Any) -> bool:
    return not isinstance(value, dict | list) and not (isinstance(value, str) and ("{" in value or value == "now"))


def _without_ids(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope as a template: `now` is a value of its own, the id was made before."""
    return {
        key: _now(value) for key, value in envelope.items() if not (isinstance(value, str) and has_placeholder(value))
    }


def _now(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _now(inner) for key, inner in value.items()}
    return "{now}" if value == "now" else value
