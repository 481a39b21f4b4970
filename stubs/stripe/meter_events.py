"""Meter events: usage as it is reported.

At `/v1/billing/meter_events` one by one, refused where they can't be counted; in the stream of v2 many at once, taken at
first and complained of afterwards, by events.
"""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from childproof.stubkit import Context, Entity, Refusal, Response, operation

from .clocks import now_of
from .fields import is_live

DAY = 86_400
OLDEST = 35 * DAY  # docs.stripe.com/api/billing/meter-event: within the past 35 days, or up to 5 minutes in the future
NEWEST = 300
SESSION = 15 * 60  # how long a session's token is good for
MOST = 100
NO_METER = "No active meter was found that matches the event name."


@operation("POST /v1/billing/meter_events")
def create(ctx: Context) -> dict[str, Any]:
    """One event, counted at once or refused."""
    body = ctx.body
    payload = {name: str(value) for name, value in body["payload"].items()}
    meter = _meter(ctx, body["event_name"])
    if meter is None:
        message = f"No active meter found for event name `{body['event_name']}`."
        raise Refusal(
            400, "archived_meter" if _any(ctx, body["event_name"]) else "no_meter", message, param="event_name"
        )
    customer, value = _read(ctx, meter, payload)
    now = now_of(ctx, customer)
    at = body.get("timestamp") or now
    fault = _time_fault(at, now)
    if fault:
        raise Refusal(400, "timestamp_too_far_in_past" if at < now else "timestamp_in_future", fault, param="timestamp")
    name = body.get("identifier") or ctx.token(32)
    if _known(ctx, meter, name):
        message = f"An event already exists with identifier {name}."
        raise Refusal(400, "duplicate_meter_event", message, param="identifier")
    _count(ctx, meter, customer, value, at, name)
    return {
        "created": ctx.now(),
        "event_name": body["event_name"],
        "identifier": name,
        "livemode": is_live(ctx),
        "object": "billing.meter_event",
        "payload": payload,
        "timestamp": at,
    }


@operation("POST /v1/billing/meter_event_adjustments")
def adjust(ctx: Context) -> dict[str, Any]:
    """Take an event of the last day back."""
    name = (ctx.body.get("cancel") or {}).get("identifier")
    if not name:
        raise Refusal(
            400, "parameter_missing", "Missing required param: cancel[identifier].", param="cancel[identifier]"
        )
    event = next(iter(ctx.list("meter_usage", identifier=name, event_name=ctx.body["event_name"], limit=1)), None)
    if event is None:
        message = f"No meter event exists with identifier {name}."
        raise Refusal(400, "resource_missing", message, param="cancel[identifier]")
    if ctx.now() - event["received"] > DAY:
        message = "Meter events can only be canceled within 24 hours of Stripe receiving them."
        raise Refusal(400, None, message, param="cancel[identifier]")
    ctx.delete(event)
    return {
        "cancel": {"identifier": name},
        "event_name": ctx.body["event_name"],
        "livemode": is_live(ctx),
        "object": "billing.meter_event_adjustment",
        "status": "pending",
        "type": "cancel",
    }


@operation("POST /v2/billing/meter_event_session")
def open_session(ctx: Context) -> dict[str, Any]:
    """A token that the stream takes for a quarter of an hour."""
    secret = f"token_test_{ctx.token(32)}"
    made = ctx.create("meter_event_session", authentication_token=secret, expires=ctx.now() + SESSION)
    return {
        "id": made.id,
        "object": "v2.billing.meter_event_session",
        "authentication_token": secret,
        "created": rfc3339(ctx.now()),
        "expires_at": rfc3339(made["expires"]),
        "livemode": is_live(ctx),
    }


@operation("POST /v2/billing/meter_event_stream")
def stream(ctx: Context) -> Response:
    """Many events at once. What can't be counted is told of later, once for all of a meter."""
    _check_session(ctx)
    events = ctx.body["events"]
    if not 1 <= len(events) <= MOST:
        message = f"`events` must have between 1 and {MOST} items."
        raise Refusal(400, "invalid_fields", message, type="invalid_request_error")
    faults: dict[str | None, list[tuple[str, dict[str, Any]]]] = {}
    for event in events:
        meter = _meter(ctx, event["event_name"])
        if meter is None:
            code = "archived_meter" if _any(ctx, event["event_name"]) else "no_meter"
            faults.setdefault(None, []).append((code, event))
            continue
        problem = _take(ctx, meter, event)
        if problem:
            faults.setdefault(meter.id, []).append((problem, event))
    for name, found in faults.items():
        _complain(ctx, name, found)
    return Response(200, {})


