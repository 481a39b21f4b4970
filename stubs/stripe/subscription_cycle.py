"""What the clock does to subscriptions: trials end, periods are renewed and billed, what was to be canceled is canceled.

Each job looks at what holds by then: it does nothing where the subscription has gone another way meanwhile, so nothing is
ever taken off the schedule. `subscription_states.py` has the moves.
"""

from typing import Any

from childproof.stubkit import Context, Entity

from . import invoicing, subscription_effects
from . import subscription_lines as lines
from . import subscription_parts as parts
from .clocks import later, now_of, timed
from .fields import change, tell
from .periods import DAY
from .subscription_invoices import draw_up, may_be_paid
from .subscription_states import LIVE, move, over

Item = dict[str, Any]
HOUR = 3_600
UNPAID_FOR = 23 * HOUR  # docs.stripe.com/billing/subscriptions/overview: an incomplete one has 23 hours
WARNING = 3 * DAY  # before a trial ends
UPCOMING = 7 * DAY  # before a renewal, `invoice.upcoming` is told (an account's setting at Stripe: 3 to 45 days)


def arm(ctx: Context, subscription: Entity) -> None:
    """Put off what is to happen to a subscription next."""
    if over(subscription) or subscription["status"] == "paused":
        return
    customer, payload = subscription["customer"], {"subscription": subscription.id}
    boundary = next_boundary(subscription)
    later(ctx, customer, boundary, "subscription_cycle", payload)
    if boundary - UPCOMING > now_of(ctx, customer):
        later(ctx, customer, boundary - UPCOMING, "invoice_upcoming", payload | {"boundary": boundary})
    if subscription["cancel_at"] is not None:
        later(ctx, customer, subscription["cancel_at"], "subscription_cancels", payload)
    if subscription["status"] == "trialing" and not subscription.get("_warned"):
        warning = max(subscription["trial_end"] - WARNING, now_of(ctx, customer))
        later(ctx, customer, warning, "trial_will_end", payload | {"trial_end": subscription["trial_end"]})
    pause = subscription["pause_collection"]
    if pause and pause["resumes_at"]:
        later(ctx, customer, pause["resumes_at"], "collection_resumes", payload)


def next_boundary(subscription: Entity) -> int:
    """When the first of a subscription's periods ends."""
    first: int = min(item["current_period_end"] for item in subscription["items"]["data"])
    return first


def expire_later(ctx: Context, subscription: Entity) -> None:
    """The first payment has 23 hours."""
    at = subscription["created"] + UNPAID_FOR
    later(ctx, subscription["customer"], at, "subscription_expires", {"subscription": subscription.id})


def finish(ctx: Context, subscription: Entity, at: int, reason: str | None = "cancellation_requested") -> Entity:
    """End a subscription for good. Its open invoices are no longer collected by themselves."""
    details = subscription["cancellation_details"] | ({"reason": reason} if reason else {})
    subscription = move(ctx, subscription, "canceled", None, canceled_at=subscription["canceled_at"] or at, ended_at=at,
                        cancellation_details=details, pending_update=None)  # fmt: skip
    for status in ("draft", "open"):
        for invoice in ctx.list("invoice", _subscription=subscription.id, status=status):
            ctx.update(invoice, auto_advance=False, next_payment_attempt=None, automatically_finalizes_at=None)
    tell(ctx, "customer.subscription.deleted", subscription)
    subscription_effects.ended(ctx, subscription)
    return subscription


@timed("subscription_cycle")
def cycle(ctx: Context, payload: dict[str, Any]) -> None:
    """A period is over: bill what was used, begin the next one and bill that."""
    subscription, at = ctx.find("subscription", payload["subscription"]), payload["at"]
    if subscription is None or subscription["status"] not in LIVE:
        return
    if subscription["schedule"]:
        subscription_effects.renewing(ctx, subscription, at)
        subscription = ctx.get("subscription", subscription.id)
    due = [item["id"] for item in subscription["items"]["data"] if item["current_period_end"] <= at]
    if not due or subscription["status"] not in LIVE:
        return
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= at:
        _last_bill(ctx, subscription, due)
        finish(ctx, subscription, subscription["cancel_at"])
    elif subscription["status"] == "trialing" and subscription["trial_end"] <= at:
        end_trial(ctx, subscription, at)
    else:
        renew(ctx, subscription, due, at)


