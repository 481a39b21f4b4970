"""Changes to what a subscription bills: other items, quantities and prices, trials, a new anchor; and what they are worth.

Plain fields change nothing else and are `subscription_fields.py`'s. What is given back and what is to be paid for the rest
of a period are lines of their own, to the second (docs.stripe.com/billing/subscriptions/prorations); they wait for the next
invoice, or are billed at once with `always_invoice` and wherever a change begins a new period.
"""

from dataclasses import dataclass, field
from typing import Any

from childproof.stubkit import Context, Entity, Refusal

from . import invoicing
from . import subscription_lines as lines
from . import subscription_parts as parts
from .clocks import later, now_of, timed
from .fields import tell
from .periods import Interval
from .proration_items import put_off
from .subscription_cycle import arm, end_trial
from .subscription_invoices import collect_now, draw_up
from .subscription_making import check_trial_end, extra
from .subscription_states import move

Item = dict[str, Any]
PENDING_FOR = 23 * 3_600  # docs.stripe.com/billing/subscriptions/pending-updates
PENDING_ALLOWED = frozenset(
    {"expand", "items", "payment_behavior", "proration_behavior", "proration_date", "billing_cycle_anchor", "trial_end",
     "trial_from_plan", "add_invoice_items", "off_session", "discounts"}
)  # fmt: skip


@dataclass
class Change:
    """What a request makes of a subscription's items, and the lines that follow. `anew`: a new period begins now."""

    items: list[Item]
    fields: dict[str, Any] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    anew: bool = False
    trial_over: bool = False


def billing_change(ctx: Context, subscription: Entity, body: dict[str, Any]) -> Change | None:
    """What a request changes of what is billed; None where it is nothing."""
    now = now_of(ctx, subscription["customer"])
    moment = body.get("proration_date") or now
    old = list(subscription["items"]["data"])
    items = _items(ctx, subscription, old, body.get("items") or [], now)
    change = Change(items)
    trial = body.get("trial_end")
    anchor_now = body.get("billing_cycle_anchor") == "now"
    if trial == "now":
        change.trial_over = subscription["status"] == "trialing"
        trial = None
    if items == old and trial is None and not anchor_now and not change.trial_over:
        return None
    parts.check(items)
    if trial is not None:
        _begin_trial(ctx, subscription, change, int(trial), now)
    elif subscription["status"] == "trialing" or change.trial_over:
        change.items = [_same_period(item, old[0]) for item in items]
    else:
        _price(ctx, subscription, change, old, moment, anchor_now=anchor_now, body=body)
    return change


def apply(ctx: Context, subscription: Entity, change: Change, body: dict[str, Any], **fields: Any) -> Entity:
    """Make a change, with the plain fields that the same request changes, and bill what it is worth."""
    behavior = body.get("payment_behavior") or "allow_incomplete"
    prorates = body.get("proration_behavior") or "create_prorations"
    extras = [extra(ctx, subscription, given, place) for place, given in enumerate(body.get("add_invoice_items") or ())]
    at_once = change.anew or (prorates == "always_invoice" and bool(change.lines)) or bool(extras)
    if behavior == "pending_if_incomplete" and at_once:
        return _pending(ctx, subscription, change, [*change.lines, *extras], body)
    items = parts.store(ctx, subscription.id, change.items)
    was_trial = subscription["status"]
    status = change.fields.pop("status", was_trial)
    if change.trial_over:
        subscription = ctx.update(subscription, **fields)
        return end_trial_now(ctx, ctx.update(subscription, items=items), body)
    if not at_once:
        for line in change.lines:
            put_off(ctx, subscription, line)
        subscription = move(ctx, subscription, status, items=items, **change.fields, **fields)
        arm(ctx, subscription)
        return subscription
    before = subscription
    making = ctx.update(subscription, items=items, **change.fields, **fields, _making=True)
    invoice = draw_up(ctx, making, [*change.lines, *extras], "subscription_update")
    making = ctx.update(making, latest_invoice=invoice.id)
    collect_now(ctx, making, invoice, behavior, off_session=bool(body.get("off_session")))
    after = ctx.get("subscription", subscription.id)
    if behavior == "default_incomplete" and ctx.get("invoice", invoice.id)["status"] == "open" and (
        after["status"] == "active"
    ):  # fmt: skip
        after = ctx.move(after, "past_due")
    after = ctx.update(after, _making=False)
    changed = {
        name: before.get(name)
        for name, value in after.items()
        if not name.startswith("_") and before.get(name) != value
    }
    tell(ctx, "customer.subscription.updated", after, previous_attributes=changed)
    arm(ctx, after)
    return after


