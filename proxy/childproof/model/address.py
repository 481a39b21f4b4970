"""IP addresses in every spelling that a client or a C library would still dial.

`inet_aton(3)` reads `0x7f.1`, `017700000001` and `2130706433` as 127.0.0.1, and so does curl. A policy that only knows
dotted quads would let those pass as host names, so all of them are read here, into one canonical form.
"""

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9]+")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")
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
    if address in _METADATA or not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        inner = embedded_ipv4(address)
        return inner is None or is_global(inner)
    return True


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
    """The IPv4 address that an IPv6 address carries (NAT64, 6to4, Teredo) and at which its packets may end."""
    if address in _NAT64 or address in _NAT64_LOCAL:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    return None
