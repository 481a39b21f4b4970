"""What is told of webhooks, as messages: the command line and the API say the same."""

from childproof.ledger import timestamp
from childproof.world import Delivery, Snapshot, deliveries

from . import messages_record as messages


def listed(view: Snapshot, world: str, state: str | None = None) -> list[messages.Webhook]:
    """A world's webhooks in the order in which they were queued, or those in one state."""
    return [told(world, one) for one in deliveries.listed(view) if state in (None, one.state)]


def told(world: str, one: Delivery) -> messages.Webhook:
    """One webhook, with what became of its last attempt."""
    last = one.last or {}
    return messages.Webhook(
        one.id,
        world,
        one.service,
        one.state,
        one.type,
        one.event,
        one.url,
        one.subscription,
        one.attempts,
        last.get("status"),
        last.get("reason") or "",
        timestamp(one.at),
        None if one.due is None else timestamp(one.due),
        last.get("call") or None,
        one.cause or None,
    )
