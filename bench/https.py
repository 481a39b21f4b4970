"""One canned reply, side by side: CPU a request of the serving process over HTTPS, plain HTTP and new connections.

Every server answers the same bytes (`bench.peers`) and is charged with its own CPU time alone (`bench.load`). Over
HTTPS and plain HTTP connections are kept alive, through CONNECT as in a sealed sandbox; `absolute URI` is how a client
asks an explicit proxy for plain HTTP. A new connection is CONNECT, a whole TLS handshake, one request and the end.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from bench.load import CONNECTIONS, Asked, Figure, ask, cpu_seconds, free_port, resident_mb, serving
from bench.peers import ABSOLUTE, HOST, REQUEST, Peer, peers
from bench.row import Row

REQUESTS = 2000
HANDSHAKES = 320
STARTS = 5
ROUNDS = 5  # others may use the machine meanwhile
_SERVE = (sys.executable, "-m", "childproof", "serve", "--report", "none", "--http")
WAYS = {
    "https": ("HTTPS reply", Asked(REQUEST, HOST)),
    "http": ("plain HTTP reply", Asked(REQUEST, HOST, port=80)),
    "absolute": ("plain HTTP reply, absolute URI", Asked(ABSOLUTE)),
}


def rows() -> Iterator[Row]:
    """All servers, one after the other; targets are of the same run where they are another's figure."""
    seen: dict[tuple[str, str], Figure] = {}
    for peer in peers():
        if peer.missing:
            yield Row(f"{peer.name}", peer.missing)
            continue
        yield from _one(peer, seen)
    yield from _starts()


def _one(peer: Peer, seen: dict[tuple[str, str], Figure]) -> Iterator[Row]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, serving(peer.serve(port), port, folder) as process:
        for way, (what, asked) in WAYS.items():
            figure = seen[peer.kind, way] = _measure(process.pid, port, asked)
            words = f"{what}: {peer.name} ({figure.rate:.0f} req/s)"
            yield Row(words, f"{figure.cpu_us:.0f} µs", _target(peer.kind, way, seen))
        if peer.kind == "capture":
            rounds = [_measure(process.pid, port, WAYS["https"][1]) for _ in range(ROUNDS)]
            calmest = min(rounds, key=lambda one: one.p99_ms / one.p50_ms)
            words = f"  its p99 over its p50, {CONNECTIONS} connections, the calmest of {ROUNDS} rounds"
            yield Row(words, f"{calmest.p99_ms / calmest.p50_ms:.1f}", "< 5")
        fresh = _handshakes(process.pid, port)
        target = "<= 2000 µs" if peer.kind == "capture" else ""
        yield Row(f"new TLS connection with a reply: {peer.name}", f"{fresh:.0f} µs", target)
        memory = resident_mb(process.pid)
        yield Row(f"resident memory after that: {peer.name}", f"{memory:.0f} MB", _room(peer.kind))


def _measure(pid: int, port: int, asked: Asked) -> Figure:
    ask(port, asked, 200)
    latencies: list[float] = []
    before, started = cpu_seconds(pid), time.perf_counter()
    ask(port, asked, REQUESTS, latencies)
    elapsed = time.perf_counter() - started
    cpu = cpu_seconds(pid) - before
    cuts = statistics.quantiles(latencies, n=100)
    return Figure(cpu / REQUESTS * 1e6, REQUESTS / elapsed, resident_mb(pid), cuts[49] * 1e3, cuts[98] * 1e3)


def _handshakes(pid: int, port: int) -> float:
    """CPU of a new connection, in microseconds."""
    asked = Asked(REQUEST, HOST)
    for _ in range(2):
        ask(port, asked, CONNECTIONS)
    before = cpu_seconds(pid)
    for _ in range(HANDSHAKES // CONNECTIONS):
        ask(port, asked, CONNECTIONS)  # one request on each
    return (cpu_seconds(pid) - before) / HANDSHAKES * 1e6


def _target(kind: str, way: str, seen: dict[tuple[str, str], Figure]) -> str:
    if kind != "capture":
        return ""
    if way != "https":
        return "<= 150 µs"
    parts = [250.0, seen["minimal", way].cpu_us / 4]
    if ("mockttp", way) in seen:
        parts.append(seen["mockttp", way].cpu_us / 10)
    return "<= " + ", ".join(f"{part:.0f}" for part in parts) + " µs"


def _room(kind: str) -> str:
    return "< 70 MB" if kind == "capture" else ""


def _starts() -> Iterator[Row]:
    """From nothing to an answering port, medians: `childproof serve` with everything on, and the others."""
    for peer in peers():
        if peer.kind in ("mitmdump", "mockttp") and not peer.missing:
            wall, cpu = _ready(peer.serve)
            yield Row(f"ready: {peer.name} (CPU {cpu:.2f} s)", f"{wall:.2f} s")
    wall, cpu = _ready(lambda port: [*_SERVE, f"127.0.0.1:{port}"])
    yield Row(f"ready: childproof serve, everything on (CPU {cpu:.2f} s)", f"{wall:.2f} s", "< 0.6 s")


def _ready(command: Callable[[int], list[str]]) -> tuple[float, float]:
    """Seconds on the clock and of the processor until the port takes a connection; medians."""
    taken, spent = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(STARTS + 1):  # the first one fills caches
            port = free_port()
            started = time.perf_counter()
            with serving(command(port), port, folder, every=0.005) as process:
                taken.append(time.perf_counter() - started)
                spent.append(cpu_seconds(process.pid))
    return statistics.median(taken[1:]), statistics.median(spent[1:])
