"""Worlds among each other: forks of a large one, many at once, idle and active, what two changed, files."""

import gc
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.row import Row
from bench.world import CUSTOMER, fill
from childproof.world import Store, World, worldfile

FORKS = 1000
ACTIVE = 100
CHANGED = 10_000


def rows() -> Iterator[Row]:
    """On a file, as `childproof run` has it."""
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "b.db", wall=lambda: 0) as store:
        fill(store.create("main"))
        taken = []
        for number in range(FORKS):
            started = time.perf_counter()
            store.fork("main", f"many/{number}")
            taken.append(time.perf_counter() - started)
        yield Row("fork p50, of 100,000 entities", f"{statistics.median(taken) * 1e6:.0f} µs", "< 1 ms")
        yield Row("fork p99", f"{sorted(taken)[FORKS * 99 // 100] * 1e6:.0f} µs")
        yield Row(
            "memory of an idle world, of 1,000 that were read and written", _idle(Path(folder) / "b.db"), "< 50 kB"
        )
        yield Row("calls a second, over 100 worlds in turn", f"{_active(store):,.0f}")
        for name in ("one", "two"):
            store.fork("main", name)
            _change(store.world(name), name)
        started = time.perf_counter()
        found = len(store.compare("one", "two").changes)
        took = time.perf_counter() - started
        assert found == CHANGED
        yield Row("diff of 10,000 changed entities, of 100,000", f"{took * 1e3:.0f} ms", "< 1 s")
        yield from _files(store)
        started = time.perf_counter()
        store.reset("one", record=None)
        yield Row("reset of 10,000 changes", f"{(time.perf_counter() - started) * 1e3:.0f} ms")


def _idle(path: Path) -> str:
    """In a process of its own: what was used and freed before would hide what 1,000 worlds take."""
    command = [sys.executable, "-c", f"from bench.worlds import idle; print(idle({str(path)!r}))"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return f"{float(done.stdout) / 1000:.1f} kB"


def idle(path: str) -> float:
    """Bytes that each of 1,000 worlds adds to this process, read and written before; SQLite's cache is full by then."""
    with Store.open(path, wall=lambda: 0) as store:
        with store.world("main").view() as view:
            view.count("s", "customer", where={"name": "nobody"})
        worlds: list[World] = []
        before = 0
        for number in range(-50, FORKS):
            if number == 0:
                gc.collect()
                before = _resident()
            world = store.world(f"many/{number % FORKS}")
            with world.transaction() as tx:
                tx.get("s", "customer", "cus_1")
                tx.put("s", "customer", "cus_1", {**CUSTOMER, "balance": number})
            worlds.append(world)
        gc.collect()
        return (_resident() - before) / FORKS


def _active(store: Store) -> float:
    worlds = [store.world(f"many/{number}") for number in range(ACTIVE)]
    started = time.perf_counter()
    for turn in range(20):
        for world in worlds:
            with world.transaction() as tx:
                tx.put("s", "customer", f"new_{turn}", CUSTOMER)
    return 20 * ACTIVE / (time.perf_counter() - started)


def _change(world: World, name: str) -> None:
    with world.transaction() as tx:
        for number in range(CHANGED):
            tx.put("s", "customer", f"cus_{number}", {**CUSTOMER, "name": name})


def _files(store: Store) -> Iterator[Row]:
    started = time.perf_counter()
    text = "\n".join(worldfile.write(store.export("two", since_parent=True)))
    took = time.perf_counter() - started
    yield Row("export of 10,000 changed entities, with the parent's hash", f"{took:.1f} s")
    started = time.perf_counter()
    values: dict[str, Any] = worldfile.read(text, "two.yaml")
    store.load(values, "again")
    yield Row("import of the same", f"{time.perf_counter() - started:.1f} s")


def _resident() -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    return 0
