"""A stubbed HTTPS reply, keep-alive, through CONNECT: CPU per request of the serving process, side by side.

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
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.row import Row

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


def rows() -> Iterator[Row]:
    """Every server, one after the other. What is to reach is the minimal Master's figure of the same run."""
    minimal = 0.0
    for name, kind in SERVERS.items():
        cpu_us, rate = _measure(kind, REQUESTS)
        if kind == "minimal":
            minimal = cpu_us
        target = f"<= {minimal:.0f} µs" if kind in ("capture", "engine") else ""
        yield Row(f"HTTPS reply, CPU/request: {name} ({rate:.0f} req/s)", f"{cpu_us:.0f} µs", target)


# the client


def _measure(kind: str, requests: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        process = subprocess.Popen([sys.executable, "-m", "bench.https", kind, str(port), directory])
        try:
            _wait_for(port, process)
            _load(port, WARM_UP)
            before, started = _cpu_seconds(process.pid), time.perf_counter()
            _load(port, requests)
            elapsed = time.perf_counter() - started
            return (_cpu_seconds(process.pid) - before) / requests * 1e6, requests / elapsed
        finally:
            process.terminate()
            process.wait(10)


def _load(port: int, requests: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for done in [pool.submit(_client, port, context, requests // CONNECTIONS) for _ in range(CONNECTIONS)]:
            done.result(60)


def _client(port: int, context: ssl.SSLContext, requests: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        plain.sendall(b"CONNECT api.stripe.com:443 HTTP/1.1\r\nHost: api.stripe.com:443\r\n\r\n")
        answer = plain.recv(4096)
        assert answer.endswith(b"\r\n\r\n"), answer
        sock = context.wrap_socket(plain, server_hostname="api.stripe.com")
        for _ in range(requests):
            sock.sendall(REQUEST)
            got = sock.recv(65536)
            while b"\r\n\r\n" not in got:
                got += sock.recv(65536)
            head, _, body = got.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            while len(body) < length:
                body += sock.recv(65536)


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
    mitmdump(
        [
            "-q",
            "--listen-host",
            "127.0.0.1",
            "-p",
            str(port),
            "--set",
            f"confdir={directory}",
            "--set",
            "connection_strategy=lazy",
            "-s",
            str(script),
        ]
    )  # eager would dial, and fail


async def _serve_minimal(port: int, directory: Path) -> None:
    from mitmproxy import http  # noqa: PLC0415
    from mitmproxy.addons.next_layer import NextLayer  # noqa: PLC0415

    from childproof.capture.mitm.lean import Master, Options, Proxyserver, TlsConfig  # noqa: PLC0415

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


_RULES = """
version: 1
rules:
  - name: canned
    match: {host: api.stripe.com, method: POST, path: /v1/customers}
    reply: {status: 200, json: {id: cus_123, object: customer, email: jenny@example.com}}
"""


def _engine(directory: Path) -> Any:
    """The real engine with a world and a ledger in a file; its reply is a rule's."""
    from childproof.run.compose import compose  # noqa: PLC0415
    from childproof.run.config import Config  # noqa: PLC0415

    rules = directory / "rules.yaml"
    rules.write_text(_RULES)
    return compose(
        Config(state_dir=directory, rules=(rules,), store=str(directory / "bench.db")), worlds=("main",)
    ).engine


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
    _serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
