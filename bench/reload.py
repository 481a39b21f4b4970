"""Reloading 10,000 rules while calls go on: from SIGHUP until the new ones answer, and what calls notice of it.

One client makes some hundred calls a second over one connection; each reply names the state of the rules that answered.
"""

import http.client
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.load import cpu_seconds, free_port, resident_mb, serving
from bench.row import Row
from bench.rules import COUNT, _rule

RELOADS = 5
IDLE = 10.0  # seconds
PAUSE = 0.005  # seconds between two calls


def rows() -> Iterator[Row]:
    """Reloads, the longest call before and during them, calls that failed or got an answer of neither state; idling."""
    with tempfile.TemporaryDirectory() as folder:
        rules, port = Path(folder) / "rules.yaml", free_port()
        _write(rules, 0)
        command = [sys.executable, "-m", "childproof", "serve", "--report", "none", "--rules", str(rules),
                   "--http", f"127.0.0.1:{port}"]  # fmt: skip
        with serving(command, port, folder) as process:
            client = _Client(port)
            calm = max(client.call()[1] for _ in range(500))
            took, longest, calls = [], [], 0
            memory, before = resident_mb(process.pid), cpu_seconds(process.pid)
            for state in range(1, RELOADS + 1):
                _write(rules, state)
                started, seen, slowest = time.perf_counter(), state - 1, 0.0
                os.kill(process.pid, signal.SIGHUP)
                while seen != state:
                    seen, seconds = client.call()
                    slowest, calls = max(slowest, seconds), calls + 1
                    client.check(seen in {state - 1, state})
                took.append(time.perf_counter() - started)
                longest.append(slowest)
                time.sleep(1.5)  # a change that was found by a look is over as well
            yield Row(f"reload {COUNT:,} rules, {RELOADS} times: the slowest", f"{max(took):.2f} s", "< 2 s")
            cpu = (cpu_seconds(process.pid) - before) / RELOADS
            yield Row("  CPU time for each, calls meanwhile included", f"{cpu:.2f} s")
            yield Row("  the longest of the calls meanwhile", f"{max(longest) * 1000:.0f} ms")
            yield Row("  of 500 calls before", f"{calm * 1000:.0f} ms")
            yield Row(f"  failed of {calls:,} calls", f"{client.failed}", "0")
            yield Row("  resident memory before, afterwards", f"{memory:.0f}, {resident_mb(process.pid):.0f} MB")
            before = cpu_seconds(process.pid)
            time.sleep(IDLE)
            yield Row("  CPU while idle, files watched", f"{(cpu_seconds(process.pid) - before) / IDLE:.2%}", "< 0.5%")


class _Client:
    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.failed = 0

    def call(self) -> tuple[int, float]:
        """The state that answered, -1 for none, and how long that took in seconds."""
        time.sleep(PAUSE)
        started = time.perf_counter()
        try:
            self._connection.request("GET", "http://state.example/")
            reply = self._connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return -1, time.perf_counter() - started
        return int(body) if reply.status == 200 else -1, time.perf_counter() - started

    def check(self, fine: bool) -> None:  # noqa: FBT001 (what was looked at)
        self.failed += not fine


def _write(file: Path, state: int) -> None:
    """Rules of which the first and the last must be of one state: the reply comes from the last."""
    first = f"  - {{name: first-{state}, match: {{host: first.example}}, deny: {{}}}}\n"
    last = f'  - {{name: state-{state}, match: {{host: state.example}}, reply: {{text: "{state}"}}}}\n'
    text = "version: 1\nrules:\n" + first + "".join(map(_rule, range(COUNT - 2))) + last
    beside = file.with_suffix(".new")
    beside.write_text(text)
    beside.replace(file)
