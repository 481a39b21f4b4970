"""A way for packets to begin on, in a network namespace that has none: by the proxy.

A container on a network without a way out, such as one of Docker's internal ones, has no default route: whatever it
sends fails before any rule sees it, and so nothing of it would reach the proxy. Where the packets go is the rules' to
say; the route only has them start.
"""

import errno
import socket
import struct
from collections.abc import Sequence

from childproof.sandbox.addresses import Address
from childproof.sandbox.netfilter.netlink import NLM_F_CREATE, NLM_F_EXCL, Message, Netlink, attribute

_RTM_NEWROUTE = 24
_MAIN, _STATIC, _UNIVERSE, _UNICAST = 254, 4, 0, 1
_GATEWAY = 5
_ELSEWHERE = {4: (socket.AF_INET, "203.0.113.77"), 6: (socket.AF_INET6, "2001:db8::77")}  # RFC 5737, RFC 3849: nobody's


def lead_to(proxies: Sequence[Address]) -> tuple[Address, ...]:
    """Add a default route by each of these addresses whose IP version has none; gives those that were used.

    A proxy that is not a neighbour can't be a gateway: then the namespace stays without. Raises OSError where the kernel
    refuses for another reason.
    """
    added = []
    for proxy in proxies:
        if _leads_anywhere(proxy.version):
            continue
        family, _ = _ELSEWHERE[proxy.version]
        header = struct.pack("=8BI", family, 0, 0, 0, _MAIN, _STATIC, _UNIVERSE, _UNICAST, 0)
        request = Message(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header + attribute(_GATEWAY, proxy.packed))
        try:
            with Netlink(socket.NETLINK_ROUTE) as netlink:
                netlink.ask([request])
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                continue
            raise
        added.append(proxy)
    return tuple(added)


def _leads_anywhere(version: int) -> bool:
    """Whether packets to an address that is nobody's have a route; nothing is sent."""
    family, address = _ELSEWHERE[version]
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((address, 9))
    except OSError as error:
        return error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
    return True
