"""A stubbed HTTPS reply, keep-alive, through CONNECT: CPU per request of the serving process, side by side.

    python -m bench.http

Every server runs in a process of its own and is measured by its own CPU time (user + system), so that the client's
work and the other core don't count. All answer the same canned reply.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REQUESTS = 2000
WARM_UP = 200
CONNECTIONS = 16
BODY = b'{"id": "cus_123", "object": "customer", "email": "jenny@example.com"}'
REQUEST = (
    b"POST /v1/customers HTTP/1.1\r\nHost: api.stripe.com\r\nUser-Agent: Stripe/v1 PythonBindings/12\r\n"
    b"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nAuthorization: Bearer sk_test_1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 23\r\n\r\nemail=jenny@example.com"
)
SERVERS = {
    "stock mitmdump": "mitmdump",
    "minimal Master": "minimal",
    "childproof capture": "capture",
    "childproof capture, forwardable host": "forwardable",
    "childproof capture + engine + ledger": "engine",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One server's figures. `cpu_us` is CPU time per request in microseconds, `rate` requests per second."""

    name: str
    cpu_us: float
    rate: float


def rows(requests: int = REQUESTS) -> list[Row]:
    """Measure every server, one after the other."""
    return [_measure(name, kind, requests) for name, kind in SERVERS.items()]


def main() -> None:
    print(f"stubbed HTTPS through CONNECT, {CONNECTIONS} kept-alive connections, {REQUESTS} requests")
    for row in rows():
        print(f"  {row.name:<40} {row.cpu_us:>8.0f} µs CPU/request {row.rate:>8.0f} req/s")


# the client


def _measure(name: str, kind: str, requests: int) -> Row:
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        process = subprocess.Popen([sys.executable, "-m", "bench.http", "serve", kind, str(port), directory])
        try:
            _wait_for(port, process)
            asyncio.run(_load(port, WARM_UP))
            before, started = _cpu_seconds(process.pid), time.perf_counter()
            asyncio.run(_load(port, requests))
            elapsed = time.perf_counter() - started
            return Row(name, (_cpu_seconds(process.pid) - before) / requests * 1e6, requests / elapsed)
        finally:
            process.terminate()
            process.wait(10)


async def _load(port: int, requests: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    each = requests // CONNECTIONS
    await asyncio.gather(*(_client(port, context, each) for _ in range(CONNECTIONS)))


async def _client(port: int, context: ssl.SSLContext, requests: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: api.stripe.com:443\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    await writer.start_tls(context, server_hostname="api.stripe.com")
    for _ in range(requests):
        writer.write(REQUEST)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await reader.readexactly(len(BODY))
    writer.close()


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server exited with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


# the servers

_CANNED = f"""
from mitmproxy import http
def request(flow):
    flow.response = http.Response.make(200, {BODY!r}, {{"content-type": "application/json"}})
"""


def _serve_mitmdump(port: int, directory: Path) -> None:
    from mitmproxy.tools.main import mitmdump  # noqa: PLC0415 - each server process imports its own

    script = directory / "canned.py"
    script.write_text(_CANNED)
    mitmdump(["-q", "--listen-host", "127.0.0.1", "-p", str(port), "--set", f"confdir={directory}", "-s", str(script)])


async def _serve_minimal(port: int, directory: Path) -> None:
    from childproof.capture.mitm.lean import Master, Options, Proxyserver, TlsConfig  # noqa: PLC0415
    from mitmproxy import http  # noqa: PLC0415
    from mitmproxy.addons.next_layer import NextLayer  # noqa: PLC0415

    class Canned:
        def request(self, flow: http.HTTPFlow) -> None:
            flow.response = http.Response.make(200, BODY, {"content-type": "application/json"})

    options = Options()
    master = Master(options)
    master.addons.add(Proxyserver(), NextLayer(), TlsConfig(), Canned())
    options.update(
        confdir=str(directory), mode=[f"regular@127.0.0.1:{port}"], connection_strategy="lazy", upstream_cert=False
    )
    await master.run()


class _Canned:
    """A judge that always says the same."""

    max_body = 10 * 1024 * 1024

    def __init__(self, *, forwardable: bool) -> None:
        from childproof.model import Action, Outcome, Reply, Verdict  # noqa: PLC0415

        reply = Reply(200, (("content-type", "application/json"),), BODY)
        self._outcome = Outcome("call_1", Verdict(Action.STUB, "stripe", "canned"), reply)
        self._forwardable = forwardable

    def handle(self, call: Any) -> Any:  # noqa: ARG002 - the point
        return self._outcome

    def settle(self, *_: Any) -> None:
        """Nothing is forwarded."""

    def may_allow(self, *_: Any) -> bool:
        return self._forwardable


async def _serve_capture(port: int, directory: Path, judge: Any) -> None:
    from childproof.capture.destination import Ingress  # noqa: PLC0415
    from childproof.capture.mitm.ca import ensure_ca  # noqa: PLC0415
    from childproof.capture.mitm.capture import HttpCapture  # noqa: PLC0415

    capture = HttpCapture(judge, ensure_ca(directory))
    await capture.start()
    await capture.listen("127.0.0.1", port, Ingress("main", "bench"))
    await asyncio.Event().wait()


def _serve(kind: str, port: int, directory: Path) -> None:
    match kind:
        case "mitmdump":
            _serve_mitmdump(port, directory)
        case "minimal":
            asyncio.run(_serve_minimal(port, directory))
        case "engine":
            asyncio.run(_serve_capture(port, directory, _engine(directory)))
        case _:
            asyncio.run(_serve_capture(port, directory, _Canned(forwardable=kind == "forwardable")))


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        _serve(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
