"""Billing meters: what usage is counted by. And what was used, which prices with `usage_type=metered` are billed by."""

from decimal import Decimal
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, operation

from .fields import change, new, page, tell

HOUR = 3_600
DAY = 86_400
WINDOWS = {"hour": HOUR, "day": DAY}


@operation("POST /v1/billing/meters")
def create(ctx: Context) -> Entity:
    """A meter for events of a name that no other active meter has."""
    body = ctx.body
    name = body["event_name"]
    for other in ctx.list("billing.meter", event_name=name, status="active", limit=1):
        message = f"An active meter already exists with the event name `{name}`: {other.id}."
        raise Refusal(400, "resource_already_exists", message, param="event_name")
    meter = new(
        ctx,
        "billing.meter",
        customer_mapping=body.get("customer_mapping") or {"event_payload_key": "stripe_customer_id", "type": "by_id"},
        default_aggregation=body["default_aggregation"],
        display_name=body["display_name"],
        event_name=name,
        event_time_window=body.get("event_time_window"),
        status="active",
        status_transitions={"deactivated_at": None},
        updated=ctx.now(),
        value_settings=body.get("value_settings") or {"event_payload_key": "value"},
    )
    tell(ctx, "billing.meter.created", meter)
    return meter


@operation("GET /v1/billing/meters")
def list_meters(ctx: Context) -> dict[str, Any]:
    """Meters, newest first."""
    status = ctx.query.get("status")
    return page(ctx, "billing.meter", **({"status": status} if status else {}))


@operation("POST /v1/billing/meters/{id}")
def update(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Only the name that people see can be changed."""
    meter = ctx.get("billing.meter", id)
    fields = {"display_name": ctx.body["display_name"]} if "display_name" in ctx.body else {}
    return change(ctx, meter, "billing.meter.updated", **fields, updated=ctx.now())


@operation("POST /v1/billing/meters/{id}/deactivate")
def deactivate(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Take no more events."""
    meter = ctx.get("billing.meter", id)
    if meter["status"] == "inactive":
        raise Refusal(400, None, "This meter is already inactive.")
    return change(ctx, meter, "billing.meter.deactivated", status="inactive", updated=ctx.now(),
                  status_transitions={"deactivated_at": ctx.now()})  # fmt: skip


@operation("POST /v1/billing/meters/{id}/reactivate")
def reactivate(ctx: Context, id: str) -> Entity:  # noqa: A002 - the document's parameter
    """Take events again."""
    meter = ctx.get("billing.meter", id)
    if meter["status"] == "active":
        raise Refusal(400, None, "This meter is already active.")
    return change(ctx, meter, "billing.meter.reactivated", status="active", updated=ctx.now(),
                  status_transitions={"deactivated_at": None})  # fmt: skip


@operation("GET /v1/billing/meters/{id}/event_summaries")
def summaries(ctx: Context, id: str) -> dict[str, Any]:  # noqa: A002 - the document's parameter
    """What a customer has used in a span of time, as a whole or by the hour or day; newest first."""
    meter = ctx.get("billing.meter", id)
    query = ctx.query
    ctx.get("customer", query["customer"], param="customer")
    start, end = query["start_time"], query["end_time"]
    window = WINDOWS.get(query.get("value_grouping_window") or "", 0)
    unit = window or 60
    for name, moment in (("start_time", start), ("end_time", end)):
        if moment % unit:
            message = f"Invalid {name}: it must be aligned with the start of a {'minute' if unit == 60 else 'day' if unit == DAY else 'hour'}."
            raise Refusal(400, None, message, param=name)
    if end <= start:
        raise Refusal(400, None, "end_time must be after start_time.", param="end_time")
    spans = [(at, min(at + window, end)) for at in range(start, end, window)] if window else [(start, end)]
    found = []
    for begun, until in reversed(spans):
        used = used_of(ctx, meter, query["customer"], begun, until)
        if used is None:
            continue
        found.append(
            {
                "aggregated_value": float(used),
                "end_time": until,
                "id": f"mtrusg_test_{meter.id[-12:]}{begun}{until}",
                "livemode": meter["livemode"],
                "meter": meter.id,
                "object": "billing.meter_event_summary",
                "start_time": begun,
            }
        )
    listed: dict[str, Any] = ctx.page(found)
    return listed


def usage(ctx: Context, meter: str, customer: str, start: int, end: int) -> Decimal:
    """How much a customer has used from `start` until before `end`, by a meter's own way of counting."""
    found = ctx.find("billing.meter", meter)
    used = used_of(ctx, found, customer, start, end) if found is not None else None
    return used if used is not None else Decimal(0)


def used_of(ctx: Context, meter: Entity, customer: str, start: int, end: int) -> Decimal | None:
    """The same; None where there were no events."""
    events = [
        event
        for event in ctx.list("meter_usage", meter=meter.id, customer=customer, newest_first=False)
        if start <= event["timestamp"] < end
    ]
    if not events:
        return None
    match meter["default_aggregation"]["formula"]:
        case "count":
            return Decimal(len(events))
        case "last":
            return Decimal(max(events, key=lambda event: event["timestamp"])["value"])
        case _:
            return sum((Decimal(event["value"]) for event in events), Decimal(0))
