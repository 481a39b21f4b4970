"""The ruleset that `childproof init` puts into a network namespace, as data: which packets go where.

The namespace is one that others live in too (a pod's, a container's): it has devices, addresses and routes of its own,
and they stay as they are. Whatever its processes send goes one of four ways:

- Loopback, the namespace's own addresses, and answers to whoever connected from outside: as without us.
- TCP to anywhere else, and port 53 of every address: to the proxy.
- The proxy's own user: out, with TCP, and with DNS to the resolvers of the namespace.
- Everything else is turned round into `lo` and refused there, so that `send` itself succeeds and the ICMP error comes
  back at once, as from a real network. (Rejected on the way out, `send` would fail with EPERM, which QUIC clients don't
  take for a refusal.) What can't be turned round is rejected on the way out.

The halves don't trust each other: the nat chain decides who answers, and the filter chains let out of the devices
nothing but what the proxy's user sends, whatever the nat chain did.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address

import msgspec

from childproof.sandbox.addresses import Address
from childproof.sandbox.netfilter import nft

TABLE = "childproof"
PROXY_UID = 15001
TCP_PORT = 15001
DNS_PORT = 15053
HEALTH_PORT = 15021
METRICS_PORT = 15090

ANYBODY = nft.owner(2**32 - 1, yes=False)  # no process can have that uid
_LO = 1  # `lo` has this index in every network namespace
_TCP, _UDP = 6, 17
NAMES = 53
# Before other tables' nat, such as the one that Docker's own resolver stands behind: the first to decide wins.
_BEFORE_NAT = nft.PRIORITY_NAT - 10
_LAST = 300  # after everybody's own postrouting
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
# Marks of flows: those that the proxy's user began, those that nobody answers, and those that began outside.
_OUT, _REFUSED, _IN = 0x63680001, 0x63680002, 0x63680003
# Docker's resolver answers at a port of its own too, and asks from outside the namespace.
DOCKER = IPv4Address("127.0.0.11")
# What IPv6 can't do without on its link: router solicitation, and neighbours' addresses (RFC 4861).
NEIGHBOURS = (133, 135, 136)


class Redirection(msgspec.Struct, frozen=True):
    """What is to hold in one network namespace.

    `uid` is the only user who may leave, None for nobody. `resolvers` are who that user may ask for names. `to` are
    the addresses of a proxy in another namespace, one for each IP version at most; empty for a proxy in this one.
    `to_port` is the one port there that all TCP goes to, 0 for the port that was wanted. With `gateway`, what arrives
    from outside is the proxy's too, but at the ports `kept`. `closed` are ports of a proxy in this namespace that are for those
    who ask from outside, and not for the workload.
    """

    uid: int | None = PROXY_UID
    tcp_port: int = TCP_PORT
    dns_port: int = DNS_PORT
    resolvers: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    to_port: int = 0
    gateway: bool = False
    kept: tuple[int, ...] = ()
    closed: tuple[int, ...] = (METRICS_PORT,)


class Chain(msgspec.Struct, frozen=True):
    """A base chain with its rules, in order. `device` is for netdev's chains."""

    name: str
    kind: str
    hook: int
    priority: int
    policy: int
    rules: tuple[nft.Rule, ...]
    family: int = nft.FAMILY_INET
    device: str = ""


def chains(wanted: Redirection) -> tuple[Chain, ...]:
    """The ruleset of a redirection, for both IP versions."""
    found = (
        Chain("redirect", "nat", nft.HOOK_OUTPUT, _BEFORE_NAT, nft.ACCEPT, tuple(_redirections(wanted))),
        Chain("leaving", "filter", nft.HOOK_OUTPUT, nft.PRIORITY_FILTER, nft.DROP, tuple(_leaving(wanted))),
        Chain("last", "filter", nft.HOOK_POSTROUTING, _LAST, nft.DROP, tuple(_last(wanted))),
        Chain("arriving", "filter", nft.HOOK_INPUT, nft.PRIORITY_FILTER, nft.ACCEPT, tuple(_arriving(wanted))),
        Chain("passing", "filter", nft.HOOK_FORWARD, nft.PRIORITY_FILTER, nft.DROP, ()),
    )
    if not wanted.gateway:
        return found
    return (*found, Chain("take", "nat", nft.HOOK_PREROUTING, _BEFORE_NAT, nft.ACCEPT, tuple(_taken(wanted))))


