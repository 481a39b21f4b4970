"""Test clocks: a time of its own for some customers. Advancing one advances the world by as much, job by job."""

from typing import Any

from childproof.stubkit import Context, Entity, Refusal, job, operation

from .clocks import CLOCK
from .fields import change, new, page, tell

DAY = 86_400
KEPT = 30 * DAY  # docs.stripe.com/api/test_clocks: clocks are deleted 30 days after they are made
MOST_RENEWALS = 250  # of all subscriptions that live on until then: each is an invoice, and other calls wait meanwhile
FURTHEST = 2 * 366 * DAY  # without a subscription that bounds it (docs.stripe.com/billing/testing/test-clocks)
INTERVALS = {"day": DAY, "week": 7 * DAY, "month": 31 * DAY, "year": 366 * DAY}


@operation("POST /v1/test_helpers/test_clocks")
def create(ctx: Context) -> Entity:
    """A clock that stands at `frozen_time`."""
    frozen = ctx.body["frozen_time"]
    clock = new(
        ctx,
        CLOCK,
        frozen_time=frozen,
        name=ctx.body.get("name"),
        deletes_after=ctx.now() + KEPT,
        status="ready",
        status_details={},
        _now=frozen,
        _until=None,
        _base=0,
        _agenda=[],
        _asked=0,
    )
    tell(ctx, "test_helpers.test_clock.created", clock)
    if ctx.body.get("customer"):
        customer = ctx.get("customer", ctx.body["customer"], param="customer")
        if ctx.list("subscription", limit=1, customer=customer.id):
            message = "You cannot add a customer that has subscriptions to a test clock."
            raise Refusal(400, None, message, param="customer")
        ctx.update(customer, test_clock=clock.id)
    return clock


@operation("GET /v1/test_helpers/test_clocks")
def list_clocks(ctx: Context) -> dict[str, Any]:
    """Clocks, newest first."""
    return page(ctx, CLOCK)


@operation("POST /v1/test_helpers/test_clocks/{test_clock}/advance")
def advance(ctx: Context, test_clock: str) -> Entity:
    """Let the clock's time pass, and the world's with it: `advancing` in the reply, `ready` once all that is due was done."""
    clock = ctx.get(CLOCK, test_clock)
    until, now = ctx.body["frozen_time"], clock["_now"]
    if clock["status"] != "ready":
        message = f"This test clock is {clock['status'].replace('_', ' ')}; it can only be advanced when it is ready."
        raise Refusal(400, None, message)
    if until <= now:
        message = f"The new frozen time ({until}) must be after the current frozen time ({now})."
        raise Refusal(400, None, message, param="frozen_time")
    if until - now > furthest(ctx, clock):
        message = (
            "You cannot advance a test clock by more than two intervals at a time; the interval is that of the shortest "
            "subscription of the clock's customers."
        )
        raise Refusal(400, None, message, param="frozen_time")
    due = renewals(ctx, clock, until - now)
    if due > MOST_RENEWALS:
        message = (
            f"Advancing this test clock so far would renew subscriptions {due} times, and it can renew them at most "
            f"{MOST_RENEWALS} times at a time. Advance it by less."
        )
        raise Refusal(400, None, message, param="frozen_time")
    base = ctx.now_ms() - now * 1000
    clock = change(ctx, clock, "test_helpers.test_clock.advancing", status="advancing",
                   status_details={"advancing": {"target_frozen_time": until}}, _until=until, _base=base)  # fmt: skip
    for entry in sorted(clock["_agenda"], key=lambda entry: (entry["at"], entry["turn"])):
        if entry["at"] <= until:
            ctx.schedule(max(0, entry["at"] - now) * 1000, entry["job"], entry["payload"])
    ctx.schedule((until - now) * 1000, "test_clock_arrives", {"clock": clock.id})
    ctx.advance((until - now) * 1000)
    return clock


@operation("DELETE /v1/test_helpers/test_clocks/{test_clock}")
def delete(ctx: Context, test_clock: str) -> dict[str, Any]:
    """Delete a clock with its customers; their subscriptions are canceled silently, as at Stripe."""
    clock = ctx.get(CLOCK, test_clock)
    for customer in ctx.list("customer", test_clock=clock.id):
        for subscription in ctx.list("subscription", customer=customer.id):
            if subscription["ended_at"] is None:
                ctx.update(subscription, status="canceled", canceled_at=clock["_now"], ended_at=clock["_now"])
        ctx.delete(customer)
    tell(ctx, "test_helpers.test_clock.deleted", clock)
    ctx.delete(clock)
    return {"id": clock.id, "object": CLOCK, "deleted": True}


@job("test_clock_arrives")
def arrive(ctx: Context, payload: dict[str, Any]) -> None:
    """The clock has reached its time; `internal_failure` where something that was due until then could not be done."""
    clock = ctx.find(CLOCK, payload["clock"])
    if clock is None or clock["status"] != "advancing":
        return
    until = clock["_until"]
    left = sum(entry["at"] <= until for entry in clock["_agenda"])
    if left and left != payload.get("left"):  # jobs that jobs have put off until this very moment
        ctx.schedule(0, "test_clock_arrives", {"clock": clock.id, "left": left})
        return
    status = "internal_failure" if left else "ready"
    change(ctx, clock, f"test_helpers.test_clock.{status}", status=status, status_details={}, frozen_time=until,
           _now=until, _until=None)  # fmt: skip


def furthest(ctx: Context, clock: Entity) -> int:
    """How many seconds a clock may be advanced by: two intervals of the shortest subscription of its customers."""
    spans = [
        span
        for customer in ctx.list("customer", test_clock=clock.id)
        for subscription in ctx.list("subscription", customer=customer.id)
        for span in intervals(subscription)
    ]
    return 2 * min(spans) if spans else FURTHEST


def renewals(ctx: Context, clock: Entity, seconds: int) -> int:
    """How many renewals the time brings: the world's subscriptions without a clock live on with those of this one."""
    subscriptions = ctx.list("subscription", ended_at=None)
    living = (one for one in subscriptions if one.get("test_clock") in {None, clock.id})
    return sum(seconds // min(spans) for spans in map(intervals, living) if spans)


def intervals(subscription: Entity) -> list[int]:
    """How many seconds the prices of a subscription are for, at most; none of one that has ended."""
    if subscription["ended_at"] is not None:
        return []
    recurring = [item["price"]["recurring"] for item in subscription["items"]["data"]]
    return [INTERVALS[one["interval"]] * one["interval_count"] for one in recurring]
