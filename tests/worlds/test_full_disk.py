"""A store that can't be written, through the real proxy: denials with the reason, said once, counted at the end."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from childproof.ledger import Ledger
from childproof.sandbox.support import sealing_refusal
from childproof.world import Store
from tests.clients.served import Served, serving

KEY = ("sk_test_client", "")
# In a mount namespace of its own, with a small disk over the working directory.
TINY = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c",
        'mount -t tmpfs -o size=1536k none "$PWD" && cd "$PWD" && exec "$@"', "sh")  # fmt: skip
# The proxy as it is, but it doesn't wait as long for a lock as it would: tests have no time.
IMPATIENT = "from childproof.world import schema; schema.BUSY_MS = 200; from childproof.cli.entry import main; main()"


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    if reason := sealing_refusal():
        pytest.skip(reason)


def create(served: Served, session: requests.Session, name: str = "Jenny") -> requests.Response:
    return session.post(
        "http://api.stripe.com/v1/customers",
        auth=KEY,
        data={"name": name},
        proxies={"http": f"http://{served.http}"},
        timeout=30,
    )


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Nothing more fits on the disk of a folder meanwhile."""
    ballast = folder / "ballast"
    with pytest.raises(OSError, match="No space left"), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    try:
        yield
    finally:
        ballast.unlink()


def ready(served: Served) -> tuple[int, str]:
    """What a probe is told: the status, and how the first reason begins."""
    found = re.search(r"health +(\S+)", served.head)
    assert found is not None
    reply = requests.get(f"{found[1]}/readyz", timeout=30)
    reasons = reply.json()["reasons"]
    return reply.status_code, reasons[0].partition(":")[0] if reasons else ""


def reason(reply: requests.Response) -> str:
    assert reply.status_code == 403
    assert reply.headers["x-childproof"] == "deny"
    text: str = reply.json()["error"]["reason"]
    return text


