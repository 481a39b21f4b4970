"""Memory over 200,000 calls to 5,000 hosts: `childproof serve` in TLS, everything on. Takes some ten minutes.

Each host is a new name, a new certificate and a handshake; what is kept of them has bounds.
"""

import sys
import tempfile
from collections.abc import Iterator

from bench.load import Asked, ask, free_port, resident_mb, serving
from bench.row import Row

HOSTS = 5000
CALLS_EACH = 40  # 200,000 together
WARM = 1500  # hosts: past the bound of what is kept
MAY_GROW = 10


def rows() -> Iterator[Row]:
    """Resident memory when the bounded caches are full, and at the end."""
    port = free_port()
    command = [sys.executable, "-m", "childproof", "serve", "--http", f"127.0.0.1:{port}", "--report", "none"]
    with tempfile.TemporaryDirectory() as folder, serving(command, port, folder) as process:
        _visit(port, range(WARM))
        early = resident_mb(process.pid)
        calls = WARM * CALLS_EACH
        yield Row(f"resident memory after {calls:,} calls to {WARM:,} hosts", f"{early:.0f} MB")
        _visit(port, range(WARM, HOSTS))
        late = resident_mb(process.pid)
        calls = HOSTS * CALLS_EACH
        yield Row(f"  after {calls:,} calls to {HOSTS:,}", f"{late:.0f} MB", f"< {early + MAY_GROW:.0f} MB")


def _visit(port: int, numbers: range) -> None:
    for number in numbers:
        host = f"host-{number}.example"
        request = f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        ask(port, Asked(request, host, status=403), CALLS_EACH, connections=2)
