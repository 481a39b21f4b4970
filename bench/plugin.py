"""What pytest's fixtures cost: tests with a fresh world against tests with nothing, and importing the plugin.

Sessions of 200 tests each, in a process of their own, in turns; times are what pytest itself took for the tests' three phases,
so that the server's start, which is once a session, stands in a row of its own.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row

TESTS = 200
ROUNDS = 3
_FILE = """
import pytest

@pytest.mark.parametrize("n", range({count}))
def test_it({name}n):
    pass
"""
_TIMED = """
import time

TAKEN = []

def pytest_runtest_protocol(item, nextitem):
    TAKEN.append(time.perf_counter())

def pytest_sessionfinish():
    TAKEN.append(time.perf_counter())

def pytest_unconfigure():
    first, second, last = TAKEN[0], TAKEN[1], TAKEN[-1]
    print("TAKEN", (last - second) / (len(TAKEN) - 2) * 1000, (second - first) * 1000)
"""
_IMPORT = "import pytest, time; t = time.perf_counter(); import {}; print((time.perf_counter() - t) * 1000)"


def rows() -> Iterator[Row]:
    """A test with nothing, one with a world, the server's start, the imports. Medians."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "conftest.py").write_text(_TIMED)
        for name in ("", "world"):
            (place / f"test_{name or 'nothing'}.py").write_text(
                _FILE.format(count=TESTS + 1, name=f"{name}, " if name else "")
            )
        rounds = [(_session(place, "nothing"), _session(place, "world")) for _ in range(ROUNDS)]
    nothing, world = (statistics.median(one[0] for one in column) for column in zip(*rounds, strict=True))
    yield Row("a test with nothing", f"{nothing:.2f} ms")
    yield Row("a test with a fresh world, beyond it", f"{world - nothing:.2f} ms", "< 5 ms")
    yield Row("the first test with one: the server's start", f"{statistics.median(one[1][1] for one in rounds):.0f} ms")
    yield Row("importing the plugin", f"{_import('childproof.pytest_plugin'):.1f} ms", "< 30 ms")
    yield Row("importing childproof.client, msgspec with it", f"{_import('childproof.client'):.1f} ms")


def _session(folder: Path, name: str) -> tuple[float, float]:
    """Milliseconds of each test but the first, and of that."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        f"test_{name}.py",
    ]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    found = re.search(r"TAKEN (\S+) (\S+)", done.stdout)
    assert found, done.stdout
    return float(found[1]), float(found[2])


def _import(module: str) -> float:
    command = [sys.executable, "-c", _IMPORT.format(module)]
    return statistics.median(float(subprocess.check_output(command, text=True)) for _ in range(7))
