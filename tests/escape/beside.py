"""Running attempts in a sealed sandbox beside the sinkhole, once for all tests that look at what came of them."""

import fcntl
import json
import os
import pickle
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from childproof.escape.session import run_group
from childproof.ledger import Entry, Ledger
from childproof.world import Store

HERE = Path(__file__).parent
CHILDPROOF = (sys.executable, "-m", "childproof")
USERS = ("privileged", "ordinary")


@dataclass(frozen=True)
class Seen:
    """What attempts came to, what the ledger has of them, and which frames the sinkhole saw."""

    answers: dict[str, Any]
    entries: tuple[Entry, ...]
    frames: list[str]
    awake: bool
    code: int
    out: str
    err: str

    def recorded(self, text: str) -> list[Entry]:
        """The entries whose target or reason has this text."""
        return [entry for entry in self.entries if text in f"{entry.target} · {entry.reason}"]


def beside_the_sinkhole(folder: Path, user: str, *command: str, env: dict[str, str] | None = None) -> Seen:
    """Run a command there; its first line of output is JSON if it is an attempt's."""
    options = ["--ordinary"] if user == "ordinary" else []
    done = run_group(
        [sys.executable, "-m", "childproof.escape.outside", *options, *command],
        folder,
        {**os.environ, "XDG_STATE_HOME": str(folder / "state"), **(env or {})},
        110,
    )
    if "outside: unshare" in done.stderr:
        pytest.skip(f"this kernel gives no user namespaces: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    frames = json.loads(lines[-1])
    try:
        answers = json.loads(lines[0])
    except ValueError:
        answers = {}
    return Seen(
        answers,
        tuple(entries(folder / "box.db")),
        frames["during"],
        bool(frames["control"]),
        frames["code"],
        done.stdout,
        done.stderr,
    )


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Seen]) -> tuple[Seen, Path]:
    """What `make` saw in a folder of its own: made by the first of several test processes, read by the others."""
    root = factory.getbasetemp()
    shared = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / name
    shared.mkdir(exist_ok=True)
    kept = shared / "seen.pickle"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            (shared / "folder").mkdir()
            kept.write_bytes(pickle.dumps(make(shared / "folder")))
    return pickle.loads(kept.read_bytes()), shared / "folder"


def sealed(*command: str, options: Sequence[str] = ()) -> list[str]:
    """The command line of a sealed run that records into `box.db`."""
    return [*CHILDPROOF, "run", "--db", "box.db", *options, "--", *command]


def entries(db: Path) -> list[Entry]:
    if not db.exists():
        return []
    with Store.open(db, wall=lambda: 0, readonly=True) as store:
        return list(Ledger(store.connection, lock=store.lock).entries())
