"""Webhooks on their way: what each attempt sends, signed for its own moment, and what becomes of it.

The kit says what is sent and what a reply means; sending is the business of whoever runs the world.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from childproof.model import Call, Effect, Protocol, replace
from childproof.stubkit.context.context import Context
from childproof.stubkit.declared.settings import duration, fill
from childproof.stubkit.ids import compile_id, has_placeholder
from childproof.world import Delivery, deliveries
from childproof.world.deliveries import Posting, Told
from childproof.world.snapshot import Snapshot
from childproof.world.transaction import Transaction

from .signing import FORM, Message, addressed, signer, within
from .subscriptions import at

if TYPE_CHECKING:
    from childproof.stubkit.service import Service

TIMEOUT = 10_000
JSON = "application/json"


class Poster:
    """`sign`, `retry`, `deliver`, `pending` and `after` of a stub.yaml's `events`, compiled."""

    def __init__(self, service: str, written: Mapping[str, Any], indent: int = 0) -> None:
        self._service = service
        deliver: Mapping[str, Any] = written.get("deliver", {})
        self._sign: Mapping[str, Any] = written.get("sign", {})
        self._signer = signer(self._sign) if self._sign else None
        named = self._sign.get("secret", "secret")
        self._secrets: tuple[str, ...] = (named,) if isinstance(named, str) else tuple(named)
        self.media = FORM if deliver.get("body") == "form" else JSON
        self._media_of: str = deliver.get("body_of", "")
        self._field: str = deliver.get("form", "")
        self._templates: Mapping[str, str] = deliver.get("headers", {})
        self._again: Mapping[str, str] = deliver.get("again", {})
        self._failures: Mapping[str, str] = deliver.get("failures", {})
        self._timeout = duration(deliver["timeout"]) if "timeout" in deliver else TIMEOUT
        self._success = deliver.get("success")
        self._stop = frozenset(deliver.get("stop", ()))
        self._indent = indent
        self.pending: str = written.get("pending", "")
        self._after: str = written.get("after", "")
        self._retry = tuple(map(duration, written.get("retry", ())))

    def media_of(self, subscription: Mapping[str, Any] | None) -> str:
        """What a subscription wants its messages to be: as it says itself, where it may, else as the stub says."""
        wanted = at(subscription, self._media_of) if subscription is not None and self._media_of else None
        return {"form": FORM, "json": JSON}.get(str(wanted), self.media)

    def written(self, body: Mapping[str, Any] | Sequence[Mapping[str, Any]], media: str = "") -> str:
        """A message's body as it is sent: JSON, or a form of its fields, or of one field that holds the JSON."""
        form = (media or self.media) == FORM
        if form and not self._field and isinstance(body, Mapping):
            return urlencode([(name, _text(value)) for name, value in body.items() if value is not None])
        raw = msgspec.json.encode(body)
        text = (msgspec.json.format(raw, indent=self._indent) if self._indent else raw).decode()
        return urlencode({self._field: text}) if form else text

    def headers(self, tx: Transaction, values: Mapping[str, Any]) -> dict[str, str]:
        """The headers of a delivery, which all its attempts share."""
        made = {name: fill(text, values) for name, text in self._templates.items()}
        return {name: compile_id(text)(tx) if has_placeholder(text) else text for name, text in made.items()}

    def posting(self, delivery: Delivery, view: Snapshot, service: "Service", at_ms: int) -> Posting | str:
        """What to send at a time (unix ms, the receiver's); or why this isn't to be sent any more."""
        secrets: list[str] = [delivery.secret] if delivery.secret else []
        subscription = service.events.subscription
        if delivery.subscription and subscription is not None:
            tenant = delivery.tenant
            subscriber = subscription.found(view, self._service, delivery.subscription, tenant)
            if subscriber is None:
                return "what asked for it is gone"
            if not subscription.is_active(subscriber):
                return "what asked for it is switched off"
            secrets += _texts(at(subscriber, path) for path in self._secrets)
        if "of" in self._sign:
            for owner in view.list(self._service, self._sign["of"], newest_first=False, limit=1):
                secrets += _texts(at(owner, path) for path in self._secrets)
        url = addressed(self._sign, delivery.url, delivery.body, delivery.media)
        signed: dict[str, str] = {}
        body = delivery.body
        if self._signer is not None:
            message = Message(delivery.event or delivery.id, at_ms // 1000, url, body, delivery.media)
            signed = self._signer(secrets, message)
            body = within(self._sign, secrets, message)
        headers = {"Content-Type": delivery.media, **delivery.headers, **self._repeated(delivery), **signed}
        return Posting(url, tuple(headers.items()), body.encode(), self._timeout)

    def _repeated(self, delivery: Delivery) -> dict[str, str]:
        """The headers of an attempt that isn't the first: which one it is, and what became of the one before."""
        if not self._again or not delivery.attempts:
            return {}
        last = delivery.last or {}
        failure = str(last.get("failure") or ("status" if last.get("status") is not None else "connection"))
        values = {"retry": delivery.attempts, "failure": self._failures.get(failure, failure)}
        return {name: fill(text, values) for name, text in self._again.items()}

    def took(self, status: int) -> bool:
        """Whether a status says that the listener has it."""
        return 200 <= status < 300 if self._success is None else status in self._success

    def told(self, delivery: Delivery, told: Told, tx: Transaction, service: "Service") -> tuple[Effect, ...]:
        """Keep what became of an attempt, and when the next one is; the effects."""
        state: deliveries.State = "waiting"
        due = None
        attempts = delivery.attempts + 1
        if told.status is not None and self.took(told.status):
            state = "delivered"
        elif told.refused:
            state = "refused"
        elif told.status in self._stop or attempts > len(self._retry):
            state = "failed"
        else:
            due = tx.now() + self._retry[attempts - 1]
        last = {"at": told.at, "status": told.status, "reason": told.reason, "call": told.call}
        if told.failure:
            last["failure"] = told.failure
        after = replace(delivery, state=state, attempts=attempts, due=due, last=last)
        deliveries.keep(tx, after)
        what = "delivered" if state == "delivered" else "refused" if state == "refused" else "failed"
        data = {
            "url": delivery.url, "type": delivery.type, "event": delivery.event, "attempt": attempts,
            "status": told.status, "reason": told.reason, "state": state,
        }  # fmt: skip
        effects = (Effect(self._service, f"webhook.{what}", delivery.id, data),)
        return (*effects, *self._settled(after, delivery, told, tx, service))

    def canceled(self, delivery: Delivery, reason: str, tx: Transaction) -> tuple[Effect, ...]:
        """Take a delivery off that isn't to be sent any more."""
        last = {"at": tx.now(), "status": None, "reason": reason, "call": tx.call_id}
        deliveries.keep(tx, replace(delivery, state="canceled", due=None, last=last))
        data = {"url": delivery.url, "type": delivery.type, "event": delivery.event, "reason": reason}
        return (Effect(self._service, "webhook.canceled", delivery.id, data),)

    def _settled(
        self, after: Delivery, before: Delivery, told: Told, tx: Transaction, service: "Service"
    ) -> tuple[Effect, ...]:
        """What the stub makes of it: one listener less that the event waits for, and the stub's own job."""
        resource = service.events.resource
        if self.pending and resource and after.state == "delivered":
            place = f"{resource}@{after.tenant}" if after.tenant else resource
            event = tx.get(self._service, place, after.event)
            if event is not None and int(event.get(self.pending) or 0) > 0:
                tx.put(self._service, place, after.event, {**event, self.pending: event[self.pending] - 1})
        if not self._after:
            return ()
        ctx = Context(service, tx, Call(Protocol.HTTP, service.host, 443, world=tx.world), tenant=after.tenant)
        payload = {
            "subscription": after.subscription, "event": after.event, "type": after.type, "state": after.state,
            "attempts": after.attempts, "status": (after.last or {}).get("status"), "queued": before.at,
            "body": told.body.decode(errors="replace"),
        }  # fmt: skip
        service.behaviours.jobs[self._after](ctx, payload)
        return tuple(ctx.effects)


def _texts(values: Any) -> list[str]:
    """Secrets as they stand in a field: a text, or a list of texts with the newest first."""
    found: list[str] = []
    for value in values:
        found += [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for text in found if isinstance(text, str) and text]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
