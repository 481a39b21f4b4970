"""Sandboxes made and ended over the control API, by one client on its unix socket: how long, and what stays in memory.

The server is `childproof serve`, its database in a file.
"""

import http.client
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import free_port, resident_mb, serving
from bench.row import Row
from childproof.client import Client, ControlError

SANDBOXES = 500
ROUNDS = 4  # the first ones fill caches
MAY_GROW = 2  # MB
RULES = 1000
RULE = "version: 1\nrules: [{name: own, match: {host: own.example}, reply: {text: hi}}]\n"


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
            yield from _judged_alike(client, process.pid)
            yield _meanwhile(client)


def _judged_alike(client: Client, pid: int) -> Iterator[Row]:
    """Each with rules of its own that are the others', too."""
    rule = "  - {{name: r{0}, match: {{host: h{0}.example}}, reply: {{text: hi}}}}\n"
    rules = "version: 1\nrules:\n" + "".join(rule.format(number) for number in range(RULES))
    before = resident_mb(pid)
    started = time.perf_counter()
    made = [client.create_sandbox(from_="main", rules=rules).id for _ in range(SANDBOXES)]
    took = time.perf_counter() - started
    each = (resident_mb(pid) - before) * 1024 / SANDBOXES
    for sandbox in made:
        client.delete_sandbox(sandbox)
    yield Row(f"{SANDBOXES} made with the same {RULES:,} rules", f"{took:.2f} s", "< 5 s")
    yield Row("  memory for each", f"{each:.0f} kB", "< 30 kB")


def _meanwhile(client: Client) -> Row:
    """What one sandbox waits for a reply while others are made and deleted."""
    mine = client.create_sandbox(rules=RULE)
    taken, over = list[float](), threading.Event()

    def ask() -> None:
        host, _, port = (mine.http or "").partition(":")
        connection = http.client.HTTPConnection(host, int(port))
        while not over.is_set():
            started = time.perf_counter()
            connection.request("GET", "http://own.example/")
            connection.getresponse().read()
            taken.append(time.perf_counter() - started)
            time.sleep(0.005)
        connection.close()

    asking = threading.Thread(target=ask)
    asking.start()
    _round(client)
    over.set()
    asking.join()
    client.delete_sandbox(mine.id)
    p50, p99 = (sorted(taken)[len(taken) * percent // 100] * 1e3 for percent in (50, 99))
    return Row("a call of one meanwhile, p50 and p99", f"{p50:.1f} ms, {p99:.1f} ms")


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