def end_trial_now(ctx: Context, subscription: Entity, body: dict[str, Any]) -> Entity:
    """`trial_end=now`: the trial's period ends at this moment, and the first one that is paid begins."""
    now = now_of(ctx, subscription["customer"])
    items = [item | {"current_period_end": now} for item in subscription["items"]["data"]]
    subscription = ctx.update(subscription, billing_cycle_anchor=now, trial_end=now,
                              items=parts.listed(subscription.id, items))  # fmt: skip
    after = end_trial(ctx, subscription, now)
    invoice = ctx.find("invoice", after["latest_invoice"])
    if after["status"] == "active" and invoice is not None and invoice["status"] == "draft":
        behavior = body.get("payment_behavior") or "allow_incomplete"
        collect_now(ctx, after, invoice, behavior, off_session=bool(body.get("off_session")))
    return ctx.get("subscription", after.id)


def apply_pending(ctx: Context, subscription: Entity, invoice: Entity) -> None:
    """The invoice of a pending update was paid: what was asked for is done."""
    if subscription["pending_update"] is None or subscription.get("_pending_invoice") != invoice.id:
        return
    waiting = subscription["_pending"]
    items = parts.store(ctx, subscription.id, waiting["items"])
    subscription = move(ctx, subscription, subscription["status"], items=items, latest_invoice=invoice.id,
                        pending_update=None, _pending=None, _pending_invoice=None, **waiting["fields"])  # fmt: skip
    tell(ctx, "customer.subscription.pending_update_applied", subscription)
    arm(ctx, subscription)


