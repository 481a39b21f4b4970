"""Subscriptions: what is paid again and again. Made, changed, paused, resumed, canceled; the clock's part is elsewhere.

`subscription_making.py` has new ones, `subscription_changing.py` what changes of items are worth, `subscription_cycle.py`
renewals, and `subscription_fates.py` what becomes of one whose invoice is paid or not.
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import invoicing
from . import subscription_lines as lines
from . import subscription_parts as parts
from .clocks import now_of
from .discounts import make as make_discounts
from .discounts import wanted
from .fields import page, since, tell
from .proration_items import put_off
from .subscription_changing import Change, apply, billing_change
from .subscription_cycle import arm, finish, next_boundary
from .subscription_fields import simple
from .subscription_invoices import collect_now, draw_up
from .subscription_making import make
from .subscription_states import move, over

ONLY_DETAILS = frozenset({"cancellation_details", "metadata", "expand"})
ENDED = "A canceled subscription can only update its cancellation_details and metadata."


@operation("POST /v1/subscriptions")
def create(ctx: Context) -> Entity:
    """A subscription; its first invoice is paid, or tried to be, in the same call."""
    return make(ctx, ctx.body)


@operation("POST /v1/customers/{customer}/subscriptions")
def create_for_customer(ctx: Context, customer: str) -> Entity:
    """The older address of the same."""
    return make(ctx, ctx.body | {"customer": customer})


@operation("GET /v1/subscriptions")
def list_subscriptions(ctx: Context) -> dict[str, Any]:
    """Subscriptions, newest first; without a `status`, those that have not ended."""
    return _listed(ctx, ctx.query.get("customer"))


@operation("GET /v1/customers/{customer}/subscriptions")
def list_of_customer(ctx: Context, customer: str) -> dict[str, Any]:
    """A customer's subscriptions that have not ended."""
    return _listed(ctx, ctx.get("customer", customer).id)


@operation("GET /v1/subscriptions/{subscription_exposed_id}")
def retrieve(ctx: Context, subscription_exposed_id: str) -> Entity:
    """A subscription, whatever its status."""
    return ctx.get("subscription", subscription_exposed_id)


@operation("GET /v1/customers/{customer}/subscriptions/{subscription_exposed_id}")
def retrieve_of_customer(ctx: Context, customer: str, subscription_exposed_id: str) -> Entity:
    """The older address of the same."""
    return _of_customer(ctx, customer, subscription_exposed_id)


@operation("POST /v1/subscriptions/{subscription_exposed_id}")
def update(ctx: Context, subscription_exposed_id: str) -> Entity:
    """Change a subscription; what that is worth within the period is billed as the request says."""
    return change_by(ctx, ctx.get("subscription", subscription_exposed_id), ctx.body)


@operation("POST /v1/customers/{customer}/subscriptions/{subscription_exposed_id}")
def update_of_customer(ctx: Context, customer: str, subscription_exposed_id: str) -> Entity:
    """The older address of the same."""
    return change_by(ctx, _of_customer(ctx, customer, subscription_exposed_id), ctx.body)


@operation("DELETE /v1/subscriptions/{subscription_exposed_id}")
def cancel(ctx: Context, subscription_exposed_id: str) -> Entity:
    """Cancel at once. `prorate` gives the rest of the period back, `invoice_now` bills what is waiting."""
    return cancel_now(ctx, ctx.get("subscription", subscription_exposed_id), ctx.body | ctx.query)


@operation("DELETE /v1/customers/{customer}/subscriptions/{subscription_exposed_id}")
def cancel_of_customer(ctx: Context, customer: str, subscription_exposed_id: str) -> Entity:
    """The older address of the same; `at_period_end` only marks it."""
    found = _of_customer(ctx, customer, subscription_exposed_id)
    given = ctx.body | ctx.query
    if given.get("at_period_end") in {True, "true"}:
        return change_by(ctx, found, {"cancel_at_period_end": True})
    return cancel_now(ctx, found, given)


