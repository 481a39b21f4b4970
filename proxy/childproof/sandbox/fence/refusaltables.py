"""Reads what `refusals` has the kernel remember: by looking again and again, since nobody without privileges is told."""

import contextlib
import ipaddress
import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from childproof.sandbox.netfilter.nflog import Refused

from . import refusals

INTERVAL = 0.5  # seconds between two looks; each takes some 0.1 ms
_AT_ONCE = 64  # flows
_SILENCE = 60.0  # seconds between two records that something is missing
_FLOW = re.compile(r"\S+:(\d+)->(\S+):(\d+)")
_UNREACHABLE = re.compile(
    r"^Icmp: (?P<names>.*)\nIcmp: (?P<values>.*)$|^Icmp6OutDestUnreachs\s+(?P<six>\d+)", re.MULTILINE
)


type _Line = tuple[str, str]  # protocol, and the flow as the kernel writes it


class RefusalTables:
    """Tells each refused flow of this network namespace once, for as long as the kernel remembers it.

    `on_refused(protocol, address, port)` is called for every flow that is new; `on_lost()` where a table was full, or
    the kernel has none but counts refusals: then it is known that something was refused, and not what.
    """

    def __init__(
        self,
        on_refused: Callable[[str, str, int], None],
        on_lost: Callable[[], None],
        *,
        proc: Path = Path("/proc/self/net"),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_refused = on_refused
        self._on_lost = on_lost
        self._proc = proc
        self._clock = clock
        self._known: set[_Line] = set()
        self._new: deque[_Line] = deque()
        self._counted = self._count()
        self._lost_at = -_SILENCE

    def read(self) -> bool:
        """Look, and tell a bounded share of what is new: whether there is more. Never raises for what the kernel shows."""
        if not self._new:
            self._look()
        for _ in range(min(_AT_ONCE, len(self._new))):
            flow = _flow(self._new.popleft())
            if flow is not None:
                self._on_refused(flow.protocol, flow.address, flow.port)
        return bool(self._new)

    def _look(self) -> None:
        tables = self._tables()
        if not tables:
            counted = self._count()
            if counted > self._counted:
                self._lose()
            self._counted = counted
            return
        found: set[_Line] = set()
        for table in tables:
            lines = _lines(table)
            found.update(lines)
            if len(lines) >= refusals.MOST:
                self._lose()
        self._new.extend(sorted(found - self._known))
        self._known = found

    def _tables(self) -> list[Path]:
        return [
            table
            for folder in refusals.FOLDERS
            for table in (self._proc / folder).glob(f"{refusals.PREFIX}*")
        ]  # fmt: skip

    def _count(self) -> int:
        """How many packets this namespace has refused, for itself and for others, with ICMP."""
        total = 0
        for name in ("snmp", "snmp6"):
            with contextlib.suppress(OSError, ValueError):
                for found in _UNREACHABLE.finditer((self._proc / name).read_text()):
                    columns = zip((found["names"] or "").split(), (found["values"] or "").split(), strict=False)
                    total += int(found["six"] or dict(columns).get("OutDestUnreachs", 0))
        return total

    def _lose(self) -> None:
        if self._clock() - self._lost_at >= _SILENCE:
            self._lost_at = self._clock()
            self._on_lost()


def _lines(table: Path) -> list[_Line]:
    """Each line's flow as it is written, behind the seconds that it will stay."""
    protocol = table.name.removeprefix(refusals.PREFIX)
    try:
        written = table.read_text().splitlines()
    except OSError:
        return []  # the redirection was removed meanwhile
    return [(protocol, line.split(" ", 2)[1]) for line in written if line.count(" ") > 1]


def _flow(line: _Line) -> Refused | None:
    protocol, written = line
    found = _FLOW.fullmatch(written)
    if found is None:
        return None
    try:
        return Refused(protocol, str(ipaddress.ip_address(found[2])), int(found[3]), int(found[1]))
    except ValueError:
        return None
