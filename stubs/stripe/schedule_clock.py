"""What the clock does to subscription schedules: they begin, go on to their next phase, and come to their end."""

from typing import Any

from childproof.stubkit import Context, Entity

from . import schedule_phases as phases
from .clocks import later, now_of, timed
from .fields import change, tell
from .periods import DAY
from .subscription_cycle import finish
from .subscription_effects import after
from .subscription_making import make
from .subscriptions import change_by

# Documented as seven days before the end; Stripe's own command line waits for it nine days before, so it is told then.
EXPIRING = 9 * DAY
EVENT = "subscription_schedule"


def arm(ctx: Context, schedule: Entity) -> None:
    """Put off all that is still to happen to a schedule."""
    if schedule["status"] not in {"not_started", "active"}:
        return
    customer, payload = schedule["customer"], {"schedule": schedule.id, "version": schedule["_version"]}
    begun = (schedule["current_phase"] or {}).get("start_date", -1)
    for phase in schedule["phases"]:
        if phase["start_date"] > begun:
            later(ctx, customer, phase["start_date"], "schedule_phase", payload)
    last = schedule["phases"][-1]
    later(ctx, customer, max(last["end_date"] - EXPIRING, last["start_date"]), "schedule_expires", payload)
    later(ctx, customer, last["end_date"], "schedule_phase", payload)


def current(found: list[dict[str, Any]], at: int) -> int | None:
    """Which of the phases holds at a time."""
    return next((place for place, phase in enumerate(found) if phase["start_date"] <= at < phase["end_date"]), None)


def begin(ctx: Context, schedule: Entity, at: int) -> Entity:
    """The first phase begins: make the subscription. Its first invoice is a draft for an hour, like those of renewals."""
    place = current(schedule["phases"], at) or 0
    phase = schedule["phases"][place]
    body = phases.body_of(schedule, phase) | {"customer": schedule["customer"]}
    late = at < now_of(ctx, schedule["customer"])
    begun = {"backdate_start_date": at} if late else {}
    subscription = make(ctx, body | begun, schedule=schedule.id, start=None if late else at)
    schedule = ctx.move(schedule, "active", subscription=subscription.id, current_phase=_span(phase))
    tell(ctx, f"{EVENT}.updated", schedule, previous_attributes={"current_phase": None, "status": "not_started",
                                                                  "subscription": None})  # fmt: skip
    return schedule


def enter(ctx: Context, schedule: Entity, place: int, proration: str | None = None) -> None:
    """Make the subscription what a phase says."""
    subscription = ctx.find("subscription", schedule["subscription"])
    if subscription is None or subscription["ended_at"] is not None:
        return
    body = phases.body_of(schedule, schedule["phases"][place])
    if proration:
        body["proration_behavior"] = proration
    change_by(ctx, subscription, phases.changes(subscription, body))


@timed("schedule_phase")
def go_on(ctx: Context, payload: dict[str, Any]) -> None:
    """A phase begins, or the last one is over."""
    schedule = ctx.find("subscription_schedule", payload["schedule"])
    if schedule is not None and schedule["_version"] == payload["version"]:
        _arrive(ctx, schedule, payload["at"])


@timed("schedule_expires")
def expires(ctx: Context, payload: dict[str, Any]) -> None:
    """The end of the last phase is near."""
    schedule = ctx.find("subscription_schedule", payload["schedule"])
    if schedule is not None and schedule["_version"] == payload["version"] and schedule["status"] == "active":
        tell(ctx, f"{EVENT}.expiring", schedule)


@after("renewing")
def renewing(ctx: Context, subscription: Entity, *, at: int) -> None:
    """A subscription is about to be renewed: the phase that begins now comes first, so that it is what is billed."""
    schedule = ctx.find("subscription_schedule", subscription["schedule"]) if subscription["schedule"] else None
    if schedule is not None:
        _arrive(ctx, schedule, at)


@after("ended")
def subscription_ended(ctx: Context, subscription: Entity) -> None:
    """The subscription is gone: so is the schedule; aborted, where nobody paid."""
    schedule = ctx.find("subscription_schedule", subscription["schedule"]) if subscription["schedule"] else None
    if schedule is None or schedule["status"] != "active":
        return
    schedule = ctx.move(schedule, "canceled", canceled_at=subscription["ended_at"], current_phase=None)
    unpaid = subscription["cancellation_details"]["reason"] == "payment_failed"
    tell(ctx, f"{EVENT}.{'aborted' if unpaid else 'canceled'}", schedule)


def _arrive(ctx: Context, schedule: Entity, at: int) -> None:
    """Be where a schedule is at a time, however late that is done."""
    if schedule["status"] == "not_started":
        if schedule["phases"][0]["start_date"] <= at:
            begin(ctx, schedule, schedule["phases"][0]["start_date"])
        return
    if schedule["status"] != "active":
        return
    place = current(schedule["phases"], at)
    if place is None:
        _complete(ctx, schedule, schedule["phases"][-1]["end_date"])
        return
    span = _span(schedule["phases"][place])
    if schedule["current_phase"] == span:
        return
    schedule = change(ctx, schedule, f"{EVENT}.updated", current_phase=span)
    enter(ctx, schedule, place)


def _complete(ctx: Context, schedule: Entity, at: int) -> None:
    """All phases are over: the subscription ends with its schedule, or goes on by itself."""
    schedule = ctx.move(schedule, "completed", completed_at=at, current_phase=None)
    subscription = ctx.find("subscription", schedule["subscription"])
    if subscription is not None and subscription["ended_at"] is None:
        if schedule["end_behavior"] == "cancel":
            finish(ctx, subscription, at, None)
        else:
            change(ctx, subscription, "customer.subscription.updated", schedule=None)
    tell(ctx, f"{EVENT}.completed", schedule)


def _span(phase: dict[str, Any]) -> dict[str, Any]:
    return {"end_date": phase["end_date"], "start_date": phase["start_date"]}
