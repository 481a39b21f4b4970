"""What the sandbox sent that nobody answers (UDP, ICMP, other protocols), as the kernel's NFLOG group tells it.

The socket is made inside the namespace, where the capability for it is, and read outside, where none is needed.
"""

import ipaddress
import socket
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from .netlink import NETLINK_NETFILTER, Message, Netlink, attribute, attributes, be32, messages

GROUP = 67

_SUBSYSTEM = 4  # NFNL_SUBSYS_ULOG
_PACKET = _SUBSYSTEM << 8
_CONFIGURE = _SUBSYSTEM << 8 | 1
_COMMAND, _MODE = 1, 2
_BIND = 1
_COPY_PACKET = 2
_PAYLOAD = 9
_SNAP = 128
_BUFFER = 1 << 20
_REMEMBERED_FLOWS = 4096
_AT_ONCE = 64  # datagrams

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmpv6", 132: "sctp", 136: "udplite"}
_WITH_PORTS = frozenset({6, 17, 33, 132, 136})
_EXTENSIONS = frozenset({0, 43, 44, 60, 135})  # IPv6 extension headers that come before the transport header


class Refused(msgspec.Struct, frozen=True):
    """A flow that was refused: protocol name (`udp`, `icmp`, …), where it wanted to go, and from which port.

    Ports are 0 for protocols that have none.
    """

    protocol: str
    address: str
    port: int
    source_port: int = 0


def open_group() -> socket.socket | None:
    """A non-blocking socket bound to the group in this network namespace; None where the kernel lacks NFLOG."""
    try:
        netlink = Netlink(NETLINK_NETFILTER)
    except OSError:
        return None
    try:
        netlink.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        header = struct.pack("!BBH", socket.AF_UNSPEC, 0, GROUP)
        netlink.ask([Message(_CONFIGURE, 0, header + attribute(_COMMAND, bytes([_BIND])))])
        mode = attribute(_MODE, be32(_SNAP) + bytes([_COPY_PACKET, 0]))
        netlink.ask([Message(_CONFIGURE, 0, header + mode)])
    except OSError:
        netlink.socket.close()
        return None
    netlink.socket.setblocking(False)
    return netlink.socket


class RefusalReader:
    """Tells each refused flow once.

    `on_refused(protocol, address, port)` is called for every new flow; `on_lost()` when the kernel's buffer ran over,
    so that a record can say that it is incomplete. A client's repeats from one source port are the same flow.
    """

    def __init__(
        self, sock: socket.socket, on_refused: Callable[[str, str, int], None], on_lost: Callable[[], None]
    ) -> None:
        self._socket = sock
        self._on_refused = on_refused
        self._on_lost = on_lost
        self._recent: OrderedDict[Refused, None] = OrderedDict()

    def fileno(self) -> int:
        """The descriptor to watch for reading."""
        return self._socket.fileno()

    def read(self) -> bool:
        """Take what the kernel has ready, a bounded share at once: whether there may be more. Never blocks.

        Bounded, since a sandbox that sends faster than this reads must not keep a loop from everything else.
        """
        for _ in range(_AT_ONCE):
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                return False
            except OSError:  # ENOBUFS: some were dropped; the next read goes on with what follows
                self._on_lost()
                continue
            for flow in parse(data):
                if flow not in self._recent:
                    self._on_refused(flow.protocol, flow.address, flow.port)
                self._recent[flow] = None
                self._recent.move_to_end(flow)
            while len(self._recent) > _REMEMBERED_FLOWS:
                self._recent.popitem(last=False)
        return True


def parse(data: bytes) -> Iterator[Refused]:
    """The flows in one NFLOG datagram. What is too short to tell is left out."""
    for kind, _, body in messages(data):
        if kind != _PACKET:
            continue
        for attribute_kind, value in attributes(body[4:]):
            if attribute_kind == _PAYLOAD:
                flow = parse_packet(value)
                if flow is not None:
                    yield flow


def parse_packet(packet: bytes) -> Refused | None:
    """The flow that an IP packet (its head suffices) belongs to; None for what is no IP packet."""
    try:
        match packet[0] >> 4:
            case 4:
                protocol, start = packet[9], (packet[0] & 15) * 4
                address = str(ipaddress.IPv4Address(packet[16:20]))
            case 6:
                protocol, start = _transport(packet)
                address = str(ipaddress.IPv6Address(packet[24:40]))
            case _:
                return None
    except (IndexError, ValueError):
        return None
    name = _PROTOCOLS.get(protocol, f"ip-{protocol}")
    if protocol in _WITH_PORTS and len(packet) >= start + 4:
        source, port = struct.unpack_from("!HH", packet, start)
        return Refused(name, address, port, source)
    return Refused(name, address, 0)


def _transport(packet: bytes) -> tuple[int, int]:
    """The number and the start of the transport header behind IPv6 extension headers (RFC 8200, section 4)."""
    protocol, start = packet[6], 40
    while protocol in _EXTENSIONS:
        length = 8 if protocol == 44 else 8 + packet[start + 1] * 8
        protocol, start = packet[start], start + length
    return protocol, start
