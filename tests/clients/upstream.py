"""A real upstream for what rules allow: HTTP and TLS on loopback, which counts every byte that comes and goes."""

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from childproof.capture.mitm.ca import CA
from childproof.capture.mitm.leaf import Leaves

PIECE = 64 * 1024


class Upstream:
    """`port` speaks plain HTTP, `tls_port` TLS with a certificate for the name that is asked for, from `ca`.

    `sent` and `received` are the bytes on the sockets of connections, both ways, TLS and all. `calls` are (line, headers).
    """

    def __init__(self, ca: CA, names: tuple[str, ...] = ("localhost",)) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.received = self.sent = 0
        self.moved_to = ""
        leaves = Leaves(ca)
        self._context = leaves.context_for(names[0])
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"upstream": self}))
        self._server.daemon_threads = True
        self._doors = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self.port, self.tls_port = (door.getsockname()[1] for door in self._doors)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        for door, tls in zip(self._doors, (False, True), strict=True):
            threading.Thread(target=self._accept, args=(door, tls), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()
        for door in self._doors:
            door.shutdown(
                socket.SHUT_RDWR
            )  # or whoever waits at it would take what is for the next socket of its number
            door.close()

    def _accept(self, door: socket.socket, tls: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while True:
                near, _ = door.accept()
                threading.Thread(target=self._serve, args=(near, tls), daemon=True).start()

    def _serve(self, near: socket.socket, tls: bool) -> None:  # noqa: FBT001
        """Bytes between a counted socket and the HTTP server, through TLS in memory where it is wanted."""
        far = socket.create_connection(self._server.server_address[:2])  # type: ignore[arg-type]
        counted: Any = _Counted(near, self)
        with contextlib.suppress(OSError, ssl.SSLError):
            if tls:
                counted = _Tls(counted, self._context)
            back = threading.Thread(target=_pump, args=(far, counted), daemon=True)
            back.start()
            _pump(counted, far)
            with contextlib.suppress(OSError):
                far.shutdown(socket.SHUT_WR)
            back.join(5)
        near.close()
        far.close()


class _Handler(BaseHTTPRequestHandler):
    """Each first segment of a path is a way to answer; without one, the request is echoed."""

    upstream: Upstream
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.upstream.calls.append((self.requestline, headers))
        way, _, amount = self.path.strip("/").partition("/")
        getattr(self, f"_{way}", self._echo)(amount, headers, body)

    do_POST = do_GET  # noqa: N815

    def _echo(self, _: str, headers: dict[str, str], body: bytes) -> None:
        text = json.dumps({"headers": headers, "body": body.decode("latin-1")}).encode()
        self._whole(text, ("x-echo", headers.get("authorization", "")))

    def _kept(self, _: str, __: dict[str, str], ___: bytes) -> None:
        """What earlier calls brought, as a server that keeps requests shows it."""
        self._whole(json.dumps([headers.get("authorization", "") for _, headers in self.upstream.calls]).encode())

    def _gzip(self, _: str, headers: dict[str, str], __: bytes) -> None:
        self._whole(gzip.compress(json.dumps(headers).encode()), ("content-encoding", "gzip"))

    def _br(self, _: str, __: dict[str, str], ___: bytes) -> None:
        self._whole(b"\x0b\x02\x80hello\x03", ("content-encoding", "br"))

    def _chunked(self, size: str, headers: dict[str, str], _: bytes) -> None:
        text, step = json.dumps(headers).encode(), int(size or 7)
        self._head(("transfer-encoding", "chunked"))
        for place in range(0, len(text), step):
            piece = text[place : place + step]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _redirect(self, _: str, __: dict[str, str], ___: bytes) -> None:
        self.send_response(302)
        self.send_header("location", self.upstream.moved_to)
        self.send_header("content-length", "0")
        self.end_headers()

    def _bytes(self, amount: str, _: dict[str, str], __: bytes) -> None:
        self._whole(bytes(int(amount)))

    def _endless(self, _: str, __: dict[str, str], ___: bytes) -> None:
        self._head(("transfer-encoding", "chunked"))
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"%x\r\n%s\r\n" % (PIECE, bytes(PIECE)))

    def _slow(self, _: str, __: dict[str, str], ___: bytes) -> None:
        self._head(("transfer-encoding", "chunked"))
        with contextlib.suppress(OSError):
            for _ in range(200):
                self.wfile.write(b"2\r\n..\r\n")
                self.wfile.flush()
                time.sleep(0.05)

    def _whole(self, text: bytes, *headers: tuple[str, str]) -> None:
        self._head(("content-length", str(len(text))), *headers)
        self.wfile.write(text)

    def _head(self, *headers: tuple[str, str]) -> None:
        self.send_response(200)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class _Counted:
    def __init__(self, sock: socket.socket, upstream: Upstream) -> None:
        self._sock, self._upstream = sock, upstream

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        self._upstream.received += len(data)
        return data

    def sendall(self, data: bytes) -> None:
        self._sock.sendall(data)
        self._upstream.sent += len(data)

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)


class _Tls:
    """TLS over a counted socket. One thread reads and one writes, so what both touch is locked."""

    def __init__(self, under: _Counted, context: ssl.SSLContext) -> None:
        self._under = under
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._lock = threading.Lock()

    def recv(self, size: int) -> bytes:
        while True:
            with self._lock:
                try:
                    data = self._tls.read(size)
                except ssl.SSLWantReadError:
                    data = None
                except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                    return b""
                self._flush()
            if data is not None:
                return data
            raw = self._under.recv(PIECE)
            if not raw:
                return b""
            self._in.write(raw)

    def sendall(self, data: bytes) -> None:
        with self._lock:
            self._tls.write(data)
            self._flush()

    def _flush(self) -> None:
        if out := self._out.read():
            self._under.sendall(out)

    def shutdown(self, how: int) -> None:
        self._under.shutdown(how)


def _pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := source.recv(PIECE):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def upstream(ca: CA, *names: str) -> Iterator[Upstream]:
    """An upstream while the block lasts."""
    made = Upstream(ca, names or ("localhost",))
    try:
        yield made
    finally:
        made.close()
