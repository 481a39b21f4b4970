"""What a `childproof serve` beside a sandbox costs while nothing is asked of it: its start, idling, its end, each listener.

Ready is what a probe sees: from the process's start until /readyz says 200. From bytecode, as an installed package has it.
"""

import http.client
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.load import cpu_seconds, free_port, serving
from bench.row import Row

STARTS = 7
IDLE = 60.0  # seconds
CALM = 3.0  # seconds after which a start is over
LISTENERS = 100  # more, each with a world of its own


@dataclass(frozen=True, slots=True)
class Run:
    """Seconds until ready, on the clock and of the processor, and from SIGTERM to the end; MB at rest; CPU while idle."""

    ready: float
    cpu: float
    stop: float
    resident: float = 0.0
    share: float = 0.0
    idle: float = 0.0


def rows() -> Iterator[Row]:
    """The default rules, health, metrics and file watch on; one listener, then a hundred more."""
    with tempfile.TemporaryDirectory() as folder:
        _run(folder, 0)  # writes the bytecode, the authority and the database
        runs = [_run(folder, 0) for _ in range(STARTS)]
        ready, cpu, stop = (
            statistics.median(column) for column in zip(*((r.ready, r.cpu, r.stop) for r in runs), strict=True)
        )
        yield Row(f"serve: ready, /readyz says 200 (CPU {cpu:.2f} s)", f"{ready:.2f} s", "< 0.8 s")
        yield Row("serve: a graceful stop with nothing under way", f"{stop:.2f} s", "< 5 s")
        idle = _run(folder, 0, idle=IDLE)
        yield Row("serve: resident memory at rest", f"{idle.resident:.0f} MB", "< 80 MB")
        yield Row("  of it not shared with other processes, in proportion", f"{idle.share:.0f} MB")
        yield Row(f"serve: CPU over {IDLE:.0f} s of idling", f"{idle.idle:.2%}", "< 0.5%")
        many = _run(folder, LISTENERS, idle=CALM)
        each = (many.resident - idle.resident) / LISTENERS * 1000
        yield Row(f"each of {LISTENERS} more listeners with worlds of their own: memory", f"{each:.0f} kB")
        yield Row("  processor time at the start", f"{(many.cpu - cpu) / LISTENERS * 1000:.1f} ms")


def _run(folder: str, more: int, *, idle: float = 0.0) -> Run:
    """Start it with one listener and `more`, look at it for `idle` seconds, stop it."""
    ports = iter(_free(more + 2))
    health = next(ports)
    listeners = "".join(f"  - {{world: w{number}, http: '127.0.0.1:{port}'}}\n" for number, port in enumerate(ports))
    config = Path(folder) / "childproof.yaml"
    config.write_text(
        f"listen:\n{listeners}health: 127.0.0.1:{health}\nmetrics: 127.0.0.1:{health}\nreload: {{watch: true}}\n"
    )
    command = [sys.executable, "-m", "childproof", "serve", "--report", "none"]
    started = time.perf_counter()
    with serving(command, health, folder, every=0.005) as process:
        while _status(health) != 200:
            time.sleep(0.005)
        ready, cpu = time.perf_counter() - started, cpu_seconds(process.pid)
        resident = share = spent = 0.0
        if idle:
            time.sleep(CALM)
            before = cpu_seconds(process.pid)
            time.sleep(idle)
            spent = (cpu_seconds(process.pid) - before) / idle
            resident, share = _memory(process.pid)
        asked = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        if process.wait(30):
            sys.exit(f"bench: childproof serve ended with {process.returncode}")
        return Run(ready, cpu, time.perf_counter() - asked, resident, share, spent)


def _free(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def _status(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _memory(pid: int) -> tuple[float, float]:
    """Resident and proportional set size in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    sizes = {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.endswith("kB")}
    return sizes["Rss"] / 1024, sizes["Pss"] / 1024
