"""Reminders: by a time in seconds, or in words as people write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from childproof.stubkit import Context, Entity, job, operation

from . import channels
from .callers import Caller, human, no

_UNITS = {"minute": 60, "min": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_IN = re.compile(r"in (an?|[0-9]{1,4}) (minute|min|hour|day|week)s?")
_AT = re.compile(r"(?:(today|tomorrow)(?: at )?|at )?(?:([0-9]{1,2})(?::([0-9]{2}))? ?(am|pm)?)?")
FURTHEST = 5 * 366 * 86_400


@operation("POST /reminders.add")
def add(ctx: Context) -> dict[str, Any]:
    """A reminder for oneself."""
    me = human(ctx)
    user = channels.known_user(ctx, ctx.body.get("user") or me.user).id
    if user != me.user:
        raise no("cannot_add_others")
    now = ctx.now()
    at = _time(now, ctx.body["time"])
    if at <= now:
        raise no("time_in_past")
    if at > now + FURTHEST:
        raise no("cannot_parse")
    made = ctx.create(
        "reminder", creator=me.user, user=user, text=ctx.body["text"], recurring=False, time=at, complete_ts=0
    )
    ctx.schedule((at - now) * 1000, "remind", {"id": made.id})
    return {"reminder": made}


@job("remind")
def remind(ctx: Context, payload: dict[str, Any]) -> None:
    """Tell of a reminder whose time has come, unless it is done or gone."""
    made = ctx.find("reminder", payload["id"])
    if made is not None and not made["complete_ts"]:
        ctx.emit("reminded", {"id": made.id, "user": made["user"], "text": made["text"]})


@operation("POST /reminders.complete")
def complete(ctx: Context) -> dict[str, Any]:
    """Tick a reminder off."""
    made = _found(ctx, human(ctx))
    if made["recurring"]:
        raise no("cannot_complete_recurring")
    ctx.update(made, complete_ts=ctx.now())
    return {}


@operation("POST /reminders.delete")
def delete(ctx: Context) -> dict[str, Any]:
    """Forget a reminder."""
    ctx.delete(_found(ctx, human(ctx)))
    return {}


@operation("POST /reminders.info")
def info(ctx: Context) -> dict[str, Any]:
    """One reminder."""
    return {"reminder": _found(ctx, human(ctx))}


@operation("POST /reminders.list")
def list_reminders(ctx: Context) -> dict[str, Any]:
    """One's own reminders."""
    return {"reminders": ctx.list("reminder", newest_first=False, user=human(ctx).user)}


def _found(ctx: Context, me: Caller) -> Entity:
    made = ctx.find("reminder", str(ctx.body["reminder"]))
    if made is None or made["user"] != me.user:
        raise no("not_found")
    return made


def _time(now: int, given: Any) -> int:
    """A unix time, as a number of seconds from now, or in words: `in 20 minutes`, `tomorrow at 9am`."""
    text = str(given).strip().lower()
    if text.isdigit():
        return int(text) if int(text) > 86_400 else now + int(text)
    found = _IN.fullmatch(text)
    if found is not None:
        return now + (1 if found[1] in {"a", "an"} else int(found[1])) * _UNITS[found[2]]
    found = _AT.fullmatch(text)
    if found is None or not text:
        raise no("cannot_parse")
    hour, minute = int(found[2] or 9), int(found[3] or 0)
    hour = hour % 12 + (12 if found[4] == "pm" else 0) if found[4] else hour
    if hour > 23 or minute > 59:
        raise no("cannot_parse")
    day = datetime.fromtimestamp(now, UTC).replace(hour=hour, minute=minute, second=0) + timedelta(
        days=found[1] == "tomorrow"
    )
    return int(day.timestamp())
