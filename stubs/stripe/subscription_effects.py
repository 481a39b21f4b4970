"""Where invoices tell subscriptions of their fate, and subscriptions their schedules.

`invoicing.py` calls in here; it knows nothing of subscriptions itself.

Who wants to hear registers a function with `@after`: modules of subscriptions need those of invoices, so these can't need
them. What follows is in `subscription_fates.py`.
"""

from collections.abc import Callable
from typing import Any

from childproof.stubkit import Context, Entity

Listener = Callable[..., None]
_LISTENERS: dict[str, list[Listener]] = {}


def after(fate: str) -> Callable[[Listener], Listener]:
    """Have a function called once an invoice was `paid`, its `payment_failed`, it was `voided` or `uncollectible`.

    And with a subscription, before its period changes (`renewing`) and once it has `ended`.
    """

    def register(listener: Listener) -> Listener:
        _LISTENERS.setdefault(fate, []).append(listener)
        return listener

    return register


def paid(ctx: Context, invoice: Entity) -> None:
    """The invoice was paid, whichever way."""
    _tell("paid", ctx, invoice)


def payment_failed(ctx: Context, invoice: Entity, final: bool) -> None:  # noqa: FBT001 - the one thing to be told
    """A payment failed; `final` where it won't be tried again."""
    _tell("payment_failed", ctx, invoice, final=final)


def voided(ctx: Context, invoice: Entity) -> None:
    """The invoice was voided."""
    _tell("voided", ctx, invoice)


def uncollectible(ctx: Context, invoice: Entity) -> None:
    """The invoice was given up."""
    _tell("uncollectible", ctx, invoice)


def renewing(ctx: Context, subscription: Entity, at: int) -> None:
    """The subscription's next period is about to begin."""
    _tell("renewing", ctx, subscription, at=at)


def ended(ctx: Context, subscription: Entity) -> None:
    """The subscription was canceled, or has come to its end."""
    _tell("ended", ctx, subscription)


def _tell(fate: str, ctx: Context, entity: Entity, **how: Any) -> None:
    for listener in _LISTENERS.get(fate, ()):
        listener(ctx, entity, **how)
