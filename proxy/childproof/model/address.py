"""IP addresses in every spelling that a client or a C library would still dial.

`inet_aton(3)` reads `0x7f.1`, `017700000001` and `2130706433` as 127.0.0.1, and so does curl. A policy that only knows
dotted quads would let those pass as host names, so all of them are read here, into one canonical form.
"""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# What `ipaddress` of one Python or another calls global and yet isn't the public internet: 6to4 relays (RFC 7526),
# documentation (RFC 9637), segment routing (RFC 9602).
_NOT_PUBLIC = (
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
    ipaddress.IPv6Network("5f00::/16"),
)
# Metadata services that answer on addresses `ipaddress` may call global.
_METADATA = (
    ipaddress.ip_address("169.254.169.254"),
    ipaddress.ip_address("fd00:ec2::254"),
    ipaddress.ip_address("100.100.100.200"),
    ipaddress.ip_address("168.63.129.16"),
    ipaddress.ip_address("192.0.0.192"),
)


def parse_address(text: str) -> Address | None:
    """The address that `text` spells, or None where it is no address.

    Reads dotted quads with 1 to 4 parts in decimal, octal and hexadecimal (as inet_aton does), IPv6 with or without
    brackets, and folds IPv4-mapped IPv6 into IPv4. A zone id (`%eth0`) makes it no address: callers refuse it.
    """
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
        if ":" not in text:
            return None
    if ":" in text:
        if "%" in text:
            return None
        try:
            return _fold(ipaddress.IPv6Address(text))
        except ValueError:
            return None
    return _parse_ipv4(text)


def is_address(text: str) -> bool:
    """Whether `text` spells an IP address."""
    return parse_address(text) is not None


def is_global(address: Address) -> bool:
    """Whether an `allow` rule may dial this address without naming it.

    False for loopback, link-local, private (RFC 1918, RFC 4193), shared (RFC 6598), multicast, reserved and
    unspecified ranges, for cloud metadata services, and for IPv6 forms that carry such an IPv4 address (NAT64, 6to4,
    Teredo).
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = embedded_ipv4(address)
        if inner is not None and not is_global(inner):
            return False
        if address.ipv4_mapped is not None or address in _NAT64:
            return True
        if inner is not None:  # 6to4 is retired (RFC 7526), Teredo likewise: tunnels, and Pythons disagree about them
            return False
        # Everything else outside 2000::/3 is reserved, local or retired (site-local fec0::/10 among it).
        if address not in _GLOBAL_UNICAST or address.scope_id is not None:
            return False
    if address in _METADATA or any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _parse_ipv4(text: str) -> ipaddress.IPv4Address | None:
    parts = text.split(".")
    if not 1 <= len(parts) <= 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    numbers = []
    for part in parts:
        try:
            numbers.append(_number(part))
        except ValueError:
            return None
    *head, tail = numbers
    if any(number > 255 for number in head) or tail >= 256 ** (4 - len(head)):
        return None
    value = tail
    for place, number in enumerate(head):
        value += number << (8 * (3 - place))
    return ipaddress.IPv4Address(value)


def _number(part: str) -> int:
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    if part.startswith("0"):
        return int(part, 8)
    return int(part, 10)


def _fold(address: ipaddress.IPv6Address) -> Address:
    return address.ipv4_mapped or address


def embedded_ipv4(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address carries (mapped, NAT64, 6to4, Teredo) and at which its packets may end."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return None
