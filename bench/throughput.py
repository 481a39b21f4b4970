"""`POST /v1/customers` with everything on: HTTPS intercepted, judged, validated, stored durably, recorded, event emitted.

What is measured is `childproof serve` as anybody starts it, on one core; the client has the other core. First one world
at 16 connections, then 100 worlds active at once, each with a listener and a connection of its own. Beside it, over plain
HTTP and without any of that, other fakes, which are no dependencies of ours: localstripe where it is installed
(`pip install localstripe`), and whatever runs already: `BENCH_PEERS="Stripe World=http://127.0.0.1:8000/worlds/bench"`,
several with `;` between them.
"""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from bench.load import CONNECTIONS, WARM_UP, Asked, Figure, ask, free_port, free_ports, measure, timed
from bench.row import Row

REQUESTS = 8000
PEER_REQUESTS = 160
WORLDS = 100
TARGET = "1,000 req/s"
BODY = b"email=jenny%40example.com&name=Jenny+Rosen&description=hello&metadata[order_id]=6735"
_SERVE = (sys.executable, "-m", "childproof", "serve", "--report", "none")


def request(host: str = "api.stripe.com", base: str = "") -> bytes:
    """What an SDK sends to create a customer."""
    head = (
        f"POST {base}/v1/customers HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Stripe/v1 PythonBindings/12\r\n"
        "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nAuthorization: Bearer sk_test_1234\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    return head.encode() + BODY


REQUEST = request()


def rows() -> Iterator[Row]:
    """Ours, then the peers."""
    port = free_port()
    asked = Asked(REQUEST, "api.stripe.com")
    one = measure([*_SERVE, "--http", f"127.0.0.1:{port}"], port, asked, REQUESTS, one_core=True)
    yield Row(f"POST /v1/customers over HTTPS, {CONNECTIONS} connections, one core", f"{one.rate:,.0f} req/s", TARGET)
    yield Row("  CPU time of childproof for each", f"{one.cpu_us:.0f} µs", "< 1000 µs")
    yield from _latency(one)
    many = _worlds(asked)
    yield Row(f"  {WORLDS} worlds at once, a connection each", f"{many.rate:,.0f} req/s")
    yield Row("  CPU time of childproof for each", f"{many.cpu_us:.0f} µs")
    yield from _latency(many)
    yield from _localstripe()
    yield from _running()


def _latency(found: Figure) -> Iterator[Row]:
    yield Row("  p50, p99", f"{found.p50_ms:.1f}, {found.p99_ms:.1f} ms")


def _worlds(asked: Asked) -> Figure:
    """One process, a listener for each world."""
    ports = free_ports(WORLDS)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as config:
        lines = [f"  - {{world: many/{number}, http: 127.0.0.1:{port}}}\n" for number, port in enumerate(ports)]
        config.write("listen:\n" + "".join(lines))
        config.flush()
        return measure([*_SERVE, "--config", config.name], ports, asked, REQUESTS, one_core=True)


def _localstripe() -> Iterator[Row]:
    command = shutil.which("localstripe") or _beside("localstripe")
    if command is None:
        yield Row("  localstripe, plain HTTP", "not installed")
        return
    port = free_port()
    peer = measure([command, "--port", str(port), "--from-scratch"], port, Asked(REQUEST), PEER_REQUESTS, one_core=True)
    yield Row("  localstripe, plain HTTP, likewise", f"{peer.rate:,.0f} req/s")
    yield Row("  CPU time of localstripe for each", f"{peer.cpu_us:.0f} µs")
    yield from _latency(peer)


def _running() -> Iterator[Row]:
    """Fakes that somebody else has started, on whatever cores."""
    for name, _, url in (peer.partition("=") for peer in os.environ.get("BENCH_PEERS", "").split(";") if peer):
        place = urlsplit(url)
        asked = Asked(request(place.netloc, place.path.rstrip("/")))
        ask(place.port or 80, asked, WARM_UP)
        peer = timed(place.port or 80, asked, PEER_REQUESTS * 10)
        yield Row(f"  {name}, plain HTTP", f"{peer.rate:,.0f} req/s")
        yield from _latency(peer)


def _beside(name: str) -> str | None:
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else None
