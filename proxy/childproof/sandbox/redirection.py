"""The ruleset that `childproof init` puts into a network namespace, as data: which packets go where.

The namespace is one that others live in too (a pod's, a container's): it has devices, addresses and routes of its own,
and they stay as they are. Whatever its processes send goes one of four ways:

- Loopback, the namespace's own addresses, and answers to whoever connected from outside: as without us.
- TCP to anywhere else, and port 53 of every address: to the proxy.
- The proxy's own user: out, with TCP, and with DNS to the resolvers of the namespace.
- Everything else is turned round into `lo` and refused there, so that `send` itself succeeds and the ICMP error comes
  back at once, as from a real network. (Rejected on the way out, `send` would fail with EPERM, which QUIC clients don't
  take for a refusal.) What can't be turned round is rejected on the way out.

The two halves don't trust each other: the nat chain decides who answers, and the filter chain lets out of the devices
nothing but the proxy's user, whatever the nat chain did.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from . import nft
from .netlink import Message

TABLE = "childproof"
PROXY_UID = 15001
TCP_PORT = 15001
DNS_PORT = 15053

type Address = IPv4Address | IPv6Address

_NOBODY = 2**32 - 1  # a uid that no process can have
_LO = 1  # `lo` has this index in every network namespace
_TCP, _UDP = 6, 17
_NAMES = 53
# Before other tables' nat, such as the one that Docker's own resolver stands behind: the first to decide wins.
_BEFORE_NAT = nft.PRIORITY_NAT - 10
_LAST = 300  # after everybody's own postrouting
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
# Marks of flows: those that the proxy's user began, and those that nobody answers.
_OUT, _REFUSED = 0x63680001, 0x63680002
# Docker's resolver answers at a port of its own too, and asks from outside the namespace.
_DOCKER = IPv4Address("127.0.0.11")
# What IPv6 can't do without on its link: router solicitation, and neighbours' addresses (RFC 4861).
_NEIGHBOURS = (133, 135, 136)


@dataclass(frozen=True, slots=True)
class Redirection:
    """What is to hold in one network namespace.

    `uid` is the only user who may leave, None for nobody. `resolvers` are who that user may ask for names.
    """

    uid: int | None = PROXY_UID
    tcp_port: int = TCP_PORT
    dns_port: int = DNS_PORT
    resolvers: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain with its rules, in order."""

    name: str
    kind: str
    hook: int
    priority: int
    policy: int
    rules: tuple[nft.Rule, ...]


def chains(wanted: Redirection) -> tuple[Chain, ...]:
    """The whole ruleset of a redirection."""
    return (
        Chain("redirect", "nat", nft.HOOK_OUTPUT, _BEFORE_NAT, nft.ACCEPT, tuple(_redirections(wanted))),
        Chain("leaving", "filter", nft.HOOK_OUTPUT, nft.PRIORITY_FILTER, nft.DROP, tuple(_leaving(wanted))),
        Chain("arriving", "filter", nft.HOOK_INPUT, nft.PRIORITY_FILTER, nft.ACCEPT, tuple(_arriving(wanted))),
        Chain("last", "filter", nft.HOOK_POSTROUTING, _LAST, nft.DROP, tuple(_last(wanted))),
        Chain("passing", "filter", nft.HOOK_FORWARD, nft.PRIORITY_FILTER, nft.DROP, ()),
    )


def remove() -> list[Message]:
    """One transaction that takes our table away, whether or not there is one."""
    return nft.batch([nft.table(TABLE), nft.delete_table(TABLE)])


def install(ruleset: Sequence[Chain]) -> list[Message]:
    """One transaction that puts the ruleset in the place of whatever our table held: there is no moment without one."""
    return nft.batch(
        [
            nft.table(TABLE),  # so that there is one to delete
            nft.delete_table(TABLE),
            nft.table(TABLE),
            *_made(ruleset),
        ]
    )


def _made(ruleset: Sequence[Chain]) -> Iterator[Message]:
    for chain in ruleset:
        yield nft.chain(
            TABLE, chain.name, kind=chain.kind, hook=chain.hook, priority=chain.priority, policy=chain.policy
        )
        for expressions in chain.rules:
            yield nft.rule(TABLE, chain.name, expressions)


def _redirections(wanted: Redirection) -> Iterator[nft.Rule]:
    if wanted.uid is not None:
        yield [*nft.owner(wanted.uid), *nft.protocol(_TCP), *nft.mark(_OUT), *nft.accept()]
        yield [*nft.owner(wanted.uid), *nft.protocol(_UDP), *nft.port(_NAMES), *nft.accept()]
    yield [*nft.protocol(_UDP), *nft.port(_NAMES), *nft.redirect(wanted.dns_port)]
    yield [*nft.protocol(_TCP), *nft.port(_NAMES), *nft.redirect(wanted.dns_port)]
    yield [*nft.to_itself(), *nft.accept()]
    yield [*nft.protocol(_TCP), *nft.redirect(wanted.tcp_port)]
    yield [*nft.protocol(_UDP), *nft.mark(_REFUSED), *nft.redirect(wanted.tcp_port)]
    yield [*nft.mark(_REFUSED), *nft.redirect_address()]


