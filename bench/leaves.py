"""A certificate for a host that was never seen, beside the stores of others: early, and after ten thousand hosts.

Ours is what a handshake asks for, with the TLS context around it beside it; mitmproxy's is its CertStore, as its addon
asks it.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.row import Row
from childproof.capture.mitm.ca import ensure_ca
from childproof.capture.mitm.leaf import Leaves

BEFORE = 10_000
COUNTED = 300


def rows() -> Iterator[Row]:
    """CPU of this process for each new host."""
    with tempfile.TemporaryDirectory() as folder:
        leaves = Leaves(ensure_ca(Path(folder)))
        yield Row("a new host's certificate, CPU", _us(leaves.certificate, "early"), "<= 200 µs")
        yield Row("  with its TLS context", _us(leaves.openssl, "context"))
        for number in range(BEFORE):
            leaves.openssl(f"before-{number}.example")
        yield Row(f"  the certificate after {BEFORE:,} hosts", _us(leaves.certificate, "late"), "<= 200 µs")
        yield Row("  with its TLS context", _us(leaves.openssl, "late-context"))
    yield from _mitmproxy()


def _us(make: Callable[[str], object], word: str) -> str:
    started = time.process_time()
    for number in range(COUNTED):
        make(f"{word}-{number}.example")
    return f"{(time.process_time() - started) / COUNTED * 1e6:.0f} µs"


def _mitmproxy() -> Iterator[Row]:
    from cryptography import x509  # noqa: PLC0415
    from mitmproxy.certs import CertStore  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        store = CertStore.from_store(Path(folder), "mitmproxy", 2048)

        def make(host: str) -> object:
            return store.get_cert(host, [x509.DNSName(host)])

        yield Row("mitmproxy's CertStore, a new host", _us(make, "early"))
        for number in range(BEFORE // 10):
            make(f"before-{number}.example")
        yield Row(f"  after {BEFORE // 10:,} hosts", _us(make, "late"))
