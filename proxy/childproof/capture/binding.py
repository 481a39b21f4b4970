"""Sockets bound to the addresses that people write, before anybody is let in: a bound socket refuses connections."""

import contextlib
import errno
import socket
from typing import Literal

from childproof.errors import Fault

BACKLOG = 1024
Kind = Literal["tcp", "udp"]
_LOOPBACK = ("127.0.0.1", "::1")
_NOBODYS = ("203.0.113.77", "2001:db8::77")  # RFC 5737, RFC 3849
_LED_TO = ("transparent", "dns")  # by `childproof init`
_NO_IPV6 = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)


def unbound(key: str, address: str, error: OSError, *, ours: str = "") -> Fault:
    """Why the `address` (HOST:PORT) of a setting can't be listened at, and what to write instead.

    `ours` is the setting that has the port already.
    """
    host, _, port = address.rpartition(":")
    here = f"127.0.0.1:{port}"
    if isinstance(error, socket.gaierror):
        found, expected, instead = "no address has this name", "an address and a port", here
    elif error.errno == errno.EADDRINUSE:
        found = f"`{ours}` of this configuration has this port already" if ours else "another program listens here"
        expected = "a port of its own" if ours else "a free port"
        if key in _LED_TO and not ours:
            return Fault(
                f"{key} {address}", 0, 0, found, "this very port, free: the redirection of this namespace leads here"
            )
        instead = f"{host}:{int(port) + 1 if int(port) < 65535 else int(port) - 1}"
    elif error.errno == errno.EACCES:
        found, expected = "this user may not listen here", "a port from 1024 on"
        instead = f"{host}:{int(port) + 8000}" if int(port) < 1024 else ""
    elif error.errno == errno.EADDRNOTAVAIL:
        found, expected = "this machine doesn't have the address", "one of its addresses: 127.0.0.1 for itself only"
        instead = here
    else:
        found, expected = f"can't listen here: {error.strerror or error}", "an address and a port"
        instead = here
    return Fault(f"{key} {address}", 0, 0, found, expected, f"{key}: {instead}" if instead else "")


def bind(host: str, port: int, kind: Kind) -> list[socket.socket]:
    """Sockets for an address or a name, not listening yet; `localhost` is both loopbacks, IPv6's where there is one.

    Port 0 takes any that is free, the same for all of them. Raises OSError; then none is open.
    """
    places = _LOOPBACK if host == "localhost" else _resolved(host, kind)
    with contextlib.ExitStack() as undo:
        found: list[socket.socket] = []
        for place in places:
            try:
                sock = _bound(place, port, kind)
            except OSError as error:
                if host == "localhost" and place != _LOOPBACK[0] and error.errno in _NO_IPV6:
                    continue
                raise
            undo.callback(sock.close)
            found.append(sock)
            port = port or sock.getsockname()[1]
        undo.pop_all()
    return found


def is_here(address: str) -> bool:
    """Whether this network namespace has the address. Where sockets may have any, only loopback is known to be here."""
    if address == _LOOPBACK[":" in address]:
        return True
    return _bindable(address) and not _bindable(_NOBODYS[":" in address])


def shown(sock: socket.socket) -> str:
    """Where a socket is bound, as people write it."""
    host, port = sock.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _resolved(host: str, kind: Kind) -> tuple[str, ...]:
    family = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    found = socket.getaddrinfo(host, None, type=family, flags=socket.AI_PASSIVE)
    return tuple(dict.fromkeys(str(address[4][0]) for address in found))


def _bindable(address: str) -> bool:
    with (
        contextlib.suppress(OSError),
        socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sock,
    ):
        sock.bind((address, 0))
        return True
    return False


def _bound(host: str, port: int, kind: Kind) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = _Stream(family, socket.SOCK_STREAM) if kind == "tcp" else socket.socket(family, socket.SOCK_DGRAM)
    with contextlib.ExitStack() as undo:
        undo.callback(sock.close)
        sock.setblocking(False)
        if family == socket.AF_INET6:
            # `[::]` is IPv4 too for who listens at everything; anything else is exactly what it says.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        if kind == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        if kind == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        undo.pop_all()
    return sock


class _Stream(socket.socket):
    """A socket whose port nobody else can listen at before it does, although connections of before may linger there."""

    def listen(self, backlog: int = BACKLOG, /) -> None:
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        super().listen(backlog)