def _redirections(wanted: Redirection) -> Iterator[nft.Rule]:
    if wanted.uid is not None:
        yield [*nft.owner(wanted.uid), *nft.protocol(_TCP), *nft.mark(_OUT), *nft.accept()]
        yield [*nft.owner(wanted.uid), *nft.protocol(_UDP), *nft.port(NAMES), *nft.accept()]
    for protocol in (_UDP, _TCP):
        yield from _to_proxy(wanted, [*nft.protocol(protocol), *nft.port(NAMES)], wanted.dns_port)
    yield [*nft.to_itself(), *nft.accept()]
    for address in wanted.to:
        yield [*_at(address), *nft.protocol(_UDP), *nft.port(wanted.dns_port), *nft.accept()]
    yield from _to_proxy(wanted, nft.protocol(_TCP), wanted.to_port if wanted.to else wanted.tcp_port)
    # What nobody answers. Of TCP that is left only the IP version that a proxy elsewhere doesn't have.
    yield [*nft.mark(_REFUSED), *nft.protocol(_TCP), *nft.redirect(wanted.tcp_port)]
    yield [*nft.mark(_REFUSED), *nft.protocol(_UDP), *nft.redirect(wanted.tcp_port)]
    yield [*nft.mark(_REFUSED), *nft.redirect_address()]


def _to_proxy(wanted: Redirection, which: nft.Rule, port: int) -> Iterator[nft.Rule]:
    if not wanted.to:
        yield [*which, *nft.redirect(port)]
    for address in wanted.to:
        version = nft.family(nft.IPV4 if address.version == 4 else nft.IPV6)
        yield [*version, *which, *nft.send_to(address.packed, port or None)]


def _leaving(wanted: Redirection) -> Iterator[nft.Rule]:
    """Refuses with an error that the sender sees. Devices are not told apart here: nat has changed the route by now."""
    yield [*_at(DOCKER), *nft.begins(), *_somebody_else(wanted), *nft.reject_forbidden()]
    for loopback in _LOOPBACK:
        # A socket that is bound to a device has even loopback's address routed out by that device.
        astray = [*nft.redirected(yes=True), *_at(loopback)]
        yield from _refuse([*astray, *nft.routed_past(loopback.packed)])
    yield [*nft.to_itself(), *nft.accept()]
    yield from _out(wanted, _refuse)


def _last(wanted: Redirection) -> Iterator[nft.Rule]:
    """Drops, once the device is certain, whatever slipped past `leaving`."""
    yield [*nft.leaving_by(_LO), *nft.accept()]
    yield from _out(wanted, _drop)


def _out(wanted: Redirection, refuse: Callable[[nft.Rule], Iterator[nft.Rule]]) -> Iterator[nft.Rule]:
    """What may go out by a device: answers, the proxy's user, and what the kernel itself has to say."""
    # Any user may send from an address that isn't here (IPV6_FREEBIND): an answer to that would be a way out, the proxy's
    # own (its SYN and ACK) too.
    yield [*nft.marked(_IN), *nft.replies(), *nft.accept()]
    yield [*nft.replies(), *nft.drop()]
    for address in wanted.to:
        for which in [nft.port(wanted.to_port), nft.port(wanted.dns_port)] if wanted.to_port else [[]]:
            yield [*_at(address), *nft.protocol(_TCP), *which, *nft.accept()]
        yield [*_at(address), *nft.protocol(_UDP), *nft.port(wanted.dns_port), *nft.accept()]
    if wanted.uid is not None:
        own = nft.owner(wanted.uid)
        yield [*own, *nft.protocol(_TCP), *nft.accept()]
        for resolver in wanted.resolvers:
            yield [*own, *_at(resolver), *nft.protocol(_UDP), *nft.port(NAMES), *nft.accept()]
    yield from refuse(_somebody_else(wanted))
    # From here on it is a packet without an open socket.
    yield from _without_socket(wanted.uid)
    yield from refuse(())


