"""Reads what `refusals` has the kernel remember: by looking again and again, since nobody without privileges is told."""

import contextlib
import ipaddress
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import refusals
from .nflog import Refused

INTERVAL = 0.5  # seconds between two looks; each takes some 0.1 ms
_AT_ONCE = 64  # flows
_SILENCE = 60.0  # seconds between two records that something is missing
_FLOW = re.compile(r"\d+ \S+:(\d+)->(\S+):(\d+) ")
_UNREACHABLE = re.compile(
    r"^Icmp: (?P<names>.*)\nIcmp: (?P<values>.*)$|^Icmp6OutDestUnreachs\s+(?P<six>\d+)", re.MULTILINE
)


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
        self._known: set[Refused] = set()
        self._counted = self._count()
        self._lost_at = -_SILENCE

    def read(self) -> bool:
        """Look once, and tell a bounded share of what is new: whether there is more. Never raises for what is shown."""
        tables = self._tables()
        if not tables:
            counted = self._count()
            if counted > self._counted:
                self._lose()
            self._counted = counted
            return False
        found: set[Refused] = set()
        for table in tables:
            flows = list(_flows(table))
            found.update(flows)
            if len(flows) >= refusals.MOST:
                self._lose()
        self._known &= found
        new = sorted(found - self._known, key=lambda flow: (flow.protocol, flow.address, flow.port))
        for flow in new[:_AT_ONCE]:
            self._known.add(flow)
            self._on_refused(flow.protocol, flow.address, flow.port)
        return len(new) > _AT_ONCE

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


def _flows(table: Path) -> Iterator[Refused]:
    try:
        lines = table.read_text().splitlines()
    except OSError:
        return  # the redirection was removed meanwhile
    protocol = table.name.removeprefix(refusals.PREFIX)
    for line in lines:
        found = _FLOW.match(line)
        with contextlib.suppress(ValueError):
            if found is not None:
                yield Refused(protocol, str(ipaddress.ip_address(found[2])), int(found[3]), int(found[1]))
