"""What attempts have in common: bytes out, and what came back in a few words."""

import errno
import json
import socket
import ssl
import struct
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from .ways import WAIT, Refused, Way

SECRET = "c4nary-0f-the-test"  # noqa: S105 (nobody's: what must show up nowhere)


def reads(sock: socket.socket, most: int = 300) -> str:
    """What comes, up to so many bytes; `reset` where that is all that comes."""
    got = b""
    try:
        while len(got) < most and (data := sock.recv(most)):
            got += data
    except ConnectionResetError:
        return got.decode("latin-1") or "reset"
    return got.decode("latin-1")


def exchange(way: Way, host: str, port: int, data: bytes) -> str:
    """Send all of it, say that this was all, and read."""
    with way.dial(host, port) as sock:
        return said(sock, data)


def fetch(way: Way, host: str, path: str) -> str:
    """A plain GET as clients make it: they wait, and end nothing."""
    with way.dial(host, 80) as sock:
        sock.sendall(get(host, path))
        return reads(sock, 4000)


def said(sock: socket.socket, data: bytes, more: int = 300) -> str:
    """The same on a connection that is open."""
    try:
        sock.sendall(data)
        if not isinstance(sock, ssl.SSLSocket):
            sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        if error.errno not in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            raise
    return reads(sock, more)


def get(host: str, path: str = "/", more: str = "", method: str = "GET") -> bytes:
    """A request that closes its connection."""
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode("latin-1")


def post(host: str, path: str, body: bytes, more: str = "", method: str = "POST") -> bytes:
    """The same with a body."""
    return get(host, path, f"Content-Length: {len(body)}\r\n{more}", method) + body


def unverified(*alpn: str) -> ssl.SSLContext:
    """The TLS settings of a client that trusts anybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def secure(way: Way, host: str, port: int = 443, *, sni: str | None = "", alpn: tuple[str, ...] = ()) -> ssl.SSLSocket:
    """A TLS connection, verifying nobody; with the host's SNI, another, or none."""
    return unverified(*alpn).wrap_socket(way.dial(host, port), server_hostname=host if sni == "" else sni)


def over_tls(way: Way, host: str, request: bytes, **more: Any) -> str:
    """One exchange over TLS."""
    with secure(way, host, **more) as sock:
        return said(sock, request)


def datagram(address: str, port: int, data: bytes = b"hello") -> str:
    """Send a datagram and wait for an answer; in hexadecimal."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT)
        sock.connect((address, port))
        sock.send(data)
        return sock.recv(4096).hex()


def question(name: str, kind: int) -> bytes:
    """A DNS query (RFC 1035)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def asked(name: str, kind: int, server: str = "192.0.2.53") -> str:
    """Ask a resolver; its code and how many answers it gave."""
    flags, _, answers = struct.unpack_from("!3H", bytes.fromhex(datagram(server, 53, question(name, kind))), 2)
    return f"code {flags & 15}, {answers} answers"


def curl(way: Way, *arguments: str) -> str:
    """The status that curl got."""
    command = ["curl", "-sSk", *way.curl(), "--max-time", str(WAIT), "-w", "%{http_code}", "-o", "/dev/null"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False).stdout  # noqa: S603


def tried(*actions: Callable[[], object]) -> str:
    """What each came to, `done` or the error's name; `refused` where none was done."""
    names = []
    for action in actions:
        try:
            action()
            names.append("done")
        except OSError as error:
            names.append(type(error).__name__)
    return "refused" if "done" not in names else json.dumps(names)


def run(attempts: Mapping[str, Callable[[Way], object]], way: Way) -> dict[str, str]:
    """Make all of them, one after the other: what each saw, or the exception's name and words."""
    seen = {}
    for name, make in attempts.items():
        try:
            seen[name] = str(make(way))
        except (Refused, Exception) as error:  # noqa: BLE001 (whatever it is, it is what the client saw)
            seen[name] = f"{type(error).__name__}: {error}"
    return seen
