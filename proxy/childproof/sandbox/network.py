"""The network of a sealed sandbox: one loopback device that answers for every address, and a ruleset around it.

Runs inside the new network namespace, with capabilities over it. What holds afterwards:

- There is no device but `lo`, so nothing can leave whatever the ruleset says; the ruleset only decides *who answers*.
- Every IPv4 and IPv6 address is local. TCP to any of them is redirected to one listener, port 53 to the DNS listeners
  (port 53 of loopback too: systemd-resolved, dnsmasq and Docker have their resolvers there).
- Loopback and the sandbox's own address belong to its own processes.
- Everything else is copied to NFLOG as it is sent and refused with an ICMP error as it "arrives", so that `send` itself
  succeeds and the error comes back at once, as from a real network. (Rejected on the way out, `send` would fail with
  EPERM, which QUIC clients don't take for a refusal.)
- The listeners can't be dialled directly, only through a redirection.
"""

import contextlib
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .netfilter import nflog, nft
from .netfilter.netlink import NETLINK_NETFILTER, NLM_F_CREATE, NLM_F_EXCL, Message, Netlink, attribute, u32

# Documentation ranges (RFC 5737, RFC 3849): nobody's real address, and apart from those that our DNS hands out.
RESOLVER = "192.0.2.53"
OWN_IPV4 = "192.0.2.1"
OWN_IPV6 = "2001:db8::1"

_TABLE = "childproof"
_BACKLOG = 1024
_LO = 1  # the index of `lo` in a fresh namespace
_IFF_UP = 1
_RTM_NEWLINK, _RTM_NEWADDR, _RTM_NEWROUTE = 16, 20, 24
_NODAD = 2
_TABLE_LOCAL, _STATIC, _SCOPE_HOST, _LOCAL = 255, 4, 254, 2
_UDP = 17
_TCP = 6


class Listeners(msgspec.Struct, frozen=True):
    """Sockets made inside the namespace; they keep working wherever their descriptors are sent.

    `dns` holds one UDP socket for each family. `refusals` is the NFLOG socket, None where the kernel has none.
    """

    tcp: socket.socket
    dns: tuple[socket.socket, ...]
    refusals: socket.socket | None

    def sockets(self) -> list[socket.socket]:
        """All of them: TCP, DNS, and the NFLOG socket last if there is one."""
        return [self.tcp, *self.dns, *([self.refusals] if self.refusals else [])]


def set_up() -> Listeners:
    """Furnish the network namespace that the process is in. Raises OSError where the kernel refuses."""
    with_ipv6 = _enable_ipv6()
    _loopback(with_ipv6=with_ipv6)
    tcp = _tcp_listener(with_ipv6=with_ipv6)
    dns = _dns_listeners(with_ipv6=with_ipv6)
    refusals = nflog.open_group()
    ports = _Ports(tcp=tcp.getsockname()[1], dns=dns[0].getsockname()[1])
    try:
        _install(ports, logged=refusals is not None)
    except OSError:
        if refusals is None:
            raise
        # The kernel may have the NFLOG socket but not nftables' log expression: refuse without a record.
        refusals.close()
        refusals = None
        _install(ports, logged=False)
    return Listeners(tcp, dns, refusals)


class _Ports(msgspec.Struct, frozen=True):
    tcp: int
    dns: int


def _enable_ipv6() -> bool:
    for name in ("all", "default", "lo"):
        # A namespace may inherit `disable_ipv6`; where /proc/sys is read-only, what is there must do.
        with contextlib.suppress(OSError):
            Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("0")
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
        return Path("/proc/sys/net/ipv6/conf/lo/disable_ipv6").read_text().strip() == "0"
    except OSError:
        return False


def _loopback(*, with_ipv6: bool) -> None:
    up = struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LO, _IFF_UP, _IFF_UP)
    requests = [
        Message(_RTM_NEWLINK, 0, up),
        _address(socket.AF_INET, OWN_IPV4, 32),
        _everything_local(socket.AF_INET, OWN_IPV4),
    ]
    if with_ipv6:
        requests += [_address(socket.AF_INET6, OWN_IPV6, 128), _everything_local(socket.AF_INET6, OWN_IPV6)]
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        for request in requests:
            netlink.ask([request])


def _address(family: int, address: str, prefix: int) -> Message:
    packed = socket.inet_pton(family, address)
    body = struct.pack("=BBBBI", family, prefix, _NODAD, 0, _LO) + attribute(1, packed) + attribute(2, packed)
    return Message(_RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body)


