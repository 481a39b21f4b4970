"""The other end: a network namespace to which all routes lead, which answers a little and records everything.

Every frame that arrives is recorded in a few words. Names under `reached.example` have an address here, on whose port
80 a host answers: what an allowed call may reach, and must.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
from typing import Any

REACHED = ".reached.example"
HOST = "10.98.0.80"  # where those names lead; the session's rules name its range
CREDENTIAL = "a-credential-that-only-the-proxy-knows"  # of the session's rule `echo`
HERE, SINK = "10.99.0.1", "10.99.0.2"
HERE6, SINK6 = "fd00:99::1", "fd00:99::2"
QUIET = 0.4  # seconds without a frame that end a recording

_ETH_P_ALL = 3
_ARP = 0x0806
_PACKET_OUTGOING = 4
_TCP, _UDP, _ICMPV6 = 6, 17, 58
_A = 1
# What the kernel says by itself when a device comes up: neighbour and router discovery, multicast listeners (ICMPv6
# types). Where it says that for a process, an address in it says something: then it is no chatter.
_KERNEL_CHATTER = range(130, 144)
_SOLICITATION, _REPORT = 135, 143
# All nodes, all routers, MLD's own, snoopers, and those of the kernel's own addresses.
_KERNELS_GROUPS = ("ff01::1", "ff01::2", "ff02::1", "ff02::2", "ff02::16", "ff02::6a", "ff05::2")
_OF_AN_ADDRESS = "ff02::1:ff"
_HEADERS = {"/public/redirect": "Location: http://elsewhere.example/after\r\n", "/public/altsvc": 'Alt-Svc: h3=":443"\r\n'}  # fmt: skip
# The first answer and all later ones: public to a rule's eyes, then a place that no rule names.
_ZONE = {
    "rebind": ([HOST], [HERE]),
    "mixed": ([HOST, HERE], [HOST, HERE]),
    "inward": (["169.254.169.254"], ["169.254.169.254"]),
}


class Sinkhole:
    """Records until told to stop, as often as it is told; `requests` are what reached the answering host."""

    def __init__(self, device: str) -> None:
        self._packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        self._packets.setblocking(False)
        self._packets.bind((device, 0))
        self._frames: dict[str, None] = {}
        self._last = 0.0
        self.requests: list[str] = []
        self._asked: set[str] = set()

    async def serve(self, stop: int, results: int, ready: int) -> None:
        """Answer and record: each byte on `stop` ends a part, told as a line of JSON on `results`."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._packets.fileno(), self._packet)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Names(self), ("0.0.0.0", 53))  # noqa: S104 (a namespace of its own)
        server = await asyncio.start_server(self._host, HOST, 80)
        os.write(ready, b"r")
        for _ in range(2):
            await _told(loop, stop)
            while loop.time() < self._last + QUIET or not self._last:
                self._last = self._last or loop.time()
                await asyncio.sleep(QUIET / 4)
            os.write(results, json.dumps({"frames": list(self._frames), "requests": self.requests}).encode() + b"\n")
            self._frames, self.requests, self._last = {}, [], 0.0
        server.close()
        transport.close()

    def addresses(self, name: str) -> list[str]:
        """What a name of ours leads to, this time."""
        label = name.removesuffix(REACHED)
        first, later = _ZONE.get(label, ([HOST], [HOST]))
        known = label in self._asked
        self._asked.add(label)
        return later if known else first

    def _packet(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, (_, _, kind, *_) = self._packets.recvfrom(65535)
                words = describe(frame) if kind != _PACKET_OUTGOING else ""
                if words:
                    self._frames[words] = None
                    self._last = asyncio.get_running_loop().time()

    async def _host(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in lines if line)
                await reader.readexactly(int(fields.get("content-length", "0")))
                method, path, _ = first.split(" ", 2)
                given = " with the credential" if CREDENTIAL in fields.get("authorization", "") else ""
                self.requests.append(f"{method} {fields.get('host', '')}{path}{given}")
                body = "reached " + fields.get("authorization", "")
                more = _HEADERS.get(path.partition("?")[0], "")
                status = "302 Found" if "Location" in more else "200 OK"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}".encode())
                await writer.drain()
        writer.close()


