"""Durations and sizes as rule files write them; the schema has checked their form."""

import re

_TIMES = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15}) ?([KMG]?)(i?)B")
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3}


def milliseconds(text: str) -> int:
    """`200ms`, `30s`, `5m`, `1h` or `1d`."""
    found = _DURATION.fullmatch(text)
    assert found is not None, "the schema has checked it"
    return int(found[1]) * _TIMES[found[2]]


def size(value: int | str) -> int:
    """Bytes, or `10KiB`, `5MB` and the like."""
    if isinstance(value, int):
        return value
    found = _SIZE.fullmatch(value)
    assert found is not None, "the schema has checked it"
    return int(found[1]) * int((1024 if found[3] else 1000) ** _POWERS[found[2]])


def duration(ms: int) -> str:
    """Milliseconds in the unit that people would write: `1h`, `30s`, `250ms`."""
    for length, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")):
        if ms >= length and ms % length == 0:
            return f"{ms // length}{unit}"
    return f"{ms}ms"


def bytes_text(count: int) -> str:
    """A number of bytes in the unit that people would write: `10MiB`, `500 bytes`."""
    for length, unit in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= length and count % length == 0:
            return f"{count // length}{unit}"
    return f"{count} bytes"
