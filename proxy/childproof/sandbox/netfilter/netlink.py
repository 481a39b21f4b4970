"""Netlink in the little that sealing needs: nested attributes, requests, acknowledgements. Bytes in, bytes out.

pyroute2 could do this, but importing any part of it runs its whole package: 270 ms, which is more than everything
else that `childproof run` adds to a command. What follows takes 2 ms, and the whole of the containment's network
reads in two files (this one and `network.py`).
"""

import os
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

NETLINK_NETFILTER = 12  # Python names only NETLINK_ROUTE everywhere

NLM_F_DUMP = 0x300

NLMSG_ERROR = 2
NLMSG_DONE = 3

_NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_HEADER = struct.Struct("=LHHLL")
_ATTRIBUTE = struct.Struct("=HH")
_ANSWER_TIMEOUT = 10.0  # the kernel answers in microseconds; this only keeps a broken one from hanging us


class Message(msgspec.Struct, frozen=True):
    """One netlink request: its type, the flags beyond REQUEST and ACK, and its body."""

    kind: int
    flags: int
    body: bytes
    acknowledged: bool = True


def attribute(kind: int, value: bytes) -> bytes:
    """A netlink attribute, padded to four bytes."""
    length = _ATTRIBUTE.size + len(value)
    return _ATTRIBUTE.pack(length, kind) + value + b"\0" * (-length % 4)


def nest(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | _NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """An attribute that holds a C string."""
    return attribute(kind, value.encode() + b"\0")


def u32(value: int) -> bytes:
    """A 32-bit number in the host's order, as rtnetlink has it."""
    return struct.pack("=I", value)


def be32(value: int) -> bytes:
    """A 32-bit number in network order, as nfnetlink has it."""
    return struct.pack("!I", value)


def be16(value: int) -> bytes:
    """A 16-bit number in network order."""
    return struct.pack("!H", value)


def attributes(data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
    """The attributes in `data`, as (kind, value). Stops at the first that doesn't fit."""
    for kind, value in _raw_attributes(data):
        yield kind & _TYPE_MASK, value


def _raw_attributes(data: bytes | memoryview) -> Iterator[tuple[int, bytes]]:
    view = memoryview(data)
    while len(view) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(view)
        if length < _ATTRIBUTE.size or length > len(view):
            return
        yield kind, bytes(view[_ATTRIBUTE.size : length])
        view = view[length + (-length % 4) :]


def contains(found: bytes, meant: bytes) -> bool:
    """Whether attributes that the kernel tells hold all that were `meant`, in the same order where a kind is repeated.

    The kernel adds some of its own, and doesn't always flag what is nested; `meant` is as we write it.
    """
    told: dict[int, list[bytes]] = {}
    for kind, value in attributes(found):
        told.setdefault(kind, []).append(value)
    wanted: dict[int, list[tuple[bool, bytes]]] = {}
    for kind, value in _raw_attributes(meant):
        wanted.setdefault(kind & _TYPE_MASK, []).append((bool(kind & _NESTED), value))
    for kind, values in wanted.items():
        there = told.get(kind, [])
        if not there and all(nested and not value for nested, value in values):
            continue  # an empty nest may be left out
        if len(there) != len(values):
            return False
        for (nested, value), got in zip(values, there, strict=True):
            if not (contains(got, value) if nested else got == value):
                return False
    return True


def messages(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """The messages in one datagram, as (type, sequence number, body)."""
    view = memoryview(data)
    while len(view) >= _HEADER.size:
        length, kind, _, sequence, _ = _HEADER.unpack_from(view)
        if length < _HEADER.size or length > len(view):
            return
        yield kind, sequence, bytes(view[_HEADER.size : length])
        view = view[length + (-length % 4) :]


class Netlink:
    """A netlink socket that asks and waits until everything asked has been acknowledged."""

    def __init__(self, family: int) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, family)
        self.socket.settimeout(_ANSWER_TIMEOUT)
        self.socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def ask(self, requests: Sequence[Message]) -> None:
        """Send the requests in one datagram; return when the kernel has accepted all of them.

        Raises the kernel's first refusal as `OSError`. Requests that change nftables are one transaction: the kernel
        then applies all of them or none.
        """
        waiting: set[int] = set()
        datagram = b"".join(self._encode(request, waiting) for request in requests)
        self.socket.sendto(datagram, (0, 0))
        while waiting:
            waiting -= set(self._acknowledged())

    def dump(self, kind: int, body: bytes) -> Iterator[tuple[int, bytes]]:
        """Everything of a kind that the kernel has, as (type, body). Raises OSError."""
        self.socket.sendto(self._encode(Message(kind, NLM_F_DUMP, body, acknowledged=False), set()), (0, 0))
        while True:
            for answered, _, content in messages(self.socket.recv(1 << 18)):
                if answered == NLMSG_DONE:
                    return
                if answered == NLMSG_ERROR:
                    (error,) = struct.unpack_from("=i", content)
                    raise OSError(-error, os.strerror(-error))
                yield answered, content

    def _encode(self, request: Message, waiting: set[int]) -> bytes:
        self._sequence += 1
        flags = NLM_F_REQUEST | request.flags
        if request.acknowledged:
            flags |= NLM_F_ACK
            waiting.add(self._sequence)
        length = _HEADER.size + len(request.body)
        return _HEADER.pack(length, request.kind, flags, self._sequence, 0) + request.body

    def _acknowledged(self) -> Iterable[int]:
        for kind, sequence, body in messages(self.socket.recv(1 << 16)):
            if kind != NLMSG_ERROR:
                continue
            (error,) = struct.unpack_from("=i", body)
            if error:
                raise OSError(-error, os.strerror(-error))
            yield sequence