class _Names(asyncio.DatagramProtocol):
    """A name server for `reached.example`; nothing else exists."""

    def __init__(self, sinkhole: Sinkhole) -> None:
        self._sinkhole = sinkhole

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        name, end = _name(data, 12)
        (kind,) = struct.unpack_from("!H", data, end)
        known = name.endswith(REACHED)
        found = self._sinkhole.addresses(name) if known and kind == _A else []
        head = data[:2] + struct.pack("!5H", 0x8580 if known else 0x8583, 1, len(found), 0, 0)
        answers = [b"\xc0\x0c" + struct.pack("!2HIH", _A, 1, 0, 4) + socket.inet_aton(address) for address in found]
        self._transport.sendto(head + data[12 : end + 4] + b"".join(answers), addr)


async def _told(loop: asyncio.AbstractEventLoop, descriptor: int) -> None:
    told = loop.create_future()
    loop.add_reader(descriptor, told.set_result, None)
    await told
    loop.remove_reader(descriptor)
    os.read(descriptor, 1)


def describe(frame: bytes) -> str:
    """One frame in a few words, `DNS name` or `TCP address:port`; empty for the kernel's own chatter.

    An address resolution is chatter too: it is answered, so that what it was made for arrives next.
    """
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    if ethertype == 0x0800:
        return _transport(frame[23], socket.inet_ntoa(frame[30:34]), frame[14 + (frame[14] & 15) * 4 :])
    if ethertype == 0x86DD:
        following, start = frame[20], 54
        if following == 0:  # hop-by-hop options, as multicast listener reports have them
            following, start = frame[54], 54 + 8 + frame[55] * 8
        if following == _ICMPV6 and frame[start] in _KERNEL_CHATTER:
            return _said_for_somebody(frame[start], frame[start:])
        return _transport(following, f"[{socket.inet_ntop(socket.AF_INET6, frame[38:54])}]", frame[start:])
    if ethertype == _ARP:
        asked = socket.inet_ntoa(frame[38:42])
        return "" if asked in (HERE, SINK) else f"ARP {asked}"
    return f"ethertype {ethertype:#06x}"


def _said_for_somebody(kind: int, message: bytes) -> str:
    """Neighbour solicitations for machines that aren't, reports of groups that no kernel joins by itself; else empty."""
    if kind == _SOLICITATION:
        asked = socket.inet_ntop(socket.AF_INET6, message[8:24])
        return "" if asked in (HERE6, SINK6) or asked.startswith("fe80::") else f"neighbour {asked}"
    for start in range(8, len(message) - 19, 20) if kind == _REPORT else ():
        group = socket.inet_ntop(socket.AF_INET6, message[start + 4 : start + 20])
        if group not in _KERNELS_GROUPS and not group.startswith(_OF_AN_ADDRESS):
            return f"multicast listener of {group}"
    return ""


def _transport(protocol: int, address: str, payload: bytes) -> str:
    if protocol not in (_TCP, _UDP) or len(payload) < 4:
        return f"IP protocol {protocol} to {address}"
    (port,) = struct.unpack_from("!H", payload, 2)
    if protocol == _UDP and port == 53:
        with contextlib.suppress(IndexError, UnicodeDecodeError):
            return f"DNS {_name(payload, 8 + 12)[0]}"
    return f"{'TCP' if protocol == _TCP else 'UDP'} {address}:{port}"


def _name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := data[at]:
        labels.append(data[at + 1 : at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels).lower(), at + 1


def expected(frame: str) -> bool:
    """Whether a frame belongs to what allowed calls may reach."""
    return frame == f"TCP {HOST}:80" or (frame.startswith("DNS ") and frame.endswith(REACHED))
