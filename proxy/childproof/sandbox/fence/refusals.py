"""What nobody answers in a redirected namespace, left by the kernel where a process without privileges reads it.

NFLOG, as a sealed sandbox has it, wants NET_ADMIN of whoever listens, and conntrack's list is root's. iptables'
`hashlimit` module keeps a table of recent flows too, and shows it to everybody in /proc/net. The rules here put each
refused flow into such a table (they limit nothing); `refusaltables` reads them.
"""

import struct
from collections.abc import Iterator

from childproof.sandbox.netfilter import nft

from .redirection import NAMES, NEIGHBOURS, Chain, Redirection

MOST = 4096  # flows in one table; what comes then is dropped, and not in it
REMEMBERED = 30.0  # seconds that a table keeps a flow: read it more often

_TCP, _UDP = 6, 17
_GROUPS = (131, 132, 143)  # which groups it listens to: refused, since a workload chooses them, and not worth an entry
_BEFORE_REDIRECT = nft.PRIORITY_NAT - 15  # the last that sees where a packet wanted to go
FOLDERS = ("ipt_hashlimit", "ip6t_hashlimit")  # of /proc/net
# A table for each name, by IP version; what has no protocol number is the rest.
_PROTOCOLS = {
    nft.FAMILY_IPV4: (("udp", _UDP), ("icmp", 1), ("sctp", 132), ("ip", None)),
    nft.FAMILY_IPV6: (("udp", _UDP), ("icmpv6", 58), ("sctp", 132), ("ip", None)),
}
PREFIX = "cp-"
# linux/netfilter/xt_hashlimit.h, struct xt_hashlimit_mtinfo1: a name, then mode, average, burst, size, max, garbage
# collection, expiry (milliseconds), two prefix lengths, and the kernel's own pointer.
_REVISION = 1
_LAYOUT = struct.Struct("=16s7IBB2x8x")
_DESTINATION_AND_PORTS = 0b1011  # XT_HASHLIMIT_HASH_DIP, _DPT, _SPT
_ONE_A_SECOND, _BURST = 10_000, 5
_BUCKETS, _COLLECTED = 256, 1000


def chains(wanted: Redirection) -> tuple[Chain, ...]:
    """One chain for each IP version. It lets everything pass."""
    return tuple(
        Chain("record", "filter", nft.HOOK_OUTPUT, _BEFORE_REDIRECT, nft.ACCEPT, tuple(_rules(wanted, family)), family)
        for family in _PROTOCOLS
    )


def _rules(wanted: Redirection, family: int) -> Iterator[nft.Rule]:
    yield [*nft.protocol(_TCP), *nft.accept()]
    yield [*nft.replies(), *nft.accept()]
    yield [*nft.to_itself(), *nft.accept()]
    # DNS finds the proxy, and a resolver's name for the proxy's own questions; what a rule drops there tells TCP.
    yield [*nft.protocol(_UDP), *nft.port(NAMES), *nft.accept()]
    for address in wanted.to:
        if (address.version == 4) == (family == nft.FAMILY_IPV4):
            there = nft.destination_bytes(address.packed, address.max_prefixlen // 8)
            yield [*there, *nft.protocol(_UDP), *nft.port(wanted.dns_port), *nft.accept()]
    if family == nft.FAMILY_IPV6:
        for kind in (*NEIGHBOURS, *_GROUPS):  # the kernel's own
            yield [*nft.icmpv6(kind), *nft.accept()]
    for name, number in _PROTOCOLS[family]:
        which = nft.protocol(number) if number is not None else []
        yield [*which, *nft.extension("hashlimit", _REVISION, _table(PREFIX + name, family)), *nft.accept()]


def _table(name: str, family: int) -> bytes:
    prefix = 32 if family == nft.FAMILY_IPV4 else 128
    return _LAYOUT.pack(
        name.encode(), _DESTINATION_AND_PORTS, _ONE_A_SECOND, _BURST, _BUCKETS, MOST, _COLLECTED,
        int(REMEMBERED * 1000), prefix, prefix,
    )  # fmt: skip