def renew(ctx: Context, subscription: Entity, due: list[str], at: int) -> Entity:
    """Move items that are due on to their next period, and draw the invoice up."""
    anchor = subscription["billing_cycle_anchor"]
    was_trial = subscription["status"] == "trialing"
    asked, items = [], []
    for item in subscription["items"]["data"]:
        if item["id"] not in due:
            items.append(item)
            continue
        begun = item["current_period_end"]
        used = None if was_trial else lines.in_arrears(ctx, subscription, item, item["current_period_start"], begun)
        following = parts.with_period(item, anchor, begun)
        fixed = lines.in_advance(ctx, subscription, following)
        asked += [line for line in (used, fixed) if line is not None]
        items.append(following)
    span = {
        "period_start": min(item["current_period_start"] for item in subscription["items"]["data"]),
        "period_end": at,
    }
    holds = subscription["pause_collection"]
    kept = subscription["status"] == "unpaid" or (holds is not None and holds["behavior"] == "keep_as_draft")
    before = subscription
    subscription = ctx.update(subscription, items=parts.store(ctx, subscription.id, items))
    invoice = draw_up(
        ctx, subscription, asked, "subscription_cycle", **span, **({"auto_advance": False} if kept else {})
    )
    subscription = ctx.update(subscription, latest_invoice=invoice.id, items=before["items"])
    subscription = move(
        ctx,
        subscription,
        "active" if was_trial else subscription["status"],
        items=parts.listed(subscription.id, items),
        previous={"latest_invoice": before["latest_invoice"]},
    )
    if holds is not None and not kept:
        _set_aside(ctx, invoice, holds["behavior"])
    subscription = ctx.get("subscription", subscription.id)
    arm(ctx, subscription)
    return subscription


def _set_aside(ctx: Context, invoice: Entity, behavior: str) -> None:
    """What paused collection does with an invoice; one of nothing is paid by being finalized."""
    invoice = invoicing.finalize(ctx, invoice, auto_advance=False)
    if invoice["status"] == "open":
        (invoicing.void if behavior == "void" else invoicing.mark_uncollectible)(ctx, invoice)


def end_trial(ctx: Context, subscription: Entity, at: int) -> Entity:
    """A trial is over. Without anything to pay with, it ends as the subscription's `trial_settings` say."""
    automatic = subscription["collection_method"] == "charge_automatically"
    ending = (subscription["trial_settings"] or {}).get("end_behavior", {}).get("missing_payment_method")
    if automatic and ending in {"cancel", "pause"} and not may_be_paid(ctx, subscription):
        if ending == "cancel":
            return finish(ctx, subscription, at, None)
        subscription = move(ctx, subscription, "paused", "customer.subscription.updated")
        tell(ctx, "customer.subscription.paused", subscription)
        return subscription
    due = [item["id"] for item in subscription["items"]["data"]]
    return renew(ctx, subscription, due, at)


def _last_bill(ctx: Context, subscription: Entity, due: list[str]) -> None:
    """What was used in the last period is billed as a subscription ends."""
    items = [item for item in subscription["items"]["data"] if item["id"] in due]
    found = (
        lines.in_arrears(ctx, subscription, item, item["current_period_start"], item["current_period_end"])
        for item in items
    )
    asked = [line for line in found if line is not None]
    if asked:
        invoice = draw_up(ctx, subscription, asked, "subscription_cycle")
        ctx.update(subscription, latest_invoice=invoice.id)


@timed("subscription_cancels")
def cancels(ctx: Context, payload: dict[str, Any]) -> None:
    """The time has come that `cancel_at` said."""
    subscription = ctx.find("subscription", payload["subscription"])
    if subscription is not None and not over(subscription) and subscription["cancel_at"] == payload["at"]:
        due = [item["id"] for item in subscription["items"]["data"] if lines.metered(item)]
        _last_bill(ctx, subscription, due)
        finish(ctx, subscription, payload["at"])


@timed("subscription_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody has paid the first invoice: it is void, and the subscription never was."""
    subscription = ctx.find("subscription", payload["subscription"])
    if subscription is None or subscription["status"] != "incomplete":
        return
    invoice = ctx.find("invoice", subscription["latest_invoice"])
    subscription = move(ctx, subscription, "incomplete_expired", ended_at=payload["at"])
    if invoice is not None and invoice["status"] == "open":
        invoicing.void(ctx, invoice)


@timed("trial_will_end")
def trial_will_end(ctx: Context, payload: dict[str, Any]) -> None:
    """Three days before the end of a trial, or at once where it is shorter."""
    subscription = ctx.find("subscription", payload["subscription"])
    if subscription is None or subscription["status"] != "trialing" or subscription.get("_warned"):
        return
    if subscription["trial_end"] == payload["trial_end"]:
        tell(ctx, "customer.subscription.trial_will_end", ctx.update(subscription, _warned=True))


@timed("collection_resumes")
def collection_resumes(ctx: Context, payload: dict[str, Any]) -> None:
    """The pause of `pause_collection` is over."""
    subscription = ctx.find("subscription", payload["subscription"])
    if subscription is None or over(subscription) or not subscription["pause_collection"]:
        return
    if subscription["pause_collection"]["resumes_at"] == payload["at"]:
        change(ctx, subscription, "customer.subscription.updated", pause_collection=None)
