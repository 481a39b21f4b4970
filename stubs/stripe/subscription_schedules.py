"""Subscription schedules: what a subscription will be, phase by phase. Their states are in stub.yaml; the clock moves them.

docs.stripe.com/billing/subscriptions/subscription-schedules
"""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, merged_metadata, operation

from . import schedule_phases as phases
from .clocks import lives_by, now_of
from .fields import change, new, page, required, since, tell
from .schedule_clock import arm, begin, current, enter
from .subscriptions import cancel_now

OPEN = frozenset({"not_started", "active"})
EVENT = "subscription_schedule"


@operation("POST /v1/subscription_schedules")
def create(ctx: Context) -> Entity:
    """A schedule: of phases that are given, from now or later; or of a subscription as it is."""
    body = ctx.body
    if body.get("from_subscription"):
        return _from_subscription(ctx, body)
    customer = ctx.get("customer", required(body, "customer"), param="customer")
    now = now_of(ctx, customer.id)
    given = body.get("start_date", "now")
    start = now if given == "now" else int(given)
    made = _new(ctx, customer, phases.read(ctx, body.get("phases") or [], start), body)
    tell(ctx, f"{EVENT}.created", made)
    if start <= now:
        made = begin(ctx, made, start)
    arm(ctx, made)
    return made


@operation("GET /v1/subscription_schedules")
def list_schedules(ctx: Context) -> dict[str, Any]:
    """Schedules, newest first."""
    query = ctx.query
    where = {"customer": query["customer"]} if query.get("customer") else {}
    if query.get("scheduled"):
        where["status"] = "not_started"
    return page(ctx, since(ctx, ctx.list("subscription_schedule", **where)))


@operation("POST /v1/subscription_schedules/{schedule}")
def update(ctx: Context, schedule: str) -> Entity:
    """Change a schedule that is not over; other phases take effect at once where the present one is among them."""
    found = _open(ctx, schedule, "update")
    body = ctx.body
    fields: dict[str, Any] = {}
    if "metadata" in body:
        fields["metadata"] = merged_metadata(found["metadata"], body["metadata"])
    if body.get("end_behavior"):
        fields["end_behavior"] = _end_behavior(body)
    if isinstance(body.get("default_settings"), dict):
        fields["default_settings"] = found["default_settings"] | phases.settings(
            found["default_settings"] | body["default_settings"]
        )
    asked = body.get("phases")
    if not asked:
        return change(ctx, found, f"{EVENT}.updated", **fields)
    start = _start(ctx, found, asked[0])
    fields["phases"] = phases.read(ctx, asked, start)
    fields["_version"] = found["_version"] + 1
    now = now_of(ctx, found["customer"])
    place = current(fields["phases"], now)
    if found["status"] == "active":
        if place is None:
            message = "The phases must include the current one, so that the subscription knows what it is."
            raise Refusal(400, None, message, param="phases")
        fields["current_phase"] = _span(fields["phases"][place])
    found = change(ctx, found, f"{EVENT}.updated", **fields)
    if found["status"] == "active" and place is not None:
        enter(ctx, found, place, body.get("proration_behavior"))
    elif start <= now:
        found = begin(ctx, found, start)
    found = ctx.get("subscription_schedule", found.id)
    arm(ctx, found)
    return found


@operation("POST /v1/subscription_schedules/{schedule}/cancel")
def cancel(ctx: Context, schedule: str) -> Entity:
    """Give a schedule up, and cancel its subscription at once. One that has not begun is told of as aborted, too."""
    found = _open(ctx, schedule, "cancel")
    started = found["status"] == "active"
    now = now_of(ctx, found["customer"])
    found = ctx.move(found, "canceled", canceled_at=now, current_phase=None)
    subscription = ctx.find("subscription", found["subscription"]) if found["subscription"] else None
    if subscription is not None and subscription["ended_at"] is None:
        given = {name: ctx.body.get(name, True) for name in ("invoice_now", "prorate")}
        cancel_now(ctx, subscription, given)
    tell(ctx, f"{EVENT}.canceled", found)
    if not started:
        tell(ctx, f"{EVENT}.aborted", found)
    return found


