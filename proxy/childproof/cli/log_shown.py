"""Calls as people read them: in a table as wide as the terminal, and in plain columns."""

from collections.abc import Iterable
from typing import Protocol

from childproof.ledger import Entry, Filter, timestamp

from .reading import duration, printable

ROOMY = 90
STYLES = {"stub": "green", "reply": "green", "allow": "yellow", "deny": "red"}


class Read(Protocol):
    """The newest entries, oldest first; all without `last`."""

    def __call__(self, *, last: int | None) -> Iterable[Entry]:
        """Read them."""
        ...


def newest(read: Read, only: Filter, most: int | None) -> tuple[list[Entry], int]:
    """The newest calls for a person, and how many name look-ups, answered as every one is, were left out among them.

    All are shown where `only` asks for protocols, replies or a trace. `read` gives the newest so many entries, `last`.
    """
    everything = bool(only.protocols) or only.verdict == "reply" or only.trace is not None
    asked = most
    while True:
        found = list(read(last=asked))
        kept = [entry for entry in found if everything or not _everyday(entry)]
        if most is None or asked is None or len(found) < asked or len(kept) >= most:
            break
        asked *= 4
    if most is not None and len(kept) > most:
        kept = kept[-most:]
        found = found[found.index(kept[0]) :]
    return kept, len(found) - len(kept)


def _everyday(entry: Entry) -> bool:
    return entry.protocol == "dns" and entry.verdict == "reply" and entry.rule is None and not entry.error


def columns(entry: Entry, *, wide: bool) -> str:
    """A line whose columns a person can read and `awk` can split: the last one is free text."""
    columns = [
        f"{entry.seq:>5}",
        timestamp(entry.at),
        f"{entry.verdict:<5}",
        f"{_status(entry):>3}",
        f"{duration(entry.duration_us):>8}",
        printable(entry.target),
        printable(_why(entry)),
    ]
    return "  ".join([entry.world, *columns] if wide else columns)


def print_table(entries: list[Entry], left_out: int, *, wide: bool) -> None:
    """As wide as the terminal: what is long is shortened, and times and operations go where there is no room for them."""
    from rich.console import Console  # noqa: PLC0415 (30 ms, for terminals only)
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    lookups = f"{left_out:,} name look-up{'s' if left_out != 1 else ''} left out; --protocol dns lists them"
    if not entries:
        console.print(f"no calls; {lookups}" if left_out else "no calls")
        return
    roomy = console.width >= ROOMY
    table = Table(box=None, pad_edge=False, header_style="dim", width=console.width)
    if wide:
        table.add_column("world", overflow="ellipsis", no_wrap=True, min_width=5, max_width=20)
    table.add_column("#", justify="right", no_wrap=True, min_width=len(str(entries[-1].seq)))
    table.add_column("verdict", no_wrap=True, min_width=7)
    table.add_column("status", justify="right", no_wrap=True, min_width=6)
    table.add_column("call", overflow="ellipsis", no_wrap=True, ratio=3 if roomy else 4)
    table.add_column("answered by, or why not", overflow="ellipsis", no_wrap=True, ratio=2)
    if roomy:
        table.add_column("time", no_wrap=True, min_width=8)
        table.add_column("took", justify="right", no_wrap=True, min_width=8)
    for entry in entries:
        cells = [Text(printable(entry.world))] if wide else []
        cells += [
            Text(str(entry.seq)),
            Text(entry.verdict, STYLES.get(entry.verdict, "")),
            Text(_status(entry)),
            Text(printable(entry.target.replace("https://", "", 1))),
            Text(printable(_why(entry, brief=not roomy)), "" if entry.verdict == "deny" else "dim"),
        ]
        if roomy:
            cells += [Text(timestamp(entry.at)[11:19], "dim"), Text(duration(entry.duration_us), "dim")]
        table.add_row(*cells)
    console.print(table)
    if left_out:
        console.print(lookups, style="dim")


def _status(entry: Entry) -> str:
    if not entry.settled:
        return "…"
    return "-" if entry.status is None else str(entry.status)


def _why(entry: Entry, *, brief: bool = False) -> str:
    if entry.error:
        return f"error: {entry.error.strip().splitlines()[-1]}" if entry.error.strip() else "error"
    if entry.stub is not None and entry.verdict == "stub" and brief:
        return f"{entry.stub} ({entry.fidelity})" if entry.fidelity not in (None, "modelled") else entry.stub
    if entry.stub is not None and entry.verdict == "stub":
        operation = f": {entry.operation}" if entry.operation else ""
        return f"{entry.stub}{operation} ({entry.fidelity})" if entry.fidelity else f"{entry.stub}{operation}"
    if entry.verdict == "deny" or entry.rule is None:
        return entry.reason
    would = f", which {entry.would[0].rule} would deny" if entry.would else ""
    return f"rule {entry.rule}{would}"