@timed("pending_update_expires")
def pending_update_expires(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody has paid for a pending update in time: it is dropped, and its invoice with it."""
    subscription = ctx.find("subscription", payload["subscription"])
    if subscription is None or subscription.get("_pending_invoice") != payload["invoice"]:
        return
    subscription = move(ctx, subscription, subscription["status"], pending_update=None, _pending=None,
                        _pending_invoice=None)  # fmt: skip
    tell(ctx, "customer.subscription.pending_update_expired", subscription)
    invoice = ctx.find("invoice", payload["invoice"])
    if invoice is not None and invoice["status"] == "open":
        invoicing.void(ctx, invoice)


def _items(ctx: Context, subscription: Entity, old: list[Item], asked: list[dict[str, Any]], now: int) -> list[Item]:
    """The items after a request: those it names changed or taken out, those without an id new."""
    found = {item["id"]: item for item in old}
    for place, given in enumerate(asked):
        param = f"items[{place}]"
        name = given.get("id")
        if name is None:
            made = parts.make(ctx, subscription.id, subscription["customer"], given, param, now=now)
            found[made["id"]] = _same_period(made, old[0]) if old else made
            continue
        if name not in found:
            raise Refusal(400, "resource_missing", f"No such subscription item: '{name}'", param=f"{param}[id]")
        if given.get("deleted"):
            del found[name]
        else:
            found[name] = parts.changed(ctx, found[name], subscription["customer"], given, param)
    if not found:
        message = "A subscription must have at least one active plan."
        raise Refusal(400, None, message, param="items")
    return list(found.values())


def _price(
    ctx: Context,
    subscription: Entity,
    change: Change,
    old: list[Item],
    moment: int,
    *,
    anchor_now: bool,
    body: dict[str, Any],
) -> None:
    """Set the periods of changed items, and the lines of what is given back and what is to be paid."""
    held = {item["id"]: item for item in old}
    now = now_of(ctx, subscription["customer"])
    change.anew = anchor_now or any(
        item["id"] in held and Interval.of(item["price"]) != Interval.of(held[item["id"]]["price"])
        for item in change.items
    )
    prorates = body.get("proration_behavior") != "none"
    kept = {item["id"]: item for item in change.items}
    after: list[Item] = []
    owed: list[dict[str, Any] | None] = []
    anchor = now if change.anew else subscription["billing_cycle_anchor"]
    for item in old:
        unchanged = not change.anew and _worth(kept.get(item["id"])) == _worth(item)
        if prorates and not unchanged:
            owed.append(lines.prorated(ctx, subscription, item, moment, refund=True))
        if change.anew and lines.metered(item):
            owed.append(lines.in_arrears(ctx, subscription, item, item["current_period_start"], now))
    for item in change.items:
        before = held.get(item["id"])
        if change.anew:
            fresh = parts.with_period(item, anchor, now)
            owed.append(lines.in_advance(ctx, subscription, fresh))
        else:
            interval = Interval.of(item["price"])
            fresh = item if before is not None else parts.with_period(item, anchor, interval.before(anchor, now))
            if prorates and _worth(before) != _worth(fresh):
                owed.append(lines.prorated(ctx, subscription, fresh, moment, refund=False))
        after.append(fresh)
    change.items = after
    change.lines = [line for line in owed if line is not None]
    if change.anew:
        change.fields["billing_cycle_anchor"] = now


def _begin_trial(ctx: Context, subscription: Entity, change: Change, until: int, now: int) -> None:
    """A trial until a time: nothing is owed until then, the unused rest of what was paid is given back."""
    check_trial_end(until, now)
    if subscription["status"] != "trialing":
        back = (lines.prorated(ctx, subscription, item, now, refund=True) for item in subscription["items"]["data"])
        change.lines = [line for line in back if line is not None]
        change.fields |= {"trial_start": now, "_warned": False}
    span = {"current_period_end": until} | (
        {} if subscription["status"] == "trialing" else {"current_period_start": now}
    )
    change.items = [item | span for item in change.items]
    change.fields |= {"status": "trialing", "trial_end": until, "billing_cycle_anchor": until, "_warned": False}


def _pending(
    ctx: Context, subscription: Entity, change: Change, asked: list[dict[str, Any]], body: dict[str, Any]
) -> Entity:
    """Bill a change before it is made; where the payment fails, the change waits for it."""
    refused = sorted(set(body) - PENDING_ALLOWED)
    if refused:
        message = f"`payment_behavior=pending_if_incomplete` can't be used together with `{refused[0]}`."
        raise Refusal(400, None, message, param=refused[0])
    invoice = draw_up(ctx, subscription, asked, "subscription_update")
    waiting = {"items": change.items, "fields": change.fields}
    expires = now_of(ctx, subscription["customer"]) + PENDING_FOR
    pending = {
        "billing_cycle_anchor": change.fields.get("billing_cycle_anchor"),
        "discounts": None,
        "expires_at": expires,
        "metadata": None,
        "subscription_items": change.items,
        "trial_end": change.fields.get("trial_end"),
        "trial_from_plan": None,
    }
    making = ctx.update(
        subscription, pending_update=pending, _pending=waiting, _pending_invoice=invoice.id, _making=True
    )
    collect_now(ctx, making, invoice, "allow_incomplete", off_session=bool(body.get("off_session")))
    after = ctx.update(ctx.get("subscription", subscription.id), _making=False)
    if after["pending_update"] is None:
        after = ctx.update(after, latest_invoice=invoice.id)
    else:
        payload = {"subscription": after.id, "invoice": invoice.id}
        later(ctx, after["customer"], expires, "pending_update_expires", payload)
    changed = {
        name: subscription.get(name)
        for name, value in after.items()
        if not name.startswith("_") and subscription.get(name) != value
    }
    tell(ctx, "customer.subscription.updated", after, previous_attributes=changed)
    return after


def _worth(item: Item | None) -> Any:
    """What an item's cost follows from."""
    return None if item is None else (item["price"]["id"], item.get("quantity"))


def _same_period(item: Item, other: Item) -> Item:
    return item | {name: other[name] for name in ("current_period_start", "current_period_end")}
