"""What an invoice's fate does to its subscription: paid it lives, unpaid it ends, by the table of states in stub.yaml."""

from childproof.stubkit import Context, Entity

from .clocks import now_of
from .dunning import after_last_failure
from .subscription_changing import apply_pending
from .subscription_cycle import finish
from .subscription_effects import after
from .subscription_states import OWING, move, over
from .subscriptions import resumed


@after("paid")
def paid(ctx: Context, invoice: Entity) -> None:
    """The invoice was paid, whichever way: the first one brings a subscription to life, the latest one back to it."""
    subscription = _of(ctx, invoice)
    if subscription is None:
        return
    apply_pending(ctx, subscription, invoice)
    subscription = ctx.get("subscription", subscription.id)
    if subscription["status"] == "incomplete" or (
        subscription["status"] in OWING and subscription["latest_invoice"] in {None, invoice.id}
    ):
        move(ctx, subscription, "active")
    elif subscription["status"] == "paused" and subscription.get("_resuming") == invoice.id:
        resumed(ctx, subscription)


@after("payment_failed")
def payment_failed(ctx: Context, invoice: Entity, *, final: bool) -> None:
    """A payment failed; `final` where it won't be tried again: then the account's settings decide."""
    subscription = _of(ctx, invoice)
    if subscription is None or subscription["status"] in {"incomplete", "paused"}:
        return
    if subscription["pending_update"] is not None and invoice.id == subscription.get("_pending_invoice"):
        return  # nothing has changed yet, so nothing is owed
    if subscription["status"] in {"active", "trialing"} and subscription["latest_invoice"] == invoice.id:
        subscription = move(ctx, subscription, "past_due")
    if not final or subscription["status"] != "past_due":
        return
    match after_last_failure(ctx):
        case "cancel":
            finish(ctx, subscription, now_of(ctx, subscription["customer"]), "payment_failed")
        case "unpaid":
            move(ctx, subscription, "unpaid")
        case _:
            pass  # it stays past due


@after("voided")
def voided(ctx: Context, invoice: Entity) -> None:
    """The invoice was voided: nothing is owed. Without its first invoice, a subscription never came to be."""
    subscription = _of(ctx, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice.id:
        return
    if subscription["status"] == "incomplete":
        move(ctx, subscription, "incomplete_expired", ended_at=now_of(ctx, subscription["customer"]))
    elif subscription["status"] == "past_due":
        move(ctx, subscription, "active")


@after("uncollectible")
def uncollectible(ctx: Context, invoice: Entity) -> None:
    """The invoice was given up, so nothing is overdue."""
    subscription = _of(ctx, invoice)
    if subscription is None or subscription["latest_invoice"] != invoice.id:
        return
    if subscription["status"] == "past_due":
        move(ctx, subscription, "active")


def _of(ctx: Context, invoice: Entity) -> Entity | None:
    name = invoice.get("_subscription")
    found = ctx.find("subscription", name) if name else None
    return None if found is None or over(found) else found
