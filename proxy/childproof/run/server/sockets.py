"""Every address of a configuration bound at once, before anything else: what can't be had is told together.

Until its listener opens, a bound socket refuses connections, and no other program can take its place.
"""

import contextlib
import errno
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from childproof.capture.binding import Kind, bind, unbound
from childproof.errors import Fault, ListenError
from childproof.run.config.config import split_address
from childproof.run.config.listen import Listen

_TRIES = 20  # for a port that is free in all that it is wanted for
UDP = "/udp"  # behind a key: the same address over UDP


@dataclass(slots=True)
class Sockets:
    """Bound sockets by item of `listen:` and key, and by key alone for what all items share."""

    items: list[dict[str, list[socket.socket]]] = field(default_factory=list)
    shared: dict[str, list[socket.socket]] = field(default_factory=dict)

    def holder(self, port: int) -> str:
        """The key by which this configuration has the port already; empty where it hasn't."""
        keys = (
            key.removesuffix(UDP)
            for found in (*self.items, self.shared)
            for key, sockets in found.items()
            if any(sock.getsockname()[1] == port for sock in sockets)
        )
        return next(keys, "")

    def close(self) -> None:
        """Close all that nobody has taken over; closing twice does no harm."""
        for found in (*self.items, self.shared):
            for sockets in found.values():
                for sock in sockets:
                    sock.close()


def bind_all(items: Sequence[Listen], **shared: str) -> Sockets:
    """Bind the addresses of listeners, and others by key; empty ones aren't wanted. Raises ListenError with all faults."""
    bound = Sockets()
    faults: list[Fault] = []
    with contextlib.ExitStack() as undo:
        undo.callback(bound.close)
        for item in items:
            found: dict[str, list[socket.socket]] = {}
            bound.items.append(found)
            for key, address in item.addresses().items():
                faults += _bind(bound, found, key, address)
        for key, address in shared.items():
            if address:
                faults += _bind(bound, bound.shared, key, address)
        if faults:
            raise ListenError(faults)
        undo.pop_all()
    return bound


def _bind(all_: Sockets, found: dict[str, list[socket.socket]], key: str, address: str) -> Iterator[Fault]:
    host, port = split_address(address)
    for left in reversed(range(_TRIES if not port else 1)):
        try:
            found.update(_bound(key, host, port))
        except OSError as error:
            if left and error.errno == errno.EADDRINUSE:
                continue  # free for one protocol or family, and not for the other
            yield unbound(key, address, error, ours=all_.holder(port) if port else "")
        return


def _bound(key: str, host: str, port: int) -> dict[str, list[socket.socket]]:
    """All sockets of one address, on the same port. Raises OSError; then none is open."""
    kinds: tuple[Kind, ...] = ("udp", "tcp") if key == "dns" else ("tcp",)
    found: dict[str, list[socket.socket]] = {}
    with contextlib.ExitStack() as undo:
        for kind in kinds:
            sockets = bind(host, port, kind)
            for sock in sockets:
                undo.callback(sock.close)
            found[key + UDP if kind == "udp" else key] = sockets
            port = port or sockets[0].getsockname()[1]
        undo.pop_all()
    return found
