"""Addresses as people and resolv.conf write them."""

import socket
from ipaddress import IPv4Address, IPv6Address

type Address = IPv4Address | IPv6Address


def parse_address(written: str) -> Address | None:
    """An address as written, without its zone; None for what isn't one."""
    bare = written.partition("%")[0]
    for family, kind in ((socket.AF_INET, IPv4Address), (socket.AF_INET6, IPv6Address)):
        try:
            return kind(socket.inet_pton(family, bare))
        except (OSError, UnicodeError, ValueError):
            continue
    return None


def name_servers(resolv_conf: str) -> tuple[Address, ...]:
    """The name servers of a resolv.conf, in order. What isn't an address is left out, as a resolver leaves it."""
    found: dict[Address, None] = {}
    for line in resolv_conf.splitlines():
        match line.split():
            case ["nameserver", address, *_] if parsed := parse_address(address):
                found[parsed] = None
            case _:
                pass
    return tuple(found)
