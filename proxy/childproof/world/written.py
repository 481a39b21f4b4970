"""Times, durations and clocks as people write them: on command lines, in files, over the API."""

import re
from datetime import UTC, datetime

from .clock import REAL, ClockSettings

CLOCKS = "real, frozen@TIME or step:1s@TIME"
DURATIONS = "a duration like 30d, 12h or 1d12h"
FAR = 8_640_000_000_000_000  # the last day that most libraries know, unix milliseconds
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_DURATION = re.compile(r"(?:[0-9]{1,16}(?:ms|s|m|h|d|w))+")
_PART = re.compile(r"([0-9]+)(ms|s|m|h|d|w)")
_STEP = re.compile(r"([0-9]{1,12})(ms|s|m|h)")


def read_time(text: str) -> int:
    """ISO 8601 as unix milliseconds; UTC where it names no zone. Raises ValueError."""
    time = datetime.fromisoformat(text.upper())  # RFC 3339 has small letters, too
    try:
        return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except OverflowError:
        raise ValueError(f"{text!r} is out of range") from None


def read_duration(text: str, *, signed: bool = False) -> int:
    """Milliseconds; `signed`: with `-` or `+` before it, too. Raises ValueError with what is wrong."""
    if signed and text[:1] in ("-", "+"):
        return read_duration(text[1:]) * (-1 if text[0] == "-" else 1)
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration")
    total = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    if total > FAR:
        raise ValueError(f"{text!r} is longer than any clock goes")
    return total


def read_clock(text: str) -> ClockSettings:
    """`real`, `frozen@TIME`, `step@TIME` or `step:5s@TIME`; `@TIME` alone starts a real clock. Raises ValueError."""
    way, at, time = text.partition("@")
    kind, colon, step = way.partition(":")
    try:
        start = read_time(time) if at else None
    except ValueError:
        raise ValueError(f"{time!r} is no time") from None
    match = _STEP.fullmatch(step)
    if kind in ("", "real") and not colon and text:
        return REAL if start is None else ClockSettings(start=start, run="real")
    if kind == "frozen" and not colon:
        return ClockSettings(start=start, run="frozen")
    if kind == "step" and (match or not colon):
        return ClockSettings(start=start, run="step", step=int(match[1]) * _UNITS[match[2]] if match else 1000)
    raise ValueError(f"{text!r} is no clock")
