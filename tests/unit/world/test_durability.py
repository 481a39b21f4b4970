"""Killed at any moment, no answered call is lost and none is there by half."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.ledger import Ledger
from childproof.world import Store

# Writes until it is killed. Told a file a line, it has a process of its own for each, forked from what is loaded already.
CHILD = """
import os, sys
from childproof.ledger import Entry, Ledger
from childproof.world import Store

def write(path):
    print("process", os.getpid(), flush=True)
    store = Store.open(path, wall=lambda: 0)
    ledger = Ledger(store.connection)
    worlds = [store.ensure("one"), store.ensure("two")]
    number = 0
    while True:
        world = worlds[number % 2]
        with world.transaction() as tx:
            for part in range(4):
                tx.put("s", f"part{part}", f"id{tx.seq}", {"seq": tx.seq, "pad": "x" * 700})
            tx.put("s", "total", "total", {"calls": tx.counter("s", "calls")})
            ledger.append(Entry(
                f"call_{tx.world}_{tx.seq}", tx.world, "", tx.seq, 0, 0, "http", "GET /", "h", 443, "GET", "/", "stub",
                None, "", "s", None, None, 200, 0, None, None, tx.changes, (),
            ))
            seq = tx.seq
        # What an answer on the wire is for the engine: only ever after the commit. So short a line is written whole.
        sys.stdout.write(f"{tx.world} {seq}\\n")
        sys.stdout.flush()
        number += 1

for line in sys.stdin:
    pid = os.fork()
    if not pid:
        write(line.strip())
    _, status = os.waitpid(pid, 0)
    print("signal", os.WTERMSIG(status), flush=True)
"""
CHAINS = 2  # files, so that two processors have something to do
KILLS = 40  # of each; with those of tests/clients/test_kill.py a hundred


@contextlib.contextmanager
def writing() -> Iterator[subprocess.Popen[str]]:
    """What starts writers."""
    command = [sys.executable, "-c", CHILD]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writers:
        try:
            yield writers
        finally:
            assert writers.stdin is not None
            writers.stdin.close()


def started(writers: subprocess.Popen[str], path: Path) -> int:
    """The process of a new writer."""
    assert writers.stdin is not None
    assert writers.stdout is not None
    writers.stdin.write(f"{path}\n")
    writers.stdin.flush()
    word, pid = writers.stdout.readline().split()
    assert word == "process"
    return int(pid)


def run_until_killed(writers: subprocess.Popen[str], path: Path, calls: int) -> dict[str, int]:
    """Start a writer, kill -9 it after so many answers and a moment; returns the last call answered by each world."""
    pid = started(writers, path)
    assert writers.stdout is not None
    answered: dict[str, int] = {}
    for said in range(sys.maxsize):
        if said == calls:
            os.kill(pid, signal.SIGKILL)
        word, number = writers.stdout.readline().split()
        if word == "signal":
            assert int(number) == signal.SIGKILL
            return answered
        answered[word] = int(number)
    raise AssertionError


@pytest.mark.slow
@pytest.mark.parametrize("chain", range(CHAINS))
def test_kill_9_under_load_loses_no_answered_call_and_leaves_no_half(tmp_path, chain):
    """One file through many kills: each new process recovers what the last one left."""
    path = tmp_path / "childproof.db"
    moments = random.Random(chain)
    answered = {"one": 0, "two": 0}
    with writing() as writers:
        for _ in range(KILLS):
            answered |= run_until_killed(writers, path, moments.randrange(1, 60))
            check(path, answered)
    with Store.open(path, wall=lambda: 0, readonly=True) as store:
        assert store.check() == Ledger(store.connection).check() == []
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check(path: Path, answered: dict[str, int]) -> None:
    with Store.open(path, wall=lambda: 0, readonly=True) as store:
        ledger = Ledger(store.connection)
        for name, last in answered.items():
            world = store.world(name)
            with world.view() as now:
                assert now.seq >= last
                # At most the one call that was committed and not yet answered.
                assert now.seq <= last + 1
                for part in range(4):
                    seqs = [item["seq"] for item in now.list("s", f"part{part}", newest_first=False)]
                    assert seqs == list(range(1, now.seq + 1))
                assert now.get("s", "total", "total") == {"calls": now.seq}
                seqs = [entry.seq for entry in ledger.entries(world=name)]
                assert seqs == list(range(1, now.seq + 1))
            for entry in ledger.entries(world=name, last=1):
                assert len(entry.changes) == 5


def test_readers_in_other_processes_see_whole_calls_while_one_writes(tmp_path):
    path = tmp_path / "childproof.db"
    with writing() as writers:
        pid = started(writers, path)
        assert writers.stdout is not None
        try:
            for line in writers.stdout:
                if line == "two 5\n":
                    break
            seen = set()
            with Store.open(path, wall=lambda: 0, readonly=True) as store:
                ledger = Ledger(store.connection)
                while len(seen) < 10:
                    with store.world("one").view() as now:
                        seen.add(now.seq)
                        counts = {now.count("s", f"part{part}") for part in range(4)}
                        assert counts == {now.seq}
                        assert now.get("s", "total", "total") == {"calls": now.seq}
                    assert [entry.seq for entry in ledger.entries(world="one", limit=5)] == [1, 2, 3, 4, 5]
                    writers.stdout.readline()
        finally:
            os.kill(pid, signal.SIGKILL)


WRITER = """
import sys
from childproof.ledger import Ledger
from childproof.world import Store

with Store.open(sys.argv[1], wall=lambda: 0) as store:
    ledger = Ledger(store.connection, lock=store.lock)
    world = store.ensure("main")
    for _ in range(15):
        with world.transaction() as tx:
            tx.put("s", "k", f"id{tx.counter('s', 'n')}", {"seq": tx.seq})
"""


def test_processes_that_begin_at_once_on_a_new_file_share_it_exactly(tmp_path):
    """Two `childproof run` in one folder: no call lost, none counted twice, no error."""
    path = tmp_path / "childproof.db"
    children = [subprocess.Popen([sys.executable, "-c", WRITER, str(path)]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    with Store.open(path, wall=lambda: 0, readonly=True) as store, store.world("main").view() as now:
        assert now.seq == 45
        items = now.items("s", "k", newest_first=False)
        assert items == [(f"id{number}", {"seq": number}) for number in range(1, 46)]
