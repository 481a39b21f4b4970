"""A running HttpCapture in a thread of its own, a judge to script, and an upstream that counts what reaches it."""

import asyncio
import http.client
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from childproof.capture.destination import Destination, Ingress
from childproof.capture.dialer import Dialed
from childproof.capture.mitm.ca import CA, ensure_ca
from childproof.capture.mitm.capture import HttpCapture
from childproof.capture.mitm.leaf import Leaves
from childproof.model import Action, Call, Forward, Outcome, Protocol, Reply, Upstream, Verdict

WAIT = 10


@dataclass
class ScriptedJudge:
    """Decides as `decide` says; the default denies everything. Remembers all it was asked and told."""

    decide: Callable[[Call], Outcome] | None = None
    forwards: Callable[[str], bool] = lambda _host: False
    max_body: int = 10 * 1024 * 1024
    calls: list[Call] = field(default_factory=list)
    settled: list[tuple[Outcome, Upstream, Reply | None, str]] = field(default_factory=list)

    def handle(self, call: Call) -> Outcome:
        self.calls.append(call)
        name = f"call_{len(self.calls)}"
        if call.violation is not None:
            status = call.violation.status or 403
            return Outcome(name, Verdict(reason=call.violation.reason), deny(status, call.violation.kind))
        if self.decide is None:
            return Outcome(name, Verdict(reason="no rule matches"), deny(403, "no rule matches"))
        return self.decide(call)

    def settle(self, outcome: Outcome, upstream: Upstream, reply: Reply | None, error: str = "") -> None:
        self.settled.append((outcome, upstream, reply, error))

    def may_allow(self, world: str, host: str, port: int) -> bool:
        return self.forwards(host)

    @property
    def violations(self) -> list[str]:
        return [call.violation.kind for call in self.calls if call.violation is not None]


def deny(status: int, reason: str) -> Reply:
    return Reply(
        status, (("content-type", "application/json"), ("x-childproof", "deny")), b'{"error": "%s"}' % reason.encode()
    )


def allow(call: Call) -> Outcome:
    return Outcome(
        "call_allowed", Verdict(Action.ALLOW, "allowed", "says the test"), forward=Forward(call.host, call.port)
    )


def stubbed(body: bytes = b'{"ok": true}', status: int = 200, **more: Any) -> Callable[[Call], Outcome]:
    reply = Reply(status, (("content-type", "application/json"),), body)
    return lambda _call: Outcome("call_stubbed", Verdict(Action.STUB, "stubbed", "says the test"), reply, **more)