@operation("POST /v1/subscriptions/{subscription}/resume")
def resume(ctx: Context, subscription: str) -> Entity:
    """Go on with a subscription that was paused for lack of a payment method: it is active once its invoice is paid."""
    found = ctx.get("subscription", subscription)
    if found["status"] != "paused":
        message = f"Only subscriptions with a status of `paused` can be resumed. This one is `{found['status']}`."
        raise Refusal(400, None, message)
    now = now_of(ctx, found["customer"])
    items = found["items"]["data"]
    if ctx.body.get("billing_cycle_anchor") != "unchanged":
        items = [parts.with_period(item, now, now) for item in items]
        found = ctx.update(found, billing_cycle_anchor=now)
    else:
        anchor = found["billing_cycle_anchor"]
        items = [parts.with_period(item, anchor, max(now, item["current_period_start"])) for item in items]
    found = ctx.update(found, items=parts.store(ctx, found.id, items))
    asked = [line for item in items if (line := lines.in_advance(ctx, found, item)) is not None]
    invoice = draw_up(ctx, found, asked, "subscription_update")
    found = ctx.update(found, latest_invoice=invoice.id, _resuming=invoice.id)
    collect_now(ctx, found, invoice, "allow_incomplete", off_session=False)
    return ctx.get("subscription", found.id)


@operation("POST /v1/subscriptions/{subscription}/migrate")
def migrate(ctx: Context, subscription: str) -> Entity:
    """From classic to flexible billing; there is no way back."""
    found = _living(ctx.get("subscription", subscription))
    if found["billing_mode"]["type"] == "flexible":
        raise Refusal(400, None, "This subscription is already in flexible billing mode.", param="billing_mode")
    chosen = (ctx.body["billing_mode"].get("flexible") or {}).get("proration_discounts") or "included"
    mode = {
        "flexible": {"proration_discounts": chosen},
        "type": "flexible",
        "updated_at": now_of(ctx, found["customer"]),
    }
    return move(ctx, found, found["status"], billing_mode=mode)


def change_by(ctx: Context, subscription: Entity, body: dict[str, Any]) -> Entity:
    """Change a subscription as the body of a request says: its plain fields, its end, its items."""
    if over(subscription) and set(body) - ONLY_DETAILS:
        raise Refusal(400, None, ENDED)
    customer = ctx.get("customer", subscription["customer"])
    fields = simple(ctx, body, customer, subscription)
    if "metadata" in body:
        fields["metadata"] = merged_metadata(subscription["metadata"], body["metadata"])
    if over(subscription):
        return move(ctx, subscription, subscription["status"], **fields)
    fields |= _ending(
        ctx, subscription, body, fields.get("cancellation_details") or subscription["cancellation_details"]
    )
    if "pause_collection" in body:
        given = body["pause_collection"]
        fields["pause_collection"] = {"resumes_at": None} | given if given else None
    entries = wanted(body)
    if entries is not None:
        made = make_discounts(ctx, entries, customer=customer.id, subscription=subscription.id)
        fields["discounts"] = [one.id for one in made]
    found = billing_change(ctx, subscription, body)
    if found is not None or body.get("add_invoice_items"):
        return apply(ctx, subscription, found or Change(list(subscription["items"]["data"])), body, **fields)
    after = move(ctx, subscription, subscription["status"], **fields)
    if fields.keys() & {"cancel_at", "pause_collection"}:
        arm(ctx, after)
    return after


