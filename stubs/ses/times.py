"""Times as the two APIs write them."""

from datetime import UTC, datetime


def seconds(ms: int) -> float:
    """Unix seconds, as v2 has them in JSON."""
    return ms / 1000


def iso(ms: int) -> str:
    """RFC 3339 with milliseconds, as the classic API and events have them."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
