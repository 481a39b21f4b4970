"""Events: what a stub tells besides replying.

An effect for the ledger, an event object where the service has them, and a queued delivery for every webhook
subscription that asks for the type.

Deliveries are stored as rows of the world (service `_webhooks`), signed at the moment of the event; sending them is
the business of whoever runs the schedule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from childproof.model import Effect
from childproof.world.transaction import Transaction

from .errors import compile_template
from .ids import IdMaker, compile_id, has_placeholder
from .settings import duration
from .signing import Signer, signer

QUEUE = "_webhooks"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Which resource holds webhook subscriptions, and which of its fields hold the address and the types."""

    resource: str
    url: str = "url"
    types: str = "types"


class Events:
    """The `events:` of a stub.yaml, compiled."""

    def __init__(self, service: str, written: Mapping[str, Any]) -> None:
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
        sign = written.get("sign")
        self._sign: Signer | None = None if sign is None else signer(sign)
        self._retry = tuple(map(duration, written.get("retry", ())))

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
    ) -> tuple[Effect, ...]:
        """The effects of one event, after storing what it leaves behind.

        `store` creates an entity of the stub, `new_id` makes its id where the envelope has no template for it.
        """
        data = dict(entity)
        effects = [Effect(self._service, type, entity_id, data)]
        if not self.resource and self.subscription is None:
            return tuple(effects)
        event_id = (self._make_id or new_id)(tx)
        body: Mapping[str, Any] = {
            "id": event_id,
            **self._render({**values, "type": type, "entity": data, "id": event_id, "now": now}),
            **{key: values[key] for key in self._constant if key in values},
        }
        if self.resource:
            body = store(self.resource, event_id, dict(body))
        if self.subscription is not None:
            effects.extend(self._queue(tx, type, event_id, body))
        return tuple(effects)

    def _queue(self, tx: Transaction, kind: str, event_id: str, body: Mapping[str, Any]) -> list[Effect]:
        assert self.subscription is not None
        queued = []
        for subscriber in tx.list(self._service, self.subscription.resource, newest_first=False):
            url = subscriber.get(self.subscription.url)
            wanted = subscriber.get(self.subscription.types)
            if not isinstance(url, str) or not _wants(wanted, kind):
                continue
            raw = msgspec.json.encode(body).decode()
            number = tx.counter(QUEUE, self._service)
            delivery_id = f"delivery_{number}"
            headers = {"Content-Type": "application/json"}
            if self._sign is not None:
                headers |= self._sign(subscriber, event_id, tx.now() // 1000, raw)
            row = {
                "id": delivery_id, "url": url, "type": kind, "event": event_id, "headers": headers, "body": raw,
                "due": tx.now(), "attempts": 0, "retry": list(self._retry), "state": "queued", "trace": tx.trace, "cause": tx.call_id,
            }  # fmt: skip
            tx.put(QUEUE, self._service, delivery_id, row)
            queued.append(
                Effect(self._service, "webhook.queued", delivery_id, {"url": url, "type": kind, "event": event_id})
            )
        return queued


def _wants(wanted: Any, kind: str) -> bool:
    if wanted is None:
        return True
    wanted = [wanted] if isinstance(wanted, str) else wanted
    return isinstance(wanted, list) and any(
        one in {"*", kind} or (isinstance(one, str) and one.endswith(".*") and kind.startswith(one[:-1]))
        for one in wanted
    )


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
