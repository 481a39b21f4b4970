"""Frames between the parent and what it started: a length, then JSON; descriptors may come along."""

import json
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_MOST_DESCRIPTORS = 16

type Frame = dict[str, Any]


def send(sock: socket.socket, frame: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one frame, whole. Raises OSError when the other side is gone."""
    payload = json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogateescape")
    head = _LENGTH.pack(len(payload))
    if descriptors:
        socket.send_fds(sock, [head], list(descriptors))
    else:
        sock.sendall(head)
    sock.sendall(payload)


def receive(sock: socket.socket) -> tuple[Frame, list[int]] | None:
    """The next frame with its descriptors; None when the other side has closed."""
    head, descriptors = b"", list[int]()
    while len(head) < _LENGTH.size:
        part, came, _, _ = socket.recv_fds(sock, _LENGTH.size - len(head), _MOST_DESCRIPTORS)
        if not part:
            return None
        head += part
        descriptors += came
    payload = bytearray()
    (length,) = _LENGTH.unpack(head)
    while len(payload) < length:
        part = sock.recv(min(length - len(payload), 1 << 16))
        if not part:
            return None
        payload += part
    frame = json.loads(payload.decode("utf-8", "surrogateescape"))
    assert isinstance(frame, dict)
    return frame, descriptors


def heard(sock: socket.socket) -> tuple[Frame, list[int]] | None:
    """As `receive`; None also when the other side broke off."""
    try:
        return receive(sock)
    except OSError:
        return None
