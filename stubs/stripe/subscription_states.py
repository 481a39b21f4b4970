"""The states of subscriptions, and moves between them. The table itself is in stub.yaml, where the kit holds to it.

docs.stripe.com/billing/subscriptions/overview#subscription-statuses
"""

from typing import Any

from childproof.stubkit import Context, Entity

from .fields import tell

UPDATED = "customer.subscription.updated"
ENDED = frozenset({"canceled", "incomplete_expired"})
LIVE = frozenset({"trialing", "active", "past_due", "unpaid"})  # whose periods go on
OWING = frozenset({"past_due", "unpaid"})


def over(subscription: Entity) -> bool:
    """Whether a subscription has ended for good."""
    return subscription["status"] in ENDED


def move(
    ctx: Context,
    subscription: Entity,
    status: str,
    event: str | None = UPDATED,
    *,
    previous: dict[str, Any] | None = None,
    **fields: Any,
) -> Entity:
    """Change a subscription, its status included, and tell of it with what was there before.

    `previous` are earlier values of what was changed before this. Nothing is told where nothing changes, nor of one that
    is still being made.
    """
    fields = {name: value for name, value in fields.items() if subscription.get(name) != value}
    was = {name: subscription.get(name) for name in fields if not name.startswith("_")} | (previous or {})
    if subscription["status"] != status:
        was["status"] = subscription["status"]
        subscription = ctx.move(subscription, status, **fields)
    elif fields:
        subscription = ctx.update(subscription, **fields)
    if event is not None and was and not subscription.get("_making"):
        tell(ctx, event, subscription, previous_attributes=was)
    return subscription