@operation("POST /v1/subscription_schedules/{schedule}/release")
def release(ctx: Context, schedule: str) -> Entity:
    """Let the subscription go on by itself."""
    found = _open(ctx, schedule, "release")
    name = found["subscription"]
    subscription = ctx.find("subscription", name) if name else None
    if subscription is not None:
        fields: dict[str, Any] = {"schedule": None}
        if not ctx.body.get("preserve_cancel_date") and found["end_behavior"] == "cancel":
            fields |= {"cancel_at": None}
        change(ctx, subscription, "customer.subscription.updated", **fields)
    found = ctx.move(found, "released", released_at=now_of(ctx, found["customer"]), released_subscription=name,
                     subscription=None, current_phase=None)  # fmt: skip
    tell(ctx, f"{EVENT}.released", found)
    return found


def _from_subscription(ctx: Context, body: dict[str, Any]) -> Entity:
    """A schedule that goes on with what a subscription does."""
    others = sorted(set(body) - {"from_subscription", "expand"})
    if others:
        message = f"You cannot set `{others[0]}` if `from_subscription` is set."
        raise Refusal(400, None, message, param=others[0])
    subscription = ctx.get("subscription", body["from_subscription"], param="from_subscription")
    if subscription["schedule"]:
        message = (
            f"You cannot migrate a subscription that is already attached to a schedule: {subscription['schedule']}."
        )
        raise Refusal(400, None, message, param="from_subscription")
    if subscription["ended_at"] is not None:
        message = "You cannot migrate a subscription that has ended."
        raise Refusal(400, None, message, param="from_subscription")
    customer = ctx.get("customer", subscription["customer"])
    phase = phases.of_subscription(subscription)
    made = _new(ctx, customer, [phase], {"end_behavior": "release"})
    made = ctx.move(made, "active", subscription=subscription.id, current_phase=_span(phase))
    change(ctx, subscription, "customer.subscription.updated", schedule=made.id)
    tell(ctx, f"{EVENT}.created", made)
    arm(ctx, made)
    return made


def _new(ctx: Context, customer: Entity, found: list[dict[str, Any]], body: dict[str, Any]) -> Entity:
    clock = lives_by(ctx, customer.get("test_clock")) or {"created": ctx.now(), "test_clock": None}
    mode = body.get("billing_mode") or {"type": "flexible"}
    flexible = (
        {"proration_discounts": "included"} | (mode.get("flexible") or {}) if mode["type"] == "flexible" else None
    )
    return new(
        ctx,
        "subscription_schedule",
        **clock,
        application=None,
        billing_mode={"flexible": flexible, "type": mode["type"]},
        canceled_at=None,
        completed_at=None,
        current_phase=None,
        customer=customer.id,
        default_settings=phases.settings(body.get("default_settings")),
        end_behavior=_end_behavior(body),
        metadata=merged_metadata({}, body.get("metadata")),
        phases=found,
        released_at=None,
        released_subscription=None,
        status="not_started",
        subscription=None,
        _version=1,
    )


def _end_behavior(body: dict[str, Any]) -> str:
    """Older clients say `none` and `renew`."""
    given = body.get("end_behavior") or "release"
    return {"none": "cancel", "renew": "release"}.get(given, str(given))


def _start(ctx: Context, schedule: Entity, first: dict[str, Any]) -> int:
    given = first.get("start_date")
    if given == "now":
        return now_of(ctx, schedule["customer"])
    if given is not None:
        return int(given)
    held = schedule["current_phase"] or schedule["phases"][0]
    return int(held["start_date"])


def _span(phase: dict[str, Any]) -> dict[str, Any]:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}


def _open(ctx: Context, schedule: str, what: str) -> Entity:
    found = ctx.get("subscription_schedule", schedule)
    if found["status"] not in OPEN:
        message = (
            f"You cannot {what} a subscription schedule that is currently in the `{found['status']}` status. It must be in "
            "the `not_started` or `active` status."
        )
        raise Refusal(400, None, message)
    return found
