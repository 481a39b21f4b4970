"""What attempts to get out have in common: a table of them, ways to talk, and a runner.

A script of attempts runs inside a sandbox and prints one JSON object: for each attempt what came of it, or the
exception's name. Whether anything left is the sinkhole's to say, and what was recorded the ledger's.
"""

import ctypes
import errno
import json
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable

WAIT = 15
SECRET = "c4nary-0f-the-test"
libc = ctypes.CDLL(None, use_errno=True)
attempts: dict[str, Callable[[], object]] = {}


def attempt[T: Callable[[], object]](function: T, name: str = "") -> T:
    """Add an attempt to the table, under its own name or another."""
    attempts[name or function.__name__] = function
    return function


def run() -> None:
    seen: dict[str, object] = {}
    for name, function in attempts.items():
        try:
            seen[name] = function()
        except Exception as error:  # noqa: BLE001 (whatever it is, it is the attempt's result)
            seen[name] = f"{type(error).__name__}: {error}"
    sys.stdout.write(json.dumps(seen) + "\n")


def tried(*actions: Callable[[], object]) -> list[str]:
    """What each came to: `done`, or the error's name."""
    names = []
    for action in actions:
        try:
            action()
            names.append("done")
        except OSError as error:
            names.append(type(error).__name__)
    return names


def dial(address: str, port: int) -> socket.socket:
    return socket.create_connection((address, port), timeout=WAIT)


def reads(sock: socket.socket, most: int = 300) -> str:
    try:
        got = b""
        while len(got) < most and (data := sock.recv(most)):
            got += data
    except ConnectionResetError:
        return "reset" if not got else got.decode("latin-1")
    return got.decode("latin-1")


def exchange(address: str, port: int, data: bytes) -> str:
    try:
        with dial(address, port) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return reads(sock)
    except OSError as error:
        if error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            return "reset"  # it came sooner
        raise


def unverified(*alpn: str) -> ssl.SSLContext:
    context = ssl._create_unverified_context()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def datagram(address: str, port: int, data: bytes = b"hello") -> str:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(WAIT)
        sock.connect((address, port))
        sock.send(data)
        return sock.recv(4096).hex()


def question(name: str, kind: int) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def curl(*arguments: str) -> str:
    command = ["curl", "-sSk", "--noproxy", "*", "--max-time", str(WAIT), "-w", "%{http_code}", "-o", "/dev/null"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False).stdout


def get(host: str, more: str = "") -> bytes:
    return f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n".encode()
