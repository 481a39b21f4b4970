"""Who is at the other end of a unix socket: somebody on this machine's network, or a process that was put into another one.

A socket's path crosses network namespaces. What is there when a command is sealed is covered; a socket that is made later, in a folder
that the command sees, is not.
"""

import os
import select
import socket
import struct
from pathlib import Path
from typing import Protocol

_CREDENTIALS = struct.Struct("3i")  # SO_PEERCRED: pid, uid, gid
_SO_PEERPIDFD = 77  # Linux 6.5
_OURS = "/proc/self/ns/net"


class Peered(Protocol):
    """A connected unix socket, asyncio's view of one too."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """As a socket has it."""
        ...


def peer_uid(sock: Peered) -> int:
    """The user who connected."""
    uid: int = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]
    return uid


def is_elsewhere(sock: Peered) -> bool:
    """Whether who connected is in another network namespace. True also where that can't be told: a process of another container."""
    pid, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if uid == 0 and os.getuid() != 0:
        return False  # the machine's root; that of a sandbox may not open a socket of ours
    try:
        found, ours = Path(f"/proc/{pid}/ns/net").stat(), Path(_OURS).stat()
    except OSError:
        return True
    return not os.path.samestat(found, ours) or _has_ended(sock)


def _has_ended(sock: Peered) -> bool:
    """Whether the process that connected is gone, and its number perhaps another's. False where the kernel can't say."""
    try:
        (pidfd,) = struct.unpack("i", sock.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4))
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(0))
    finally:
        os.close(pidfd)
