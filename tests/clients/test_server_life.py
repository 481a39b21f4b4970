"""A server from its start to its end, as who runs it and who calls through it see it."""

import contextlib
import http.client
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHILDPROOF = [sys.executable, "-m", "childproof"]
SERVE = [*CHILDPROOF, "serve"]
RULES = """
version: 1
rules:
  - {name: quick, match: {host: quick.example}, reply: {status: 200, text: quick}}
  - {name: slow, match: {host: slow.example}, delay: 700ms, reply: {status: 200, text: slow}}
  - {name: later, match: {host: later.example}, delay: 60s, reply: {status: 200, text: later}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Server:
    """A running `childproof serve` with events on standard output."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.folder = folder
        self.health, self.proxy = free_port(), free_port()
        settings = {
            "rules": ["rules.yaml"],
            "listen": [
                {"world": {"file": "world.txt"}, "http": f"127.0.0.1:{self.proxy}"},
                {"world": "other", "service": "localhost:0", "dns": "127.0.0.1:0", "from": ["127.0.0.0/8"]},
                {"world": "pod", "transparent": "127.0.0.1:0"},
            ],
            "health": f"127.0.0.1:{self.health}",
            "metrics": f"127.0.0.1:{self.health}",
            "log": {"calls": "all"},
            **config,
        }
        (folder / "rules.yaml").write_text(RULES)
        (folder / "world.txt").write_text("  team-a/run-7\n")
        (folder / "childproof.yaml").write_text(json.dumps(settings))
        self.process = subprocess.Popen(
            SERVE,
            cwd=folder,
            env={**os.environ, "CHILDPROOF_STATE": str(folder / "state")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.events: list[dict[str, Any]] = []

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """What a probe gets; status 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.health, timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except OSError:
            return 0, {}
        finally:
            connection.close()

    def until_ready(self) -> set[int]:
        """Wait until /readyz says so; which statuses came before."""
        seen = set()
        while True:
            assert self.process.poll() is None, self.process.communicate()
            status, _ = self.ask("/readyz")
            if status == 200:
                return seen
            seen.add(status)
            time.sleep(0.01)

    def get(self, url: str) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.proxy, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", url)
            return connection.getresponse().read().decode()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        out, err = self.process.communicate(timeout=30)
        self.said = err
        self.events = [json.loads(line) for line in out.splitlines()]
        return self.process.returncode

    def calls(self) -> list[dict[str, Any]]:
        """The ledger, as `childproof log --json` gives it."""
        done = subprocess.run(
            [*CHILDPROOF, "log", "--json"], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return [json.loads(line) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def server(folder: Path, **config: Any) -> Iterator[Server]:
    running = Server(folder, **config)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


def hammer(running: Server, number: int, answered: list[str]) -> None:
    """One call after the other on connections that are kept, until nobody takes them any more."""
    connection = http.client.HTTPConnection("127.0.0.1", running.proxy, timeout=30)
    for count in range(100_000):
        path = f"/{number}/{count}"
        try:
            connection.request("GET", f"http://quick.example{path}")
            reply = connection.getresponse()
            if reply.read() == b"quick":
                answered.append(path)
        except http.client.RemoteDisconnected:
            connection.close()  # it was closed between two calls; the next one is told whether anybody listens
        except OSError:
            return


def test_a_server_ends_with_every_answer_recorded(tmp_path: Path) -> None:
    """From the first probe to the last event: ready when it is, told when it stops, and nothing lost that was answered."""
    with server(tmp_path) as running:
        assert running.until_ready() <= {0, 503}
        assert running.ask("/healthz") == (200, {"status": "alive"})
        probe = [*CHILDPROOF, "health", "--config", str(tmp_path / "childproof.yaml")]
        assert subprocess.run(probe, check=False, capture_output=True).returncode == 0
        answered: list[str] = []
        slow: list[str] = []
        clients = [threading.Thread(target=hammer, args=(running, number, answered)) for number in range(12)]
        late = threading.Thread(target=lambda: slow.append(running.get("http://slow.example/")))
        idle = socket.create_connection(("127.0.0.1", running.proxy))
        for client in clients:
            client.start()
        while len(answered) < 200:
            time.sleep(0.01)
        late.start()
        time.sleep(0.2)
        running.process.send_signal(signal.SIGTERM)
        while (told := running.ask("/readyz"))[1].get("status") == "ready":
            time.sleep(0.01)
        assert told[0] == 503
        assert told[1]["reasons"] == ["childproof is stopping"]
        assert idle.recv(1) == b""
        for client in (*clients, late):
            client.join()
        assert running.ended() == 0, running.said
        assert slow == ["slow"], "what was under way is answered"
        recorded = {entry["path"] for entry in running.calls() if entry["host"] == "quick.example"}
        assert recorded >= set(answered)
        assert subprocess.run(probe, check=False, capture_output=True).returncode == 1
    names = [event["event"] for event in running.events]
    assert [name for name in names if name not in ("call", "listening")] == [
        "starting", "ca", "ready", "stopping", "report", "report", "report", "stopped",
    ]  # fmt: skip
    calls = [event for event in running.events if event["event"] == "call"]
    assert len(calls) == len(recorded) + 1  # the slow one
    assert {call["world"] for call in calls} == {"team-a/run-7"}
    assert running.events[-1]["code"] == 0
    assert running.said == ""


def test_what_comes_from_other_namespaces_goes_where_it_says(tmp_path: Path) -> None:
    """By SNI and Host through a real client, in the listener's own world; names are answered for it, and nobody is relayed."""
    with server(tmp_path) as running:
        running.until_ready()
        assert running.process.stdout is not None
        places: dict[str, str] = {}
        while "ready" not in places:
            event = json.loads(running.process.stdout.readline())
            places.setdefault(event.get("kind", event["event"]), event.get("address", ""))
        service = ("--connect-to", f"::{places['service']}", "--cacert", str(tmp_path / "state/childproof-ca-cert.pem"))
        for url, *more in (
            ("https://quick.example/tls",),
            ("http://quick.example:8080/plain",),
            ("https://quick.example/other", "-H", "Host: other.example"),
            ("https://nobody.example/",),
        ):
            done = subprocess.run(["curl", "-sS", *service, *more, url], capture_output=True, text=True, check=True)
            assert (done.stdout == "quick") == (url.endswith(("tls", "plain"))), done.stdout
        host, _, port = places["transparent"].rpartition(":")
        with pytest.raises(ConnectionResetError), socket.create_connection((host, int(port))) as direct:
            direct.sendall(b"GET / HTTP/1.1\r\nHost: quick.example\r\n\r\n")
            direct.recv(1)
        query = bytes.fromhex("000701000001000000000000") + b"\5quick\7example\0\0\1\0\1"
        host, _, port = places["dns"].rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
            names.settimeout(20)
            names.sendto(query, (host, int(port)))
            address = ipaddress.ip_address(names.recv(512)[-4:])
        with contextlib.closing(socket.create_connection((host, int(port)))) as stream:
            stream.sendall(len(query).to_bytes(2, "big") + query)
            assert ipaddress.ip_address(stream.recv(512)[-4:]) == address
        assert address in ipaddress.ip_network("198.18.0.0/15")
        calls = {(call["world"], call["target"], call["verdict"], call["reason"]) for call in running.calls()}
        assert running.stop() == 0
    assert {call[:3] for call in calls} == {
        ("other", "GET https://quick.example/tls", "reply"),
        ("other", "GET http://quick.example:8080/plain", "reply"),
        ("other", "GET https://quick.example/other", "deny"),
        ("other", "GET https://nobody.example/", "deny"),
        ("other", "DNS A quick.example", "reply"),
        ("pod", f"TCP {places['transparent']}", "deny"),
    }
    reasons = {call[3] for call in calls if call[2] == "deny"}
    own = ("the connection was made to childproof's own listener", "the connection's original destination is unknown")
    assert any(reason.startswith(own) for reason in reasons)
    assert any("other.example" in reason for reason in reasons)


def test_what_does_not_end_is_cut_off_with_its_entry_and_a_second_signal_insists(tmp_path: Path) -> None:
    """However long the grace is: a reply of next minute is not waited for any more."""
    with server(tmp_path, stop={"grace": "60s"}) as running:
        running.until_ready()
        waiting = socket.create_connection(("127.0.0.1", running.proxy))
        waiting.sendall(b"GET http://later.example/ HTTP/1.1\r\nHost: later.example\r\n\r\n")
        while not running.calls():
            time.sleep(0.05)
        running.process.send_signal(signal.SIGTERM)
        while running.ask("/readyz")[1].get("status") != "stopping":
            time.sleep(0.01)
        assert running.process.poll() is None
        while running.process.poll() is None:  # who insists often does so again, until the report is out
            running.process.send_signal(signal.SIGTERM)
            time.sleep(0.001)
        assert running.ended() == 0
        with pytest.raises(ConnectionResetError):
            waiting.recv(100)
        [entry] = running.calls()
        assert (entry["host"], entry["rule"]) == ("later.example", "later")
    assert [event["connections"] for event in running.events if event["event"] == "cut_off"] == [1]
    assert [event["event"] for event in running.events][-4:] == ["report", "report", "report", "stopped"]


def test_addresses_that_cannot_be_had_are_told_together(tmp_path: Path) -> None:
    """Exit code 3, each with what to write instead; nothing was made."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    first, second = (sock.getsockname()[1] for sock in taken)
    with server(
        tmp_path,
        listen=[{"world": "main", "http": f"127.0.0.1:{first}", "socks": "203.0.113.9:1080"}],
        health=f"127.0.0.1:{second}",
        metrics="127.0.0.1:0",
    ) as running:
        assert running.ended() == 3
    assert running.said.splitlines() == [
        f"http 127.0.0.1:{first}: another program listens here; expected a free port",
        f"    write: http: 127.0.0.1:{first + 1}",
        "socks 203.0.113.9:1080: this machine doesn't have the address; expected one of its addresses: 127.0.0.1 for itself only",
        "    write: socks: 127.0.0.1:1080",
        f"health 127.0.0.1:{second}: another program listens here; expected a free port",
        f"    write: health: 127.0.0.1:{second + 1}",
        "childproof: 3 faults, nothing was started",
    ]
    assert [(event["event"], event.get("code")) for event in running.events] == [("starting", None), ("failed", 3)]
    assert not (tmp_path / "childproof.db").exists()


def test_who_does_not_read_the_log_stops_nothing(tmp_path: Path) -> None:
    """Neither a pipe that is full nor one that is closed."""
    with server(tmp_path) as running:
        running.until_ready()
        assert running.process.stdout is not None
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", running.proxy, timeout=30)) as connection:
            for number in range(400):
                if number == 300:
                    running.process.stdout.close()
                connection.request("GET", f"http://quick.example/{number}")
                assert connection.getresponse().read() == b"quick"
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0


def test_a_start_that_does_not_end_can_be_stopped(tmp_path: Path) -> None:
    """Something that is mounted is no file, or its file system is gone: nobody is let in, and a signal is heeded."""
    os.mkfifo(tmp_path / "pipe.yaml")
    with server(tmp_path, rules=["pipe.yaml"], stop={"grace": "100ms"}) as running:
        while running.ask("/healthz")[0] != 200:
            time.sleep(0.01)
        assert running.ask("/readyz")[0] == 503
        with pytest.raises(ConnectionRefusedError):
            running.get("http://quick.example/")
        assert running.stop() == 0
    assert [event["event"] for event in running.events][-2:] == ["trouble", "stopped"]
