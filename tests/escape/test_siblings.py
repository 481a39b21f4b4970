"""Runs beside each other, and floods: nothing gets lost, nothing gets to somebody else."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.escape.beside import beside_the_sinkhole, entries, sealed

pytestmark = pytest.mark.sealed

# One sandbox listens on every address it has, and on an abstract socket; the other looks for it.
LISTENER = """
import pathlib, socket, sys, time
servers = [socket.create_server((a, 7777)) for a in ("0.0.0.0",)] + [socket.socket(socket.AF_UNIX)]
servers[-1].bind("\\0sibling"); servers[-1].listen()
pathlib.Path("listening").touch()
servers[0].settimeout(30)
try:
    servers[0].accept(); print("found")
except OSError:
    pass
"""
SEEKER = """
import json, pathlib, socket
from childproof.escape.talk import exchange, get
from childproof.escape.ways import Direct
seen = {}
for host in ("127.0.0.1", "192.0.2.1", "10.99.0.1", "localhost", "::1", "2001:db8::1"):
    try:
        seen[host] = exchange(Direct({}), host, 7777, get("sibling.example"))[:12]
    except OSError as error:
        seen[host] = type(error).__name__
try:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect("\\0sibling"); seen["abstract"] = "found"
except OSError as error:
    seen["abstract"] = type(error).__name__
print(json.dumps(seen))
"""
BOTH = """
import pathlib, subprocess, sys, time
listener = subprocess.Popen({listener!r}, stderr=subprocess.DEVNULL)
while not pathlib.Path("listening").exists() and listener.poll() is None:
    time.sleep(0.05)
code = subprocess.run({seeker!r}).returncode
listener.terminate(); listener.wait()
sys.exit(code)
"""


def test_a_sandbox_reaches_no_other(tmp_path: Path) -> None:
    """Two sandboxes at once: what one listens on, by whatever address, the other can't find."""
    commands = {
        name: sealed(sys.executable, "-c", source, options=("--report", "none"))
        for name, source in (("listener", LISTENER), ("seeker", SEEKER))
    }
    seen = beside_the_sinkhole(tmp_path, "ordinary", sys.executable, "-c", BOTH.format(**commands))
    assert seen.code == 0, seen.err
    own = {"127.0.0.1", "192.0.2.1", "localhost", "::1", "2001:db8::1"}
    assert {host: seen.answers[host] for host in own} == dict.fromkeys(own, "ConnectionRefusedError")
    assert seen.answers["10.99.0.1"] == "HTTP/1.1 403"
    assert seen.answers["abstract"] == "ConnectionRefusedError"
    assert seen.recorded("http://10.99.0.1:7777/")
    assert "found" not in seen.out.replace("not found", "")
    assert seen.frames == []


def test_two_runs_share_a_file_and_a_world(tmp_path: Path) -> None:
    """Every call of both is there once, under a number of its own."""
    source = "import urllib.request\nfor n in range(20):\n try: urllib.request.urlopen(f'http://{n}.example/')\n except OSError: pass"
    runs = [
        subprocess.Popen(
            [*sealed(sys.executable, "-c", source)], cwd=tmp_path, stderr=subprocess.PIPE, env=env(tmp_path)
        )
        for _ in range(2)
    ]
    for process in runs:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    seen = entries(tmp_path / "box.db")
    assert sorted(entry.target for entry in seen if entry.protocol == "http") == sorted(
        f"GET http://{n}.example/" for n in range(20) for _ in range(2)
    )
    assert sorted(entry.seq for entry in seen) == list(range(1, len(seen) + 1))


def test_a_flood_of_datagrams_keeps_nothing_else_from_working(tmp_path: Path) -> None:
    """Each from a port of its own, faster than they are recorded; meanwhile a call gets its answer, a signal arrives."""
    source = """
import os, socket, sys, urllib.request, urllib.error
if os.fork() == 0:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("203.0.113.60", 9999))
try:
    urllib.request.urlopen("http://after.example/", timeout=30)
except urllib.error.HTTPError as error:
    print(error.code, flush=True)
import signal; signal.pause()
"""
    process = subprocess.Popen(
        sealed(sys.executable, "-c", source), cwd=tmp_path, stdout=subprocess.PIPE, env=env(tmp_path), text=True
    )
    with process:
        assert process.stdout.readline() == "403\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert any(entry.target == "UDP 203.0.113.60:9999" for entry in entries(tmp_path / "box.db"))


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}