class Sentinel:
    """An upstream for every host, plain and TLS. `requests`, `connections` and `received` are what reached it."""

    def __init__(self, ca: CA) -> None:
        self.leaves = Leaves(ca)
        self.connections = 0
        self.received = 0
        self.requests: list[bytes] = []
        self.dialed: list[Forward] = []
        self.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\nx-from: upstream\r\n\r\nupstream"

    async def start(self) -> None:
        self._plain = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        context = self.leaves.context_for("secure.example")
        context.sni_callback = self._by_name
        self._tls = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)

    def _by_name(self, connection: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        if name:
            connection.context = self.leaves.context_for(name)

    async def stop(self) -> None:
        self._plain.close()
        self._tls.close()

    async def dial(self, forward: Forward) -> Dialed:
        self.dialed.append(forward)
        server = self._tls if forward.port in (443, 8443) else self._plain
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        return Dialed(reader, writer, "127.0.0.1", Upstream(dns=1, connections=1))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = 0
                for line in head.lower().split(b"\r\n"):
                    if line.startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = await reader.readexactly(length)
                self.received += len(head) + len(body)
                self.requests.append(head + body)
                writer.write(self.answer)
                await writer.drain()
                if b"connection: close" in self.answer.lower():
                    return
        except asyncio.IncompleteReadError as error:
            self.received += len(error.partial)
        except OSError:
            pass
        finally:
            writer.close()


class Machine:
    """The capture, its loop's thread, and ways to talk through it."""

    def __init__(self, ca: CA, upstream_ca: CA) -> None:
        self.ca = ca
        self.judge = ScriptedJudge()
        self.ingress = Ingress("main", "box")
        self._upstream_ca = upstream_ca
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.sentinel = Sentinel(upstream_ca)
        self.mail: list[tuple[Ingress, Destination, bytes]] = []
        self.capture: HttpCapture

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT)

    def start(self, dial: Callable[[Forward], Awaitable[Dialed]] | None = None, **options: Any) -> None:
        self.run(self.sentinel.start())
        self.capture = HttpCapture(
            self.judge,
            self.ca,
            dial=dial or self.sentinel.dial,
            smtp=self._smtp,
            upstream_ca=self._upstream_ca.cert_pem,
        )
        self.run(self.capture.start(**options))
        self.host, self.port = self.run(self.capture.listen("127.0.0.1", 0, self.ingress))

    def stop(self) -> None:
        async def end() -> None:
            await self.capture.stop()
            await self.sentinel.stop()
            for _ in range(3):
                await asyncio.sleep(0)

        self.run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT)
        self._loop.close()

    def _smtp(self, ingress: Ingress, destination: Destination) -> asyncio.Protocol:
        machine = self

        class Greeter(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                self.transport = transport
                transport.write(b"220 hello\r\n")

            def data_received(self, data: bytes) -> None:
                machine.mail.append((ingress, destination, data))
                self.transport.close()

        return Greeter()

    # clients

    def raw(self) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout=WAIT)

    def tunnel(self, target: str = "api.example:443") -> socket.socket:
        sock = self.raw()
        sock.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            data = sock.recv(1)
            if not data:
                break
            answer += data
        assert answer.startswith(b"HTTP/1.1 200"), answer
        return sock

    def adopted(self, destination: Destination) -> socket.socket:
        """A connection as a sealed sandbox's front door hands it over."""
        here, there = tcp_pair()

        async def adopt() -> None:
            self.capture.adopt(there, destination, self.ingress)

        self.run(adopt())
        here.settimeout(WAIT)
        return here

    def client_context(self, *alpn: str) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=str(self.ca.cert_pem))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def secure(self, target: str = "api.example:443", *alpn: str, sni: str | None = None) -> ssl.SSLSocket:
        name = sni or target.rpartition(":")[0].strip("[]")
        return self.client_context(*alpn).wrap_socket(self.tunnel(target), server_hostname=name)

    def https(self, target: str = "api.example:443") -> http.client.HTTPConnection:
        """A kept-alive HTTP client inside a tunnel."""
        connection = http.client.HTTPConnection(target)
        connection.sock = self.secure(target, "http/1.1")
        return connection


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
    return here, there


def exchange(sock: socket.socket, data: bytes) -> bytes:
    """Send, then read until the other side closes; a reset reads as nothing more."""
    got = b""
    try:
        sock.sendall(data)
        while chunk := sock.recv(65536):
            got += chunk
    except ConnectionResetError:
        pass
    return got


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> CA:
    return ensure_ca(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="session")
def upstream_ca(tmp_path_factory: pytest.TempPathFactory) -> CA:
    return ensure_ca(tmp_path_factory.mktemp("upstream"))


@pytest.fixture
def stopped(ca: CA, upstream_ca: CA) -> Iterator[Machine]:
    machine = Machine(ca, upstream_ca)
    yield machine
    if hasattr(machine, "capture"):
        machine.stop()


@pytest.fixture
def machine(stopped: Machine) -> Machine:
    stopped.start()
    return stopped


@pytest.fixture
def tools() -> Any:
    """Helpers, as conftest can't be imported."""

    class Tools:
        pass

    for helper in (allow, stubbed, deny, exchange, tcp_pair):
        setattr(Tools, helper.__name__, staticmethod(helper))
    Tools.Protocol = Protocol
    return Tools