def rfc3339(moment: int) -> str:
    """A time as v2 writes it."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _check_session(ctx: Context) -> None:
    scheme, _, token = (ctx.header("authorization") or "").partition(" ")
    found = ctx.list("meter_event_session", authentication_token=token, limit=1) if scheme.lower() == "bearer" else []
    if not found:
        message = "The billing meter event session token is invalid."
        raise Refusal(401, "billing_meter_event_session_invalid", message, type="invalid_request_error")
    if found[0]["expires"] <= ctx.now():
        message = "The temporary session token has expired."
        raise Refusal(401, "billing_meter_event_session_expired", message, type="temporary_session_expired")


def _take(ctx: Context, meter: Entity, event: dict[str, Any]) -> str:
    """Count an event of the stream; the code of what is wrong with it, "" where nothing is."""
    payload = event["payload"]
    key = meter["customer_mapping"]["event_payload_key"]
    if key not in payload:
        return "meter_event_no_customer_defined"
    if ctx.find("customer", payload[key]) is None:
        return "meter_event_customer_not_found"
    value = payload.get(meter["value_settings"]["event_payload_key"])
    if value is None and meter["default_aggregation"]["formula"] != "count":
        return "meter_event_value_not_found"
    number = _number(value)
    if number is None:
        return "meter_event_invalid_value"
    now = now_of(ctx, payload[key])
    at = _moment(event.get("timestamp"), now)
    if at is None or _time_fault(at, now):
        return "timestamp_in_future" if at is not None and at > now else "timestamp_too_far_in_past"
    name = event.get("identifier") or ctx.token(32)
    if not _known(ctx, meter, name):
        _count(ctx, meter, payload[key], number, at, name)
    return ""


def _complain(ctx: Context, meter: str | None, found: list[tuple[str, dict[str, Any]]]) -> None:
    """Tell of events that weren't counted: `error_report_triggered` by meter, `no_meter_found` for those of none."""
    codes = sorted({code for code, _ in found})
    now = ctx.now()
    reason = {
        "error_count": len(found),
        "error_types": [
            {
                "code": code,
                "error_count": sum(one == code for one, _ in found),
                "sample_errors": [
                    {"error_message": _WORDS[code], "request": {"identifier": event.get("identifier") or ctx.token(32)}}
                    for one, event in found
                    if one == code
                ][:10],
            }
            for code in codes
        ],
    }
    count = len(found)
    data = {
        "developer_message_summary": f"There {'is 1 invalid event' if count == 1 else f'are {count} invalid events'}",
        "reason": reason,
        "validation_start": rfc3339(now - now % 60),
        "validation_end": rfc3339(now - now % 60 + 60),
    }
    kind = "v1.billing.meter.error_report_triggered" if meter else "v1.billing.meter.no_meter_found"
    about = {"id": meter, "type": "billing.meter", "url": f"/v1/billing/meters/{meter}"} if meter else None
    ctx.emit(kind, {"id": meter or "", **({"related_object": about} if about else {}), **data}, livemode=is_live(ctx))


_WORDS = {
    "archived_meter": "The meter for this event name is inactive.",
    "meter_event_customer_not_found": "The customer ID in the payload was not found.",
    "meter_event_invalid_value": "The value in the payload is not a valid number.",
    "meter_event_no_customer_defined": "The payload is missing the key of the customer mapping.",
    "meter_event_value_not_found": "The payload is missing the key of the value settings.",
    "no_meter": NO_METER,
    "timestamp_in_future": "The timestamp is more than 5 minutes in the future.",
    "timestamp_too_far_in_past": "The timestamp is more than 35 days in the past.",
}


def _meter(ctx: Context, event_name: str) -> Entity | None:
    return next(iter(ctx.list("billing.meter", event_name=event_name, status="active", limit=1)), None)


def _any(ctx: Context, event_name: str) -> bool:
    return bool(ctx.list("billing.meter", event_name=event_name, limit=1))


def _known(ctx: Context, meter: Entity, identifier: str) -> bool:
    return bool(ctx.list("meter_usage", identifier=identifier, meter=meter.id, limit=1))


def _read(ctx: Context, meter: Entity, payload: dict[str, str]) -> tuple[str, Decimal]:
    """The customer and value of a payload, or Stripe's refusal."""
    key = meter["customer_mapping"]["event_payload_key"]
    if key not in payload:
        message = f"Missing required key in payload: {key}."
        raise Refusal(400, "meter_event_no_customer_defined", message, param=f"payload[{key}]")
    customer = ctx.get("customer", payload[key], param=f"payload[{key}]").id
    name = meter["value_settings"]["event_payload_key"]
    value = payload.get(name)
    if value is None and meter["default_aggregation"]["formula"] != "count":
        message = f"Missing required key in payload: {name}."
        raise Refusal(400, "meter_event_value_not_found", message, param=f"payload[{name}]")
    number = _number(value)
    if number is None:
        message = f"Invalid value in payload: {value}; it must be a number."
        raise Refusal(400, "meter_event_invalid_value", message, param=f"payload[{name}]")
    return customer, number


def _number(value: Any) -> Decimal | None:
    if value is None:
        return Decimal(1)
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _count(ctx: Context, meter: Entity, customer: str, value: Decimal, at: int, identifier: str) -> None:  # noqa: PLR0917
    ctx.create("meter_usage", meter=meter.id, event_name=meter["event_name"], customer=customer, value=str(value),
               timestamp=at, identifier=identifier, received=ctx.now())  # fmt: skip


def _moment(given: Any, now: int) -> int | None:
    if given is None:
        return now
    try:
        return int(datetime.fromisoformat(str(given)).timestamp())
    except ValueError:
        return None


def _time_fault(at: int, now: int) -> str:
    if at < now - OLDEST:
        return _WORDS["timestamp_too_far_in_past"]
    return _WORDS["timestamp_in_future"] if at > now + NEWEST else ""