def _everything_local(family: int, source: str) -> Message:
    """A route of type *local* for all addresses, so that what is sent there also arrives here."""
    header = struct.pack("=BBBBBBBBI", family, 0, 0, 0, _TABLE_LOCAL, _STATIC, _SCOPE_HOST, _LOCAL, 0)
    preferred = attribute(7, socket.inet_pton(family, source))
    return Message(_RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header + attribute(4, u32(_LO)) + preferred)


def _tcp_listener(*, with_ipv6: bool) -> socket.socket:
    if not with_ipv6:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.bind(("0.0.0.0", 0))  # noqa: S104 (the namespace has no other device than lo)
    else:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", 0))
    listener.listen(_BACKLOG)
    return listener


def _dns_listeners(*, with_ipv6: bool) -> tuple[socket.socket, ...]:
    """UDP sockets on the very addresses that `redirect` rewrites to: an answer must come from there to find back."""
    v4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    v4.bind(("127.0.0.1", 0))
    if not with_ipv6:
        return (v4,)
    v6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    v6.bind(("::1", v4.getsockname()[1]))
    return v4, v6


def _install(ports: _Ports, *, logged: bool) -> None:
    with Netlink(NETLINK_NETFILTER) as netlink:
        netlink.ask(nft.batch(_ruleset(ports, logged=logged)))


def _ruleset(ports: _Ports, *, logged: bool) -> Iterator[Message]:
    yield nft.table(_TABLE)
    yield nft.chain(_TABLE, "redirect", kind="nat", hook=nft.HOOK_OUTPUT, priority=nft.PRIORITY_NAT, policy=nft.ACCEPT)
    yield nft.chain(
        _TABLE, "leaving", kind="filter", hook=nft.HOOK_OUTPUT, priority=nft.PRIORITY_FILTER, policy=nft.ACCEPT
    )
    yield nft.chain(
        _TABLE, "arriving", kind="filter", hook=nft.HOOK_INPUT, priority=nft.PRIORITY_FILTER, policy=nft.DROP
    )
    for name, rules in (
        ("redirect", _redirections(ports)),
        ("leaving", _records(ports) if logged else iter(())),
        ("arriving", _refusals(ports)),
    ):
        for expressions in rules:
            yield nft.rule(_TABLE, name, expressions)


def _redirections(ports: _Ports) -> Iterator[nft.Rule]:
    yield [*nft.protocol(_UDP), *nft.port(53), *nft.redirect(ports.dns)]
    yield [*nft.protocol(_TCP), *nft.port(53), *nft.redirect(ports.tcp)]
    for own in _own_destinations():
        yield [*own, *nft.accept()]
    yield [*nft.protocol(_TCP), *nft.redirect(ports.tcp)]


def _records(ports: _Ports) -> Iterator[nft.Rule]:
    yield [*nft.answers(), *nft.accept()]
    for direct in _dialled_directly(ports):
        yield [*direct, *nft.log(nflog.GROUP)]
    yield [*nft.protocol(_TCP), *nft.accept()]
    yield [*nft.redirected(yes=True), *nft.accept()]
    for own in _own_destinations():
        yield [*own, *nft.accept()]
    yield nft.log(nflog.GROUP)


def _refusals(ports: _Ports) -> Iterator[nft.Rule]:
    tcp_direct, dns_direct = _dialled_directly(ports)
    yield [*tcp_direct, *nft.reject_reset()]
    yield [*dns_direct, *nft.reject_port()]
    yield [*nft.answers(), *nft.accept()]
    yield [*nft.redirected(yes=True), *nft.accept()]
    for own in _own_destinations():
        yield [*own, *nft.accept()]
    yield [*nft.protocol(_UDP), *nft.reject_port()]
    yield nft.reject_forbidden()


def _dialled_directly(ports: _Ports) -> tuple[nft.Rule, nft.Rule]:
    """Packets to the listeners' own ports that no redirection sent there."""
    tcp = [*nft.protocol(_TCP), *nft.port(ports.tcp), *nft.redirected(yes=False)]
    dns = [*nft.protocol(_UDP), *nft.port(ports.dns), *nft.redirected(yes=False)]
    return tcp, dns


def _own_destinations() -> Iterator[nft.Rule]:
    yield nft.destination(socket.inet_pton(socket.AF_INET, "127.0.0.0"), 8)
    yield nft.destination(socket.inet_pton(socket.AF_INET, OWN_IPV4), 32)
    yield nft.destination(socket.inet_pton(socket.AF_INET6, "::1"), 128)
    yield nft.destination(socket.inet_pton(socket.AF_INET6, OWN_IPV6), 128)
