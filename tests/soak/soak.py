"""One `childproof serve` under load for as long as asked, killed half-way; then what it left behind.

What must hold: nothing reaches the listener beside it but what a rule allows; nothing that was answered is missing
from the ledger; above the cap a connection is reset and recorded, those within it are served, and afterwards there is
room again; descriptors, sockets and memory are at the end what they were after the beginning.
"""

import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.soak import clients
from tests.soak.clients import Tally, Way

CAP = 150  # connections
FLOOD = CAP + 60
_KEPT = ("customer", "message")
_SOCKETS_AT_REST = 4  # two listeners, and the two ends with which asyncio wakes itself up
MAY_GROW = 15.0  # MB, from when caches are warm until the end
_RULES = """
version: 1
rules:
  - name: the-listener-beside
    match: {{host: 127.0.0.1, port: {port}, path: /allowed}}
    allow: {{addresses: [127.0.0.1/32]}}
  - {{name: stripe, match: {{host: api.stripe.com}}, stub: stripe}}
  - {{name: mail, match: {{protocol: smtp}}, stub: email}}
"""
_CONFIG = """
rules: [rules.yaml]
limits: {{connections: {cap}, body: 1MiB}}
listen: [{{world: main, http: "127.0.0.1:{http}", socks: "127.0.0.1:{socks}"}}]
"""


@dataclass
class Findings:
    """Figures of a run, and what was wrong."""

    seconds: float = 0.0
    entries: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    memory: list[float] = field(default_factory=list)  # MB, of the second process, once a second
    descriptors: tuple[int, int] = (0, 0)  # of the second process: quiet at the beginning, quiet at the end
    most_descriptors: int = 0
    refused: int = 0
    floods: int = 0
    waited: float = 0.0  # seconds, the longest that an accepted connection waited in a flood
    leaked: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def warm(self) -> float:
        """Memory once caches were filled: after a quarter of the second half."""
        return self.memory[len(self.memory) // 4] if self.memory else 0.0


class Beside(http.server.ThreadingHTTPServer):
    """A listener that only `/allowed` may reach. Counts what comes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Counting)
        self.allowed = 0
        self.others: list[str] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        """A connection that was cut: the proxy is killed under it once."""


class _Counting(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Beside

    def do_GET(self) -> None:
        if self.path == "/allowed":
            self.server.allowed += 1
        else:
            self.server.others.append(self.path)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: Any) -> None:
        """Silent."""


class Served:
    """The proxy's process, which can be killed and started again on the same ports and database."""

    def __init__(self, folder: Path, beside: int) -> None:
        self.folder = folder
        self.http, self.socks = ("127.0.0.1", _free()), ("127.0.0.1", _free())
        (folder / "rules.yaml").write_text(_RULES.format(port=beside))
        (folder / "childproof.yaml").write_text(_CONFIG.format(cap=CAP, http=self.http[1], socks=self.socks[1]))
        self.log = (folder / "serve.log").open("a+")
        self.start()

    def start(self) -> None:
        """Start it and wait until it is ready."""
        before = self.log.seek(0, os.SEEK_END)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "childproof", "serve", "--report", "none"],
            cwd=self.folder,
            env={**os.environ, "XDG_STATE_HOME": str(self.folder / "state")},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        deadline = time.monotonic() + 30
        while "ready" not in (said := self.said(before)):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        found = re.search(r"CA +(\S+)", said)
        assert found is not None
        self.ca = found[1]

    def said(self, since: int = 0) -> str:
        """What it wrote to its terminal."""
        with (self.folder / "serve.log").open() as log:
            log.seek(since)
            return log.read()

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait(20)

    def end(self) -> None:
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(30)
        finally:
            self.process.kill()
            self.log.close()

    def memory(self) -> float:
        """Resident memory in MB."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def descriptors(self) -> int:
        """How many files and sockets it has open."""
        return len(self.open_files())

    def open_files(self) -> list[str]:
        """What they are."""
        found = []
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(str(link.readlink()))
        return found

    def entries(self) -> Iterator[dict[str, Any]]:
        """The ledger."""
        command = [sys.executable, "-m", "childproof", "log", "--db", str(self.folder / "childproof.db"), "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reading:
            assert reading.stdout is not None
            for line in reading.stdout:
                yield json.loads(line)


def soak(folder: Path, seconds: float) -> Findings:
    """Run it; nothing is asserted here but that it can go on."""
    beside = Beside()
    served = Served(folder, beside.server_address[1])
    findings = Findings()
    tally = Tally()
    ways = Way(served.ca, http=served.http), Way(served.ca, socks=served.socks)
    good = (clients.http, clients.https, clients.denied, clients.http2, clients.mail, clients.raw)
    work = [(client, way) for client in good for way in ways]
    work.append((clients.sentinel(beside.server_address[1]), ways[0]))
    bad = (clients.half_open, clients.slow_head, clients.slow_body, clients.slow_reader)
    work += [(client, way) for client in bad for way in ways] + [(clients.half_open, way) for way in ways] * 4
    started = time.monotonic()
    try:
        with clients.clients(work, tally):
            time.sleep(seconds / 2)
            served.kill()
            time.sleep(0.5)
            served.start()
            findings.descriptors = (_quiet_descriptors(served), 0)
            _watch(served, findings, started + seconds, ways[0])
        _drain(served, findings)
    finally:
        served.end()
        beside.shutdown()
    findings.seconds = time.monotonic() - started
    findings.answers, findings.broken = tally.answers, tally.broken
    findings.leaked = len(beside.others)
    findings.wrong += tally.wrong[:20]
    _compare(served, tally, beside, findings)
    return findings


def _quiet_descriptors(served: Served) -> int:
    """Those that aren't connections: clients come back within moments of a start."""
    return sum(not file.startswith("socket:") for file in served.open_files())


