"""Memory over 100,000 calls: `childproof serve` with the Stripe stub, its database in a file, everything on.

The first calls fill caches of a bounded size; what counts is whether it goes on growing after that.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.load import Asked, ask, free_port, resident_mb, serving
from bench.row import Row
from bench.throughput import REQUEST

FIRST = 20_000
CALLS = 100_000
MAY_GROW = 10


def rows() -> Iterator[Row]:
    """Resident memory after the first calls and after all of them, and the size of the database."""
    port = free_port()
    command = [sys.executable, "-m", "childproof", "serve", "--http", f"127.0.0.1:{port}", "--report", "none"]
    asked = Asked(REQUEST, "api.stripe.com")
    with tempfile.TemporaryDirectory() as folder, serving(command, port, folder) as process:
        ask(port, asked, FIRST)
        early = resident_mb(process.pid)
        yield Row(f"resident memory after {FIRST:,} calls", f"{early:.0f} MB")
        ask(port, asked, CALLS - FIRST)
        late = resident_mb(process.pid)
        yield Row(f"  after {CALLS:,}", f"{late:.0f} MB", f"< {early + MAY_GROW:.0f} MB")
        size = Path(folder, "childproof.db").stat().st_size
        yield Row("  the database, for each customer created", f"{size / CALLS / 1e3:.1f} kB")