def test_a_disk_that_fills_up_denies_and_tells_and_goes_on_with_room(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (tmp_path / "health.yaml").write_text("health: 127.0.0.1:0\n")
    config = ("--config", str(tmp_path / "health.yaml"))
    with serving(work, *config, prefix=TINY, code=1) as served, requests.Session() as session:
        disk = Path(f"/proc/{served.process.pid}/root{work}")  # seen from outside of its mount namespace
        answered = [create(served, session).json()["id"] for _ in range(5)]
        with filled(disk):
            denied = 0
            replies = [create(served, session) for _ in range(40)]
            for reply in replies:
                if reply.status_code == 200:
                    assert not denied, "what no longer fits fits again"
                    answered.append(reply.json()["id"])  # there was a little room left in the log
                else:
                    denied += 1
                    assert "childproof.db can't grow: the disk is full; free some space" in reason(reply)
                    assert "whoever runs childproof must act" in reply.json()["error"]["hint"]
            assert denied > 5
            assert ready(served) == (503, "calls are denied, since they can't be recorded")
            for name in ("childproof.db", "childproof.db-wal"):  # what is there is whole, though nothing can be added
                (tmp_path / name).write_bytes((disk / name).read_bytes())
            check(tmp_path / "childproof.db", answered)
        answered += [create(served, session).json()["id"] for _ in range(5)]
        while ready(served)[0] != 200:
            time.sleep(0.1)  # what was found counts for a moment
        for name in ("childproof.db", "childproof.db-wal"):
            (tmp_path / name).write_bytes((disk / name).read_bytes())
        check(tmp_path / "childproof.db", answered)
    lines = served.said.splitlines()
    assert len([line for line in lines if "can't be recorded" in line]) == 1
    [again] = [line for line in lines if "recorded again" in line]
    missing = int(again.split("; ")[1].split()[0])
    assert 0 < missing <= denied  # the denials of the last room left were recorded themselves
    assert f"  missing   {missing} call" in served.said
    assert lines[-1].startswith(f"childproof: the record of world main is incomplete: {missing} call")


def check(path: Path, answered: list[str]) -> None:
    """Exactly what was answered is there, each change with its entry."""
    with Store.open(path, wall=lambda: 0, readonly=True) as store:
        ledger = Ledger(store.connection)
        assert store.check() == ledger.check() == []
        with store.world("main").view() as now:
            assert sorted(item["id"] for item in now.list("stripe", "customer")) == sorted(answered)
        entries = [entry for entry in ledger.entries(world="main") if entry.verdict == "stub"]
        made = [change.id for entry in entries for change in entry.changes if change.kind == "customer"]
        assert made == answered


def test_a_run_on_a_full_disk_says_so_in_its_report_and_its_exit_code(tmp_path: Path) -> None:
    """The command itself ends well; its record doesn't."""
    job = "for n in 1 2 3; do curl -s -u sk_test_x: http://api.stripe.com/v1/customers -d name=J >/dev/null; done; true"
    work = tmp_path / "work"
    work.mkdir()
    fill = "head -c 4M /dev/zero > ballast 2>/dev/null; "
    run = [sys.executable, "-m", "childproof", "run", "--report", "json", "--report-to", str(tmp_path / "report.json")]
    done = subprocess.run(
        [*TINY, *run, "--", "sh", "-c", fill + job],
        cwd=work,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 1, done.stderr
    assert report["unrecorded"] > 0
    assert report["unfinished"] == 0
    assert f"the record of world main is incomplete: {report['unrecorded']} call" in done.stderr.splitlines()[-1]


def test_a_full_disk_at_the_start_starts_nothing(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    script = f'head -c 4M /dev/zero > ballast 2>/dev/null; exec "{sys.executable}" -m childproof run -- touch started'
    done = subprocess.run(
        [*TINY, "sh", "-c", f"{script}"],
        cwd=work,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith("childproof: childproof.db can't grow: the disk is full; free some space")
    assert "Traceback" not in done.stderr


def test_a_file_that_another_process_keeps_locked_denies_with_the_reason_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "impatient.py"
    script.write_text(IMPATIENT)
    # `python -m childproof` becomes `python impatient.py`
    prefix = ("sh", "-c", f'python=$1; shift 3; exec "$python" {script} "$@"', "sh")
    with serving(tmp_path, prefix=prefix, code=1) as served, requests.Session() as session:
        first = create(served, session).json()["id"]
        other = sqlite3.connect(served.db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        reasons = {reason(create(served, session)) for _ in range(5)}
        assert len(reasons) == 1
        assert "childproof.db is locked by another process; wait until that is done" in reasons.pop()
        # Reading goes on meanwhile.
        assert [entry["verdict"] for entry in served.entries()] == ["stub"]
        other.execute("ROLLBACK")
        other.close()
        second = create(served, session).json()["id"]
        check(served.db, [first, second])
    assert "the record of world main is incomplete: 5 calls denied without a record" in served.said
    assert served.said.count("can't be recorded") == 1


def _made(path: Path) -> None:
    with Store.open(path, wall=lambda: 0) as store:
        Ledger(store.connection)
        with store.ensure("main").transaction() as tx:
            for number in range(200):
                tx.put("s", "k", f"id{number}", {"text": "x" * 200})


def _newer(path: Path) -> None:
    _made(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def _torn(path: Path) -> None:
    """The first page is whole; what it says of the rest isn't there any more."""
    _made(path)
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(len(data) - 4096))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"rules:\n" * 1000), "is not a childproof database; move it away"),
        (_newer, "has format 999, this childproof reads format"),
        (_torn, "is damaged; restore a copy, or choose another file with --db"),
        (lambda path: path.mkdir(), "is a folder; name a file in it with --db or `store:`"),
    ],
    ids=["no database", "a newer format", "torn", "a folder"],
)
@pytest.mark.parametrize("command", ["run -- touch started", "serve --http 127.0.0.1:0"])
def test_a_file_that_is_not_ours_to_use_starts_nothing_and_stays_as_it_is(
    tmp_path: Path, command: str, make: Any, words: str
) -> None:
    path = tmp_path / "childproof.db"
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    done = subprocess.run(
        [sys.executable, "-m", "childproof", *command.split()],
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith(f"childproof: childproof.db {words}"), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "started").exists()
    assert (path.read_bytes() if path.is_file() else b"") == before