def _without_socket(uid: int | None) -> Iterator[nft.Rule]:
    """What the kernel has to send by itself."""
    if uid is not None:
        # The proxy closed a connection: what was left to send, or the answer to the other side's end.
        # Not a new connection: a kernel socket that somebody else has it open (SMC) would have the old flow's mark.
        going_on = [*nft.marked(_OUT), *nft.answers(), *nft.opens_connection(yes=False)]
        yield [*nft.protocol(_TCP), *going_on, *nft.accept()]
    for kind in NEIGHBOURS:
        yield [*nft.icmpv6(kind), *nft.accept()]


def _arriving(wanted: Redirection) -> Iterator[nft.Rule]:
    yield [*nft.arriving_by(_LO, yes=False), *nft.begins(), *nft.mark(_IN)]
    yield [*nft.replies(), *nft.accept()]  # our own refusals on their way back too
    yield [*nft.marked(_REFUSED), *nft.protocol(_TCP), *nft.reject_reset()]
    yield [*nft.marked(_REFUSED), *nft.protocol(_UDP), *nft.reject_port()]
    yield [*nft.marked(_REFUSED), *nft.reject_forbidden()]
    if not wanted.to and not wanted.gateway:
        for port in (wanted.tcp_port, wanted.dns_port):
            yield [*nft.redirected(yes=False), *nft.protocol(_TCP), *nft.port(port), *nft.reject_reset()]
            yield [*nft.redirected(yes=False), *nft.protocol(_UDP), *nft.port(port), *nft.reject_port()]
        # What the proxy counts is for whoever asks from outside, not for the workload beside it.
        for port in wanted.closed:
            yield [*nft.arriving_by(_LO), *nft.protocol(_TCP), *nft.port(port), *nft.reject_reset()]
    # A connection of before us, seen for the first time from its far end, would pass for one that began outside.
    from_outside = [*nft.arriving_by(_LO, yes=False), *nft.protocol(_TCP), *nft.begins()]
    yield [*from_outside, *nft.opens_connection(yes=False), *nft.reject_reset()]


def _taken(wanted: Redirection) -> Iterator[nft.Rule]:
    """TCP for any port that arrives: the service listener finds the port by SO_ORIGINAL_DST."""
    outside = nft.arriving_by(_LO, yes=False)
    for port in (wanted.tcp_port, wanted.dns_port, *wanted.kept):
        yield [*outside, *nft.protocol(_TCP), *nft.port(port), *nft.accept()]
    yield [*outside, *nft.protocol(_UDP), *nft.port(NAMES), *nft.redirect(wanted.dns_port)]
    yield [*outside, *nft.protocol(_TCP), *nft.port(NAMES), *nft.redirect(wanted.dns_port)]
    yield [*outside, *nft.protocol(_TCP), *nft.redirect(wanted.tcp_port)]


def _at(address: Address) -> list[bytes]:
    return nft.destination(address.packed, address.max_prefixlen)


def _somebody_else(wanted: Redirection) -> nft.Rule:
    return ANYBODY if wanted.uid is None else nft.owner(wanted.uid, yes=False)


def _refuse(which: nft.Rule) -> Iterator[nft.Rule]:
    yield [*which, *nft.protocol(_TCP), *nft.reject_reset()]
    yield [*which, *nft.protocol(_UDP), *nft.reject_port()]
    yield [*which, *nft.reject_forbidden()]


def _drop(which: nft.Rule) -> Iterator[nft.Rule]:
    yield [*which, *nft.drop()]
