"""Who may use a listener, by the address that a connection or a datagram came from."""

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def admitted(sources: Sequence[Network], address: str) -> bool:
    """Whether `address` lies in one of the ranges; everybody is where there are none. What is no address never is.

    An IPv4 address that a dual-stack socket writes as IPv6 is the IPv4 one.
    """
    if not sources:
        return True
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in sources)
