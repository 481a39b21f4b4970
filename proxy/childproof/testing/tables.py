"""The ledger's lines as a table, for messages: time, method, target, status, and who answered."""

from collections.abc import Iterable, Sequence

from childproof.model.text import printable

from .calls import Call

MOST = 20
_WIDE = 60  # characters of a target


def table(calls: Sequence[Call], *, marked: Call | None = None, most: int = MOST) -> str:
    """The newest `most` calls, aligned; `marked` has an arrow before it, and is there whatever its place."""
    if not calls:
        return "  no calls were made in this world"
    shown = list(calls[-most:])
    if marked is not None and marked not in shown:
        shown = [marked, *shown[1:]]
    rows = [("time", "method", "target", "status", "answered by"), *map(_cells, shown)]
    marks = ["  ", *("> " if call is marked else "  " for call in shown)]
    lines = [f"{mark}{line}" for mark, line in zip(marks, aligned(rows), strict=True)]
    if len(calls) > len(shown):
        lines.append(f"  … and {len(calls) - len(shown)} before them")
    return "\n".join(lines)


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """Rows as lines whose columns stand below each other."""
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _cells(call: Call) -> tuple[str, str, str, str, str]:
    place = call.place if call.protocol == "http" else str(call.target)
    place = place if len(place) <= _WIDE else f"{place[: _WIDE - 1]}…"
    status = "-" if call.status is None else str(call.status)
    return str(call.world_at)[11:19], str(call.method or call.protocol), place, status, _by(call)


def _by(call: Call) -> str:
    if call.verdict == "stub":
        return f"{call.stub} ({call.fidelity})" if call.fidelity else str(call.stub)
    if call.verdict == "deny":
        reason = str(call.reason)
        return f"denied: {reason if len(reason) <= 60 else f'{reason[:59]}…'}"
    return f"{call.verdict}: rule {call.rule}"
