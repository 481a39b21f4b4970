"""Sandboxes made and ended over the control API, by one client on its unix socket: how long, and what stays in memory.

The server is `childproof serve`, its database in a file.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import free_port, resident_mb, serving
from bench.row import Row
from childproof.client import Client, ControlError

SANDBOXES = 500
ROUNDS = 4  # the first ones fill caches
MAY_GROW = 2  # MB


def rows() -> Iterator[Row]:
    """500 sandboxes at once, made and deleted, again and again."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        place = f"unix:{Path(folder, 'control.sock')}"
        command = [
            sys.executable, "-m", "childproof", "serve", "--http", f"127.0.0.1:{port}", "--report", "none",
            "--control", place,
        ]  # fmt: skip
        with serving(command, port, folder) as process, Client(place) as client:
            _await(client)
            resident, made = [], []
            took = 0.0
            for _ in range(ROUNDS):
                started = time.perf_counter()
                made = _round(client)
                took = time.perf_counter() - started
                resident.append(resident_mb(process.pid))
            yield Row(f"{SANDBOXES} sandboxes made and deleted over the API", f"{took:.2f} s", "< 5 s")
            yield Row("  one made: a fork and a listener, p50", f"{statistics.median(made) * 1e3:.2f} ms", "< 5 ms")
            yield Row("  p99", f"{sorted(made)[len(made) * 99 // 100] * 1e3:.2f} ms")
            yield Row("  resident memory after 500", f"{resident[0]:.1f} MB")
            yield Row(f"  after {SANDBOXES * ROUNDS}", f"{resident[-1]:.1f} MB", f"< {resident[0] + MAY_GROW:.0f} MB")


def _round(client: Client) -> list[float]:
    """Seconds that each creation took."""
    taken, made = [], []
    for _ in range(SANDBOXES):
        started = time.perf_counter()
        made.append(client.create_sandbox(from_="main").id)
        taken.append(time.perf_counter() - started)
    for sandbox in made:
        client.delete_sandbox(sandbox)
    return taken


def _await(client: Client) -> None:
    while True:
        try:
            client.ready()
        except ControlError:
            time.sleep(0.05)
        else:
            return
