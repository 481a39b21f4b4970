"""The ledger's lines as a table, for messages: time, method, target, status, and who answered."""

import os
import unicodedata
from collections.abc import Iterable, Sequence

from childproof.model.text import printable

from .calls import Call

MOST = 20
_LEAST, _WIDEST = 80, 200  # columns of a line, whatever a terminal says; what is no terminal has logs' 120
_PIPED = 120
_BEFORE = 6  # columns that pytest and the marks take
_TARGET, _BY = 24, 20  # columns that a target and who answered have at least


def table(calls: Sequence[Call], *, marked: Call | None = None, most: int = MOST, width: int | None = None) -> str:
    """The newest `most` calls, aligned; `marked` has an arrow before it, and is there whatever its place.

    `width` is how many columns a line may have; without it, those of the terminal.
    """
    if not calls:
        return "  no calls were made in this world"
    shown = list(calls[-most:])
    if marked is not None and marked not in shown:
        shown = [marked, *shown[1:]]
    head = ("time", "method", "target", "status", "answered by")
    rows = _fitted([head, *map(_cells, shown)], (columns() if width is None else width) - _BEFORE)
    marks = ["  ", *("> " if call is marked else "  " for call in shown)]
    lines = [f"{mark}{line}" for mark, line in zip(marks, aligned(rows), strict=True)]
    if len(calls) > len(shown):
        lines.insert(
            1,
            f"  … {len(calls) - len(shown)} before them" if marked is None else f"  … {len(calls) - len(shown)} others",
        )
    return "\n".join(lines)


def columns() -> int:
    """How wide a line of a message may be: as wide as the terminal, within reason."""
    said = os.environ.get("COLUMNS", "")
    found = int(said) if said.isdecimal() else _terminal() or _PIPED
    return min(max(found, _LEAST), _WIDEST)


def _terminal() -> int:
    """The columns of this session's terminal, whatever a test runner has put in place of our output; 0 without one."""
    try:
        tty = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return 0
    try:
        return os.get_terminal_size(tty).columns
    except OSError:
        return 0
    finally:
        os.close(tty)


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines whose columns stand below each other."""
    cells = [[_written(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


def cut(text: str, width: int) -> str:
    """A text of at most so many columns; an ellipsis stands for what is left out."""
    if _width(text) <= width:
        return text
    while _width(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def _written(text: str) -> str:
    """What any stream takes and no terminal obeys: bytes of a mail that are no UTF-8 are surrogates."""
    return printable(text).encode("utf-8", "backslashreplace").decode()


def _width(text: str) -> int:
    """Columns of a terminal: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def _fitted(rows: Sequence[Sequence[str]], width: int) -> list[list[str]]:
    """Rows whose target (the third) and last cell are cut, so that a line fits: first the target, then who answered."""
    cells = [[_written(cell) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    left = width - sum(widths[place] for place in (0, 1, 3)) - 2 * (len(widths) - 1)
    by = min(widths[4], max(_BY, left - min(widths[2], max(_TARGET, left // 2))))
    target = max(_TARGET, left - by)
    return [[*row[:2], cut(row[2], target), row[3], cut(row[4], by)] for row in cells]


def _cells(call: Call) -> tuple[str, str, str, str, str]:
    target = str(call.target)
    place = call.place if call.protocol == "http" else target.removeprefix(f"{call.protocol.upper()} ")
    return (
        str(call.world_at)[11:19],
        str(call.method or call.protocol.upper()),
        place,
        str(call.status or "-"),
        _by(call),
    )


def _by(call: Call) -> str:
    if call.verdict == "stub":
        return f"{call.stub} ({call.fidelity})" if call.fidelity else str(call.stub)
    if call.verdict == "deny":
        return f"denied: {call.reason}"
    return f"{call.verdict}: rule {call.rule}"
