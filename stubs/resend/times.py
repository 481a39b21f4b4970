"""When a mail is to be sent: an ISO 8601 moment, or plain English ("in 1 hour", "tomorrow at 9am", "Friday at 3pm ET")."""

import re
from datetime import UTC, datetime, timedelta, timezone

from childproof.stubkit import Context, Refusal

LONGEST = 100  # characters
FURTHEST = timedelta(days=30)  # resend.com/docs/dashboard/emails/schedule-email
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_IN = re.compile(
    r"in\s+(?P<count>\d{1,5}|an?|one)\s+(?P<unit>s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:(?:ou)?rs?)?|d(?:ays?)?|w(?:eeks?)?)"
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_AT = re.compile(
    rf"(?:(?:on|next)\s+)?(?P<day>today|tomorrow|{'|'.join(_DAYS)})?"
    r"(?:\s*(?:at\s+)?(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?P<half>am|pm)?)?(?:\s+(?P<zone>[a-z]{1,4}))?"
)
# what people in the United States write, in winter and summer alike
_ZONES = {"utc": 0, "gmt": 0, "z": 0, "et": -5, "est": -5, "edt": -4, "ct": -6, "cst": -6, "cdt": -5, "mt": -7, "mst": -7,
          "mdt": -6, "pt": -8, "pst": -8, "pdt": -7, "cet": 1, "cest": 2}  # fmt: skip


def moment(ctx: Context, given: str) -> datetime:
    """The time that is meant, in UTC. Raises Resend's refusal of what is no time, is past, or too far ahead."""
    now = datetime.fromtimestamp(ctx.now_ms() / 1000, UTC)
    found = (_iso(given) or _english(given.strip().lower(), now)) if len(given) <= LONGEST else None
    if found is None:
        raise Refusal(
            422, "validation_error",
            "Invalid `scheduled_at` field. Use a date in ISO 8601 format or natural language, for example `in 1 hour`.",
        )  # fmt: skip
    if found < now:
        raise Refusal(422, "validation_error", "The `scheduled_at` field must be a date in the future.")
    if found > now + FURTHEST:
        raise Refusal(422, "validation_error", "The `scheduled_at` field must be within 30 days from now.")
    return found


def written(time: datetime) -> str:
    """A moment as replies have it."""
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _iso(given: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(given.strip())
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _english(text: str, now: datetime) -> datetime | None:
    ahead = _IN.fullmatch(text)
    if ahead is not None:
        count = int(ahead["count"]) if ahead["count"].isdigit() else 1
        return now + timedelta(seconds=count * _UNITS[ahead["unit"][0]])
    fit = _AT.fullmatch(text)
    if fit is None or not (fit["day"] or fit["hour"]) or (fit["zone"] and fit["zone"] not in _ZONES):
        return None
    return _at(fit, now)


def _at(fit: re.Match[str], now: datetime) -> datetime | None:
    """A day and an hour; the next time that it is so, where the day is left open or is today's name."""
    zone = timezone(timedelta(hours=_ZONES.get(fit["zone"] or "utc", 0)))
    hour = int(fit["hour"] or 9)
    if fit["half"]:
        hour = hour % 12 + (12 if fit["half"] == "pm" else 0)
    minute = int(fit["minute"] or 0)
    if hour > 23 or minute > 59:
        return None
    there = now.astimezone(zone)
    found = there.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if fit["day"] == "tomorrow":
        found += timedelta(days=1)
    elif fit["day"] in _DAYS:
        found += timedelta(days=(_DAYS.index(fit["day"]) - there.weekday()) % 7)
    if found <= there and fit["day"] not in {"today", "tomorrow"}:
        found += timedelta(days=7 if fit["day"] else 1)
    return found.astimezone(UTC)
