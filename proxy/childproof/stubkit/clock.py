"""World time as a service writes it."""

from datetime import UTC, datetime
from functools import lru_cache
from time import gmtime

from .declared.settings import Time


def stamp(now: int, style: Time) -> int | str:
    """A moment (unix ms) in a dialect's time: unix seconds, unix milliseconds or RFC 3339 text in UTC."""
    if style == "unix":
        return now // 1000
    if style == "unix_ms":
        return now
    text = datetime.fromtimestamp(now / 1000, UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return text.removesuffix(".000") + "Z"


def http_date(now: int) -> str:
    """A moment (unix ms) as an HTTP Date header (RFC 9110, section 5.6.7)."""
    return _date(now // 1000)


@lru_cache(maxsize=16)
def _date(seconds: int) -> str:
    """By hand: the standard library takes a `datetime` and three calls for it, and a world's clock moves with each call."""
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(seconds)
    return f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} {hour:02}:{minute:02}:{second:02} GMT"


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
