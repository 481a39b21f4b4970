"""Attempts to get out of a redirected namespace, made from inside it: what counts in the end is what a client sees."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec

# Documentation ranges (RFC 5737, RFC 3849): nobody's real addresses.
ADDRESSES = ("203.0.113.77", "2001:db8::77")
_PORT = 443
_SECONDS = 2.0
_NO_WAY = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_ESTABLISHED = "01"
_NO_ROUTE = "no route at all"


class Attempt(msgspec.Struct, frozen=True):
    """One attempt: what was tried, what came of it, and whether that is as it must be."""

    tried: str
    result: str
    held: bool

    @property
    def telling(self) -> bool:
        """Whether somebody refused or took it: where there is no route, nothing is shown of rules."""
        return self.held and self.result != _NO_ROUTE


def attempts(tcp_port: int, *, elsewhere: bool) -> Iterator[Attempt]:
    """TCP and UDP to addresses of nobody. With the proxy `elsewhere`, only UDP's refusal tells anything from inside."""
    for address in ADDRESSES:
        if not elsewhere:
            yield Attempt(f"TCP to {address}", *_tcp(address, tcp_port))
        yield Attempt(f"UDP to {address}", *_udp(address))


def may_leave(uid: int | None) -> bool:
    """Whether this process runs as the user that is let out, from whom attempts would tell nothing."""
    return uid == os.geteuid()


def _tcp(address: str, listener: int) -> tuple[str, bool]:
    try:
        with socket.socket(_family(address), socket.SOCK_STREAM) as sock:
            sock.settimeout(_SECONDS)
            sock.connect((address, _PORT))
            if _answered_here(sock.getsockname()[1], listener):
                return "reaches the proxy", True
            return "connects to somebody else", False
    except OSError as error:
        return _judged(error)


def _udp(address: str) -> tuple[str, bool]:
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as sock:
            sock.settimeout(_SECONDS)
            sock.connect((address, _PORT))
            sock.send(b"childproof init")
            sock.recv(1)
            return "is answered", False
    except OSError as error:
        return _judged(error)


def _judged(error: OSError) -> tuple[str, bool]:
    if isinstance(error, ConnectionRefusedError):
        return "refused", True
    if error.errno in _NO_WAY:
        return _NO_ROUTE, True
    if isinstance(error, TimeoutError):
        return f"no refusal within {_SECONDS:g} s", False
    return error.strerror or type(error).__name__, False


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _answered_here(client_port: int, listener: int) -> bool:
    """Whether the far end of a connection is a socket of this namespace at the listener's port."""
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in _lines(Path(table)):
            fields = line.split()
            if len(fields) < 4 or fields[3] != _ESTABLISHED:
                continue
            local, remote = (int(end.rpartition(":")[2], 16) for end in fields[1:3])
            if (local, remote) == (listener, client_port):
                return True
    return False


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text().splitlines()[1:]
    except OSError:
        return []