def cancel_now(ctx: Context, subscription: Entity, given: dict[str, Any]) -> Entity:
    """Cancel at once; with `prorate` the unused rest is given back, with `invoice_now` on an invoice of its own."""
    if over(subscription):
        raise ctx.not_found("subscription", subscription.id)
    now = now_of(ctx, subscription["customer"])
    items = subscription["items"]["data"]
    asked: list[dict[str, Any] | None] = []
    if given.get("invoice_now") in {True, "true"}:
        asked += [lines.in_arrears(ctx, subscription, item, item["current_period_start"], now) for item in items]
    if given.get("prorate") in {True, "true"} and subscription["status"] in {"active", "past_due"}:
        asked += [lines.prorated(ctx, subscription, item, now, refund=True) for item in items]
    owed = [line for line in asked if line is not None]
    if owed and given.get("invoice_now") in {True, "true"}:
        invoice = draw_up(ctx, subscription, owed, "subscription_update")
        subscription = ctx.update(subscription, latest_invoice=invoice.id)
        collect_now(ctx, subscription, invoice, "allow_incomplete", off_session=True)
        subscription = ctx.get("subscription", subscription.id)
    else:
        for line in owed:
            put_off(ctx, subscription, line)
    details = given.get("cancellation_details")
    if isinstance(details, dict):
        said = {name: value or None for name, value in details.items()}
        subscription = ctx.update(subscription, cancellation_details=subscription["cancellation_details"] | said)
    first = ctx.find("invoice", subscription["latest_invoice"]) if subscription["status"] == "incomplete" else None
    ended = finish(ctx, subscription, now)
    if first is not None and first["status"] == "open":
        invoicing.void(ctx, first)
    return ended


def _ending(ctx: Context, subscription: Entity, body: dict[str, Any], details: dict[str, Any]) -> dict[str, Any]:
    """When a subscription is to end, as a request says: at the end of its period, at a time, or not at all."""
    now = now_of(ctx, subscription["customer"])
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    if "cancel_at_period_end" in body:
        if body["cancel_at_period_end"]:
            details = details | {"reason": "cancellation_requested"}
            return {"cancel_at": next_boundary(subscription), "cancel_at_period_end": True, "canceled_at": now,
                    "cancellation_details": details}  # fmt: skip
        if not subscription["cancel_at_period_end"]:
            return {}
        details = details | {"reason": None}
        return {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None, "cancellation_details": details}
    if "cancel_at" not in body:
        return {}
    given = body["cancel_at"]
    if given in {None, ""}:
        return {"cancel_at": None, "cancel_at_period_end": False, "canceled_at": None}
    named = {"min_period_end": min(ends), "max_period_end": max(ends), "max_billed_until": max(ends)}
    at = named.get(given) or int(given)
    if at <= now:
        raise Refusal(400, None, "`cancel_at` must be a timestamp in the future.", param="cancel_at")
    return {"cancel_at": at, "cancel_at_period_end": False, "canceled_at": now}


def _living(subscription: Entity) -> Entity:
    if over(subscription):
        raise Refusal(400, None, ENDED)
    return subscription


def _of_customer(ctx: Context, customer: str, subscription: str) -> Entity:
    found = ctx.get("subscription", subscription)
    if found["customer"] != ctx.get("customer", customer).id:
        raise ctx.not_found("subscription", subscription)
    return found


def _listed(ctx: Context, customer: str | None) -> dict[str, Any]:
    query = ctx.query
    where = {name: query[name] for name in ("collection_method", "test_clock") if query.get(name)}
    if customer:
        where["customer"] = customer
    status = query.get("status")
    if status and status not in {"all", "ended"}:
        where["status"] = status
    if status == "all" and len(where) == 0 and not query.keys() & {"created", "price"}:
        return page(ctx, "subscription")
    found = since(ctx, ctx.list("subscription", **where))
    if not status:
        found = [one for one in found if not over(one)]
    elif status == "ended":
        found = [one for one in found if over(one)]
    if query.get("price"):
        found = [one for one in found if any(item["price"]["id"] == query["price"] for item in one["items"]["data"])]
    for name in ("current_period_start", "current_period_end"):
        if name in query:
            found = [one for one in found if _within(query[name], [item[name] for item in one["items"]["data"]])]
    return page(ctx, found)


def _within(span: Any, times: list[int]) -> bool:
    if isinstance(span, int):
        return span in times
    least = max(span.get("gte", 0), span.get("gt", -1) + 1)
    most = min(span.get("lte", 1 << 60), span.get("lt", 1 << 60) - 1)
    return any(least <= time <= most for time in times)


def resumed(ctx: Context, subscription: Entity) -> None:
    """A paused subscription's invoice was paid: it goes on."""
    subscription = move(ctx, subscription, "active", _resuming=None)
    tell(ctx, "customer.subscription.resumed", subscription)
    arm(ctx, subscription)
