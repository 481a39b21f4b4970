"""`POST /v1/customers` with everything on: HTTPS intercepted, judged, validated, stored durably, recorded, event emitted.

What is measured is `childproof serve` as anybody starts it, on one core, at 16 connections; the client has the other
core. Beside it, over plain HTTP and without any of that, localstripe where it is installed
(`pip install localstripe`; it is no dependency of ours).
"""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.load import CONNECTIONS, Asked, free_port, measure
from bench.row import Row

REQUESTS = 8000
PEER_REQUESTS = 160
TARGET = "1,000 req/s"
BODY = b"email=jenny%40example.com&name=Jenny+Rosen&description=hello&metadata[order_id]=6735"
REQUEST = (
    b"POST /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\nUser-Agent: Stripe/v1 PythonBindings/12\r\n"
    b"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nAuthorization: Bearer sk_test_1234\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)
)


def rows() -> Iterator[Row]:
    """Ours, then the peer."""
    port = free_port()
    command = [sys.executable, "-m", "childproof", "serve", "--http", f"127.0.0.1:{port}", "--report", "none"]
    ours = measure(command, port, Asked(REQUEST, "api.stripe.com"), REQUESTS, one_core=True)
    what = f"POST /v1/customers over HTTPS, {CONNECTIONS} connections, one core"
    yield Row(what, f"{ours.rate:,.0f} req/s", TARGET)
    yield Row("  CPU time of childproof for each", f"{ours.cpu_us:.0f} µs", "< 1000 µs")
    localstripe = shutil.which("localstripe") or _beside("localstripe")
    if localstripe is None:
        yield Row("  localstripe, plain HTTP", "not installed")
        return
    port = free_port()
    command = [localstripe, "--port", str(port), "--from-scratch"]
    peer = measure(command, port, Asked(REQUEST), PEER_REQUESTS, one_core=True)
    yield Row("  localstripe, plain HTTP, likewise", f"{peer.rate:,.0f} req/s")
    yield Row("  CPU time of localstripe for each", f"{peer.cpu_us:.0f} µs")


def _beside(name: str) -> str | None:
    found = Path(sys.executable).with_name(name)
    return str(found) if found.exists() else None
