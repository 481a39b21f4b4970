"""`childproof run -- true`: from nothing to sealed, served and gone again."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.row import Row

ROUNDS = 7


def rows() -> Iterator[Row]:
    """The whole command, the import of mitmproxy alone, and what is ours beyond it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "childproof", "run", "--report", "none", "--", "true"]
        whole = _seconds(command, folder)
        bare = _seconds([sys.executable, "-c", "import childproof.capture.mitm.lean"], folder)
    yield Row("childproof run -- true", f"{whole:.2f} s", "< 1.0 s")
    yield Row("  of it importing mitmproxy in a bare Python", f"{bare:.2f} s")
    yield Row("  of it ours", f"{(whole - bare) * 1000:.0f} ms", "< 150 ms")


def _seconds(command: Sequence[str], folder: str) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        done = subprocess.run(command, cwd=Path(folder), check=False, capture_output=True)
        times.append(time.perf_counter() - started)
        if done.returncode:
            sys.exit(done.stderr.decode())
    return statistics.median(times)