def _watch(served: Served, findings: Findings, end: float, way: Way) -> None:
    """Once a second a look at its size, now and then a flood and new rules."""
    turn = 0
    while time.monotonic() < end:
        time.sleep(1)
        turn += 1
        findings.memory.append(served.memory())
        findings.most_descriptors = max(findings.most_descriptors, served.descriptors())
        assert served.process.poll() is None, served.said()[-3000:]
        if turn % 5 == 2:
            _flood(served, findings, way)
        if turn % 7 == 3:
            served.process.send_signal(signal.SIGHUP)


def _flood(served: Served, findings: Findings, way: Way) -> None:
    """More connections than there is room for: some are reset, an older one is served all the while."""
    findings.floods += 1
    held: list[socket.socket] = []
    try:
        with contextlib.closing(way.open("api.stripe.com", 80)) as older:
            for _ in range(FLOOD):
                with contextlib.suppress(OSError):
                    held.append(socket.create_connection(served.http, 5))
            asked = time.monotonic()
            older.sendall(b"GET /v1/nothing HTTP/1.1\r\nHost: api.stripe.com\r\n\r\n")
            older.settimeout(30)
            if not older.recv(65536).startswith(b"HTTP/1.1 4"):
                findings.wrong.append("an accepted connection was not served in a flood")
            findings.waited = max(findings.waited, time.monotonic() - asked)
        refused: set[socket.socket] = set()
        deadline = time.monotonic() + 10
        while len(refused) < FLOOD - CAP and time.monotonic() < deadline:
            time.sleep(0.2)
            refused |= {sock for sock in held if sock not in refused and _was_reset(sock)}
        findings.refused += len(refused)
        if len(refused) < FLOOD - CAP:
            findings.wrong.append(f"of {FLOOD} connections over a cap of {CAP} only {len(refused)} were reset")
    except (OSError, EOFError):
        findings.broken["flood: the older connection was itself one too many"] += 1
    finally:
        for sock in held:
            sock.close()


def _was_reset(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return not sock.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _drain(served: Served, findings: Findings) -> None:
    """Everybody has gone: so must their descriptors, soon, and there is room for whoever comes."""
    quiet = findings.descriptors[0] + _SOCKETS_AT_REST
    deadline = time.monotonic() + 15
    while (now := served.descriptors()) > quiet and time.monotonic() < deadline:
        time.sleep(0.2)
    findings.descriptors = (quiet, now)
    findings.memory.append(served.memory())
    with contextlib.closing(socket.create_connection(served.http, 5)) as sock:
        sock.sendall(b"GET http://api.stripe.com/v1/nothing HTTP/1.1\r\nHost: api.stripe.com\r\n\r\n")
        if not sock.recv(65536).startswith(b"HTTP/1.1 4"):
            findings.wrong.append("no answer after the end of the load")


def _compare(served: Served, tally: Tally, beside: Beside, findings: Findings) -> None:
    """The ledger against what the clients were told, and against what the listener beside saw."""
    created: set[str] = set()
    calls: set[str] = set()
    allowed: set[str] = set()
    refusals = 0
    for entry in served.entries():
        findings.entries += 1
        calls.add(entry["id"])
        if entry["verdict"] == "allow":
            allowed.add(entry["id"])
        refusals += "open connections" in entry["reason"]
        created |= {change["id"] for change in entry["changes"] if change["kind"] in _KEPT and change["before"] is None}
        if "internal error" in entry["reason"] or (entry["error"] and entry["verdict"] != "allow"):
            findings.wrong.append(f"internal: {entry['reason']} {entry['error']}")
    if lost := set(tally.created) - created:
        findings.wrong.append(
            f"{len(lost)} customers and messages were answered and are not in the ledger: {sorted(lost)[:3]}"
        )
    if lost := set(tally.calls) - calls:
        findings.wrong.append(f"{len(lost)} calls were answered and are not in the ledger: {sorted(lost)[:3]}")
    if not len(tally.allowed) <= beside.allowed <= len(allowed):
        findings.wrong.append(
            f"allowed: {len(tally.allowed)} answered, {beside.allowed} arrived, {len(allowed)} in the ledger"
        )
    if findings.refused > refusals:
        findings.wrong.append(f"{findings.refused} connections were reset, {refusals} of them are in the ledger")
    if "Traceback" in (said := served.said()):
        findings.wrong.append(f"the proxy's log has a traceback: {said[said.index('Traceback') :][:1500]}")


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
