"""Under a stock mitmdump the addon is closed, or mitmdump doesn't run."""

import contextlib
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SCRIPT = """
from childproof.capture.mitm.addon import ChildproofAddon
from childproof.model import Action, Forward, Outcome, Reply, Verdict

class Judge:
    max_body = 1000
    def handle(self, call):
        print("CALL", call.target, call.violation.kind if call.violation else "-", flush=True)
        if call.violation:
            return Outcome("c", Verdict(), Reply(403, (), b"violation"))
        if call.path == "/allowed":
            return Outcome("c", Verdict(Action.ALLOW), forward=Forward(call.host, call.port, ("127.0.0.0/8",)))
        return Outcome("c", Verdict(Action.STUB), Reply(200, (("x-from", "stub"),), b"stub"))
    def settle(self, outcome, upstream, reply, error=""):
        print("SETTLED", upstream, error, flush=True)
    def may_allow(self, world, host, port):
        return True
%s
addons = [%sChildproofAddon(Judge())%s]
"""
FAULTY = """
class Faulty:
    def %s(self, *args):
        raise ValueError("a bug")
"""


def mitmdump(tmp_path: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(script)
    command = [
        sys.executable, "-u", "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()",
        "--listen-host", "127.0.0.1", "-p", "0", "--set", f"confdir={tmp_path}", "-s", str(path), *arguments,
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def running(tmp_path, script, *arguments):
    process = mitmdump(tmp_path, script, *arguments)
    said = ""
    try:
        while "listening at" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield int(said.rpartition(":")[2].strip(" .\n")), process
    finally:
        process.terminate()
        process.wait(10)


def ask(port, path, host="127.0.0.1:9"):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        got = b""
        with contextlib.suppress(ConnectionResetError):
            while data := sock.recv(65536):
                got += data
        return got


@dataclass
class Sentinel:
    """What dialled upstream: the owner of each connection, 0 where it was gone already, and its first bytes."""

    port: int
    seen: list[tuple[int, bytes]] = field(default_factory=list)

    def by(self, process):
        """The connections of this process. Another test's client may come by, where a port is given out anew."""
        return [data for pid, data in self.seen if pid == process.pid or (data and pid == 0)]


@contextlib.contextmanager
def sentinel():
    """Notes who connects; answers nothing but a fixed reply."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = Sentinel(server.getsockname()[1])

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    sock, (_, port) = server.accept()
                    pid = owner(port)
                    data = sock.recv(65536)
                    found.seen.append((pid, data))
                    sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nreal")
                    sock.close()

        threading.Thread(target=serve, daemon=True).start()
        yield found
        server.shutdown(socket.SHUT_RDWR)  # or it would wait on, at whatever has the descriptor's number next


def owner(port: int) -> int:
    """The process that holds the local end of a TCP connection from this port; 0 where none does."""
    inodes = {
        f"socket:[{words[9]}]"
        for words in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
        if words[1] == f"0100007F:{port:04X}"
    }
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            if str(link.readlink()) in inodes:
                return int(link.parts[2])
    return 0


def test_calls_are_judged_answered_or_forwarded(tmp_path):
    with sentinel() as upstream, running(tmp_path, SCRIPT % ("", "", "")) as (port, process):
        assert b"x-from: stub" in ask(port, "/x", f"127.0.0.1:{upstream.port}")
        assert upstream.by(process) == []
        assert ask(port, "/allowed", f"127.0.0.1:{upstream.port}").endswith(b"real")
        assert len(upstream.by(process)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("hook", ["request", "requestheaders", "client_connected", "server_connect"])
@pytest.mark.parametrize("order", [("Faulty(), ", ""), ("", ", Faulty()")], ids=["before", "after"])
def test_another_script_s_bug_denies(tmp_path, hook, order):
    """Stock mitmproxy would forward this."""
    script = SCRIPT % (FAULTY % hook, *order)
    with sentinel() as upstream, running(tmp_path, script) as (port, process):
        assert b"real" not in ask(port, "/allowed", f"127.0.0.1:{upstream.port}")
        assert upstream.by(process) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--ssl-insecure",),
        ("--ignore-hosts", ".*"),
        ("--set", "stream_large_bodies=1"),
        ("--set", "validate_inbound_headers=false"),
        ("--mode", "reverse:http://127.0.0.1:9"),
        ("--mode", "upstream:http://127.0.0.1:9"),
        ("--proxyauth", "a:b"),
    ],
    ids=lambda arguments: arguments[1] if arguments[0] in ("--set", "--mode") else arguments[0],
)
def test_unsafe_options_keep_mitmdump_from_running(tmp_path, arguments):
    process = mitmdump(tmp_path, SCRIPT % ("", "", ""), *arguments)
    try:
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 1
    assert "childproof refuses unsafe options" in output


def test_an_eager_strategy_is_set_to_lazy(tmp_path):
    """It is the default of stock mitmproxy, so it can't be refused there."""
    with sentinel() as upstream, running(tmp_path, SCRIPT % ("", "", "")) as (port, process):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(
                f"CONNECT 127.0.0.1:{upstream.port} HTTP/1.1\r\nHost: 127.0.0.1:{upstream.port}\r\n\r\n".encode()
            )
            assert b"200" in sock.recv(1000)
            sock.sendall(b"GET /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % upstream.port)
            assert b"x-from: stub" in sock.recv(1000)
        assert upstream.by(process) == []