def _leaving(wanted: Redirection) -> Iterator[nft.Rule]:
    """Refuses with an error that the sender sees. Devices are not told apart here: nat has changed the route by now."""
    somebody_else = _somebody_else(wanted)
    yield [*nft.destination(_DOCKER.packed, 32), *nft.begins(), *somebody_else, *nft.reject_forbidden()]
    for loopback in _LOOPBACK:
        # A socket that is bound to a device has even loopback's address routed out by that device.
        astray = [*nft.redirected(yes=True), *nft.destination(loopback.packed, loopback.max_prefixlen)]
        yield from _refuse([*astray, *nft.routed_past(loopback.packed)])
    yield [*nft.to_itself(), *nft.accept()]
    yield from _out(wanted, _refuse)


def _last(wanted: Redirection) -> Iterator[nft.Rule]:
    """Drops, once the device is certain, whatever slipped past `leaving`."""
    yield [*nft.leaving_by(_LO), *nft.accept()]
    yield from _out(wanted, _drop)


def _out(wanted: Redirection, refuse: Callable[[nft.Rule], Iterator[nft.Rule]]) -> Iterator[nft.Rule]:
    """What may go out by a device: answers, the proxy's user, and what the kernel itself has to say."""
    yield [*nft.replies(), *nft.accept()]
    if wanted.uid is not None:
        own = nft.owner(wanted.uid)
        yield [*own, *nft.protocol(_TCP), *nft.accept()]
        for resolver in wanted.resolvers:
            to = nft.destination(resolver.packed, resolver.max_prefixlen)
            yield [*own, *to, *nft.protocol(_UDP), *nft.port(_NAMES), *nft.accept()]
    yield from refuse(_somebody_else(wanted))
    # From here on it is a packet without an open socket.
    if wanted.uid is not None:
        # The proxy closed a connection, and the kernel sends what was left, or acknowledges the other side's end.
        yield [*nft.protocol(_TCP), *nft.marked(_OUT), *nft.answers(), *nft.accept()]
    for kind in _NEIGHBOURS:
        yield [*nft.icmpv6(kind), *nft.accept()]
    yield from refuse(())


def _somebody_else(wanted: Redirection) -> nft.Rule:
    return nft.owner(_NOBODY if wanted.uid is None else wanted.uid, yes=False)


def _drop(which: nft.Rule) -> Iterator[nft.Rule]:
    yield [*which, *nft.drop()]


def _refuse(which: nft.Rule) -> Iterator[nft.Rule]:
    yield [*which, *nft.protocol(_TCP), *nft.reject_reset()]
    yield [*which, *nft.protocol(_UDP), *nft.reject_port()]
    yield [*which, *nft.reject_forbidden()]


def _arriving(wanted: Redirection) -> Iterator[nft.Rule]:
    yield [*nft.replies(), *nft.accept()]  # our own refusals on their way back too
    yield [*nft.marked(_REFUSED), *nft.protocol(_UDP), *nft.reject_port()]
    yield [*nft.marked(_REFUSED), *nft.reject_forbidden()]
    for port in (wanted.tcp_port, wanted.dns_port):
        yield [*nft.redirected(yes=False), *nft.protocol(_TCP), *nft.port(port), *nft.reject_reset()]
        yield [*nft.redirected(yes=False), *nft.protocol(_UDP), *nft.port(port), *nft.reject_port()]
    # A connection of before us, seen for the first time from its far end, would pass for one that began outside.
    from_outside = [*nft.arriving_by(_LO, yes=False), *nft.protocol(_TCP), *nft.begins()]
    yield [*from_outside, *nft.opens_connection(yes=False), *nft.reject_reset()]


def resolvers_in(resolv_conf: str) -> tuple[Address, ...]:
    """The name servers of a resolv.conf, in order. What isn't an address is left out, as the resolver leaves it."""
    found: list[Address] = []
    for line in resolv_conf.splitlines():
        match line.split():
            case ["nameserver", address, *_]:
                parsed = parse_address(address)
                if parsed is not None and parsed not in found:
                    found.append(parsed)
            case _:
                pass
    return tuple(found)


def parse_address(written: str) -> Address | None:
    """An address as written, without its zone; None for what isn't one."""
    bare = written.partition("%")[0]
    for family, kind in ((socket.AF_INET, IPv4Address), (socket.AF_INET6, IPv6Address)):
        try:
            return kind(socket.inet_pton(family, bare))
        except OSError:
            continue
    return None
