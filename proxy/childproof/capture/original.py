"""The address that a redirected connection wanted (SO_ORIGINAL_DST): netfilter remembers it for the accepted socket."""

import ipaddress
import socket
import struct

_SOL_IP, _SOL_IPV6 = 0, 41
_SO_ORIGINAL_DST = 80  # linux/netfilter_ipv4.h; IP6T_SO_ORIGINAL_DST has the same number


class DestinationUnknown(Exception):
    """The connection was not redirected: it was made to the listener itself. The message fits into a denial."""


def original_destination(sock: socket.socket) -> tuple[str, int]:
    """Address and port that the client dialled, IPv4 also where the socket is dual-stack. Raises DestinationUnknown."""
    try:
        own = sock.getsockname()
        if sock.family == socket.AF_INET6 and not str(own[0]).startswith("::ffff:"):
            # struct sockaddr_in6: family, port, flow information, address, scope
            raw = sock.getsockopt(_SOL_IPV6, _SO_ORIGINAL_DST, 28)
            port, packed = struct.unpack_from("!2xH4x16s", raw)
            found, address = (str(ipaddress.IPv6Address(packed)), port), str(ipaddress.IPv6Address(own[0]))
        else:
            # struct sockaddr_in: family, port, address
            raw = sock.getsockopt(_SOL_IP, _SO_ORIGINAL_DST, 16)
            port, packed = struct.unpack_from("!2xH4s", raw)
            found = str(ipaddress.IPv4Address(packed)), port
            address = str(own[0]).removeprefix("::ffff:")
    except (OSError, ValueError) as error:
        raise DestinationUnknown(f"the connection's original destination is unknown: {error}") from None
    if found == (address, own[1]):
        # conntrack knows it, but nothing was redirected: somebody dialled our listener
        raise DestinationUnknown("the connection was made to childproof's own listener")
    return found
