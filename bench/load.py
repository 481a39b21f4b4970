"""The client that the HTTP benchmarks share: keep-alive connections, and the CPU time of the process they ask.

A measured server runs in a process of its own and is charged with its own CPU time (user + system), so that the client's
work doesn't count.
"""

import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from childproof.model import replace

WARM_UP = 200
CONNECTIONS = 16
TLS_PORT = 443


@dataclass(frozen=True, slots=True)
class Asked:
    """What the client sends, again and again. With a `host`, through CONNECT, and TLS on 443; else plainly to the port."""

    request: bytes
    host: str = ""
    port: int = 443
    status: int = 200


@dataclass(frozen=True, slots=True)
class Figure:
    """CPU microseconds a request of the serving process, requests a second, its resident memory at the end in MB.

    And, where they were taken, the time that a request took in the middle, and of the slowest hundredth, in milliseconds.
    """

    cpu_us: float
    rate: float
    memory: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0


def measure(
    command: Sequence[str], port: int | Sequence[int], asked: Asked, requests: int, *, one_core: bool = False
) -> Figure:
    """Start a server that listens on `port`, or on several, warm it up, ask it `requests` times, end it."""
    first = port if isinstance(port, int) else port[0]
    with tempfile.TemporaryDirectory() as directory, serving(command, first, directory) as process:
        if one_core:
            os.sched_setaffinity(process.pid, {max(os.sched_getaffinity(0))})
        ask(port, asked, WARM_UP)
        before = cpu_seconds(process.pid)
        found = timed(port, asked, requests)
        cpu = cpu_seconds(process.pid) - before
        return replace(found, cpu_us=cpu / requests * 1e6, memory=resident_mb(process.pid))


def timed(port: int | Sequence[int], asked: Asked, requests: int) -> Figure:
    """Ask a server that runs already, whose CPU time and memory are nobody's business here."""
    latencies: list[float] = []
    started = time.perf_counter()
    ask(port, asked, requests, latencies)
    elapsed = time.perf_counter() - started
    p50, p99 = (sorted(latencies)[len(latencies) * percent // 100] * 1000 for percent in (50, 99))
    return Figure(0.0, len(latencies) / elapsed, 0.0, p50, p99)


@contextmanager
def serving(
    command: Sequence[str], port: int, directory: str, *, every: float = 0.05
) -> Iterator["subprocess.Popen[bytes]"]:
    """A server in a folder of its own, from when it listens (a look `every` seconds) until it has ended."""
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))
    # with bytecode, as an installed package has it; kept apart, so that neither a checkout's age nor a setting counts
    bytecode = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": f"{directory}/bytecode"}
    environment = {**os.environ, **bytecode, "CHILDPROOF_STATE": directory, "PYTHONPATH": path}
    with (Path(directory) / "server.log").open("w+b") as log:
        process = subprocess.Popen(
            command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            wait_for(port, process, Path(log.name), every)
            yield process
        finally:
            process.terminate()
            process.wait(30)


def ask(
    port: int | Sequence[int],
    asked: Asked,
    requests: int,
    latencies: list[float] | None = None,
    *,
    connections: int = CONNECTIONS,
) -> None:
    """Send all requests over as many connections as there are, and read every reply. `latencies` collects seconds.

    Several ports get a connection each.
    """
    ports = [port] * connections if isinstance(port, int) else port
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    with ThreadPoolExecutor(len(ports)) as pool:
        share = max(1, requests // len(ports))
        for done in [pool.submit(_client, each, asked, context, share, latencies) for each in ports]:
            done.result(600)


def _client(port: int, asked: Asked, context: ssl.SSLContext, requests: int, latencies: list[float] | None) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        if not asked.host:
            _exchange(plain.sendall, plain.recv, asked, requests, latencies)
            return
        there = f"{asked.host}:{asked.port}"
        plain.sendall(f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n\r\n".encode())
        answer = plain.recv(4096)
        assert answer.endswith(b"\r\n\r\n"), answer
        if asked.port != TLS_PORT:
            _exchange(plain.sendall, plain.recv, asked, requests, latencies)
            return
        with context.wrap_socket(plain, server_hostname=asked.host) as sock:
            _exchange(sock.sendall, sock.recv, asked, requests, latencies)


def _exchange(
    send: Callable[[bytes], None],
    receive: Callable[[int], bytes],
    asked: Asked,
    requests: int,
    latencies: list[float] | None,
) -> None:
    for _ in range(requests):
        started = time.perf_counter()
        send(asked.request)
        got = receive(65536)
        while b"\r\n\r\n" not in got:
            got += receive(65536)
        head, _, body = got.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % asked.status), got
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        while len(body) < length:
            body += receive(65536)
        if latencies is not None:
            latencies.append(time.perf_counter() - started)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path, every: float = 0.05) -> None:
    """Return as soon as somebody listens; a server that ends or says nothing is the benchmark's end, with its log."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"bench: the server exited with {process.returncode}: {log.read_text()}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(every)
    sys.exit(f"bench: the server did not start: {log.read_text()}")


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback that nobody listens on."""
    with contextlib.ExitStack() as probes:
        held = [probes.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [probe.getsockname()[1] for probe in held]
