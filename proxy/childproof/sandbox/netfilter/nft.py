"""nftables in bytes: tables, chains, rules and the expressions that our rulesets are made of.

A rule is a list of expressions over registers; register 1 is all that we need. Constants are those of
`linux/netfilter/nf_tables.h`.
"""

import struct
import sys
from collections.abc import Iterable, Sequence

from .netlink import NLM_F_APPEND, NLM_F_CREATE, Message, attribute, be16, be32, nest, text

FAMILY_INET = 1
FAMILY_IPV4 = 2
FAMILY_NETDEV = 5
FAMILY_IPV6 = 10
ACCEPT = 1
DROP = 0
HOOK_PREROUTING = 0
HOOK_INPUT = 1
HOOK_FORWARD = 2
HOOK_OUTPUT = 3
HOOK_POSTROUTING = 4
HOOK_EGRESS = 1  # of FAMILY_NETDEV
PRIORITY_NAT = -100
PRIORITY_FILTER = 0

IPV4 = 2
IPV6 = 10

ESTABLISHED_OR_RELATED = 0b110
DESTINATION_CHANGED = 1 << 5  # IPS_DST_NAT: the packet was redirected

_SUBSYSTEM = 10
_BATCH_BEGIN = 0x10
_BATCH_END = 0x11
_NEW_TABLE = _SUBSYSTEM << 8
_DELETE_TABLE = _SUBSYSTEM << 8 | 2
_NEW_CHAIN = _SUBSYSTEM << 8 | 3
_NEW_RULE = _SUBSYSTEM << 8 | 6

_REGISTER = be32(1)
_SECOND = be32(2)
_ICMPV6 = 58
_NEW = 0b1000
_TCP_FLAGS = 0b10111  # FIN, SYN, RST, ACK
_TCP_SYN = 0b10
_META_PROTOCOL = 1
_META_INDEX_IN = 4
_META_INDEX_OUT = 5
_META_UID = 10
_META_ROUTE_CLASS = 13
_META_NFPROTO = 15
_META_L4PROTO = 16
_CT_STATE = 0
_CT_DIRECTION = 1
_CT_STATUS = 2
_CT_MARK = 3
_REPLY = 1
_RT_NEXT_HOP_4 = 1
_RT_NEXT_HOP_6 = 2
_FIB_ADDRESS_TYPE = 3
_FIB_DESTINATION = 1 << 1
_ROUTE_LOCAL = 2
_DESTINATION_NAT = 1
_EQUAL = 0
_NOT_EQUAL = 1
_NETWORK_HEADER = 1
_TRANSPORT_HEADER = 2
_REJECT_TCP_RESET = 1
_REJECT_ICMPX = 2
_ICMPX_PORT = 1
_ICMPX_ADMIN = 3

type Rule = Sequence[bytes]


def batch(changes: Iterable[Message]) -> list[Message]:
    """The changes as one transaction."""
    header = struct.pack("!BBH", 0, 0, _SUBSYSTEM)
    return [*rehearsal(changes), Message(_BATCH_END, 0, header, acknowledged=False)]


def rehearsal(changes: Iterable[Message]) -> list[Message]:
    """The changes as a transaction without an end: the kernel says whether it would take them, and makes none."""
    return [Message(_BATCH_BEGIN, 0, struct.pack("!BBH", 0, 0, _SUBSYSTEM), acknowledged=False), *changes]


def table(name: str, of: int = FAMILY_INET, note: bytes = b"") -> Message:
    """A table of one family; FAMILY_INET is for both IP versions. The kernel keeps the note, up to 256 bytes, with it."""
    return Message(_NEW_TABLE, NLM_F_CREATE, _of(of) + text(1, name) + (attribute(6, note) if note else b""))


def delete_table(name: str, of: int = FAMILY_INET) -> Message:
    """Take a table away, with all that is in it. It must exist by then."""
    return Message(_DELETE_TABLE, 0, _of(of) + text(1, name))


def chain(
    table_name: str, name: str, *, kind: str, hook: int, priority: int, policy: int, of: int = FAMILY_INET,
    device: str = "",
) -> Message:  # fmt: skip
    """A base chain: `kind` is `nat` or `filter`. One of FAMILY_NETDEV belongs to a device."""
    at = [attribute(1, be32(hook)), attribute(2, struct.pack("!i", priority))]
    if device:
        at.append(text(3, device))
    body = text(1, table_name) + text(3, name) + nest(4, *at) + attribute(5, be32(policy)) + text(7, kind)
    return Message(_NEW_CHAIN, NLM_F_CREATE, _of(of) + body)


def rule(table_name: str, chain_name: str, expressions: Rule, of: int = FAMILY_INET) -> Message:
    """A rule at the end of a chain."""
    body = text(1, table_name) + text(2, chain_name) + nest(4, *expressions)
    return Message(_NEW_RULE, NLM_F_CREATE | NLM_F_APPEND, _of(of) + body)


def family(value: int) -> list[bytes]:
    """Matches packets of one IP version."""
    return [_meta(_META_NFPROTO), _compare(_EQUAL, bytes([value]))]


def ethertype(number: int) -> list[bytes]:
    """Matches frames of one protocol of the link, such as ARP."""
    return [_meta(_META_PROTOCOL), _compare(_EQUAL, be16(number))]


def protocol(number: int) -> list[bytes]:
    """Matches packets of one transport protocol."""
    return [_meta(_META_L4PROTO), _compare(_EQUAL, bytes([number]))]


def destination(network: bytes, prefix: int) -> list[bytes]:
    """Matches packets to a network, given as 4 or 16 address bytes and a prefix length of whole bytes."""
    is_v4 = len(network) == 4
    return [*family(IPV4 if is_v4 else IPV6), *destination_bytes(network, prefix // 8)]


def destination_bytes(network: bytes, octets: int) -> list[bytes]:
    """Matches the destination's first bytes; the IP version must have been matched before."""
    return [
        _payload(_NETWORK_HEADER, 16 if len(network) == 4 else 24, octets),
        _compare(_EQUAL, network[:octets]),
    ]


def port(number: int) -> list[bytes]:
    """Matches the destination port of TCP and UDP; the protocol must have been matched before."""
    return [_payload(_TRANSPORT_HEADER, 2, 2), _compare(_EQUAL, be16(number))]


def leaving_by(index: int) -> list[bytes]:
    """Matches what goes out by the device of this index."""
    return [_meta(_META_INDEX_OUT), _compare(_EQUAL, struct.pack("=I", index))]


def arriving_by(index: int, *, yes: bool = True) -> list[bytes]:
    """Matches what came in by the device of this index, or by any other."""
    return [_meta(_META_INDEX_IN), _compare(_EQUAL if yes else _NOT_EQUAL, struct.pack("=I", index))]


def owner(uid: int, *, yes: bool = True) -> list[bytes]:
    """Matches what a socket sends that this user opened, or that somebody else did.

    What no open socket sends (the kernel's own resets, ARP, the end of a connection whose socket was closed) matches
    neither.
    """
    return [_meta(_META_UID), _compare(_EQUAL if yes else _NOT_EQUAL, struct.pack("=I", uid))]


def to_itself() -> list[bytes]:
    """Matches packets to an address of this network namespace: loopback, or one that a device has."""
    lookup = _expression(
        "fib", attribute(1, _REGISTER), attribute(2, be32(_FIB_ADDRESS_TYPE)), attribute(3, be32(_FIB_DESTINATION))
    )
    return [lookup, _compare(_EQUAL, struct.pack("=I", _ROUTE_LOCAL))]


def routed_past(address: bytes) -> list[bytes]:
    """Matches packets whose route, as it is by now, doesn't lead to this address (4 or 16 bytes) itself."""
    is_v4 = len(address) == 4
    key = _RT_NEXT_HOP_4 if is_v4 else _RT_NEXT_HOP_6
    return [
        *family(IPV4 if is_v4 else IPV6),
        _expression("rt", attribute(1, _REGISTER), attribute(2, be32(key))),
        _compare(_NOT_EQUAL, address),
    ]


def icmpv6(kind: int) -> list[bytes]:
    """Matches one type of ICMPv6 message."""
    return [*protocol(_ICMPV6), _payload(_TRANSPORT_HEADER, 0, 1), _compare(_EQUAL, bytes([kind]))]


def opens_connection(*, yes: bool) -> list[bytes]:
    """Matches TCP segments that open a connection (SYN alone), or those that don't. TCP must have been matched."""
    outcome = _EQUAL if yes else _NOT_EQUAL
    return [_payload(_TRANSPORT_HEADER, 13, 1), _mask(_TCP_FLAGS, 1), _compare(outcome, bytes([_TCP_SYN]))]


def begins() -> list[bytes]:
    """Matches the first packet that the kernel sees of a flow."""
    return [_conntrack(_CT_STATE), _mask(_NEW), _compare(_NOT_EQUAL, struct.pack("=I", 0))]


def replies() -> list[bytes]:
    """Matches what goes back to whoever began the flow, ICMP errors about it included."""
    return [*answers(), _conntrack(_CT_DIRECTION), _compare(_EQUAL, bytes([_REPLY]))]


def marked(mark: int) -> list[bytes]:
    """Matches packets of a flow that `mark` marked so."""
    return [_conntrack(_CT_MARK), _compare(_EQUAL, struct.pack("=I", mark))]


def mark(value: int) -> list[bytes]:
    """Marks the packet's flow. The mark stays in the kernel, and only its administrator can set one."""
    return [
        _expression("immediate", attribute(1, _REGISTER), nest(2, attribute(1, struct.pack("=I", value)))),
        _expression("ct", attribute(2, be32(_CT_MARK)), attribute(4, _REGISTER)),
    ]


def routed() -> list[bytes]:
    """Matches packets that have a route, which is what IP sends; a packet socket's frames have none."""
    return [_meta(_META_ROUTE_CLASS)]


def extension(name: str, revision: int, data: bytes) -> list[bytes]:
    """A match of iptables' (an `xt_` module), for what nftables has nothing of its own. IPv4 and IPv6 tables only."""
    return [_expression("match", text(1, name), attribute(2, be32(revision)), attribute(3, data))]


def answers() -> list[bytes]:
    """Matches what belongs to a flow that was let through, and ICMP errors about one."""
    return [_conntrack(_CT_STATE), _mask(ESTABLISHED_OR_RELATED), _compare(_NOT_EQUAL, struct.pack("=I", 0))]


def redirected(*, yes: bool) -> list[bytes]:
    """Matches packets that the nat chain redirected, or those that it did not."""
    outcome = _NOT_EQUAL if yes else _EQUAL
    return [_conntrack(_CT_STATUS), _mask(DESTINATION_CHANGED), _compare(outcome, struct.pack("=I", 0))]


def redirect(to_port: int) -> list[bytes]:
    """Sends the flow to a port of this namespace, remembering where it wanted to go.

    Loopback's port for what is sent here; for what arrives, that of the device's own address.
    """
    return [
        _expression("immediate", attribute(1, _REGISTER), nest(2, attribute(1, be16(to_port)))),
        _expression("redir", attribute(1, _REGISTER)),
    ]


def redirect_address() -> list[bytes]:
    """Sends the flow to this namespace, whatever its protocol, with the port that it wanted where it has one."""
    return [_expression("redir")]


def send_to(address: bytes, to_port: int | None = None) -> list[bytes]:
    """Sends the flow to another address, given as 4 or 16 bytes; to the port that it wanted unless one is named."""
    family_of = IPV4 if len(address) == 4 else IPV6
    load = _expression("immediate", attribute(1, _REGISTER), nest(2, attribute(1, address)))
    target = [
        attribute(1, be32(_DESTINATION_NAT)), attribute(2, be32(family_of)), attribute(3, _REGISTER),
    ]  # fmt: skip
    if to_port is None:
        return [load, _expression("nat", *target)]
    load_port = _expression("immediate", attribute(1, _SECOND), nest(2, attribute(1, be16(to_port))))
    return [load, load_port, _expression("nat", *target, attribute(5, _SECOND))]


def accept() -> list[bytes]:
    """Lets the packet through this chain."""
    return [_verdict(ACCEPT)]


def drop() -> list[bytes]:
    """Drops the packet: the sender sees at most that it wasn't permitted."""
    return [_verdict(DROP)]


def log(group: int) -> list[bytes]:
    """Copies the packet's head to an NFLOG group, at once."""
    return [_expression("log", attribute(1, be16(group)), attribute(3, be32(128)), attribute(4, be16(1)))]


def reject_port() -> list[bytes]:
    """Refuses with ICMP port unreachable, in the packet's own IP version."""
    return [_expression("reject", attribute(1, be32(_REJECT_ICMPX)), attribute(2, bytes([_ICMPX_PORT])))]


def reject_forbidden() -> list[bytes]:
    """Refuses with ICMP administratively prohibited."""
    return [_expression("reject", attribute(1, be32(_REJECT_ICMPX)), attribute(2, bytes([_ICMPX_ADMIN])))]


def reject_reset() -> list[bytes]:
    """Refuses a TCP packet with a reset."""
    return [_expression("reject", attribute(1, be32(_REJECT_TCP_RESET)))]


def _of(number: int) -> bytes:
    return struct.pack("!BBH", number, 0, 0)


def _expression(name: str, *data: bytes) -> bytes:
    return nest(1, text(1, name), nest(2, *data))


def _verdict(verdict: int) -> bytes:
    return _expression("immediate", attribute(1, be32(0)), nest(2, nest(2, attribute(1, be32(verdict)))))


def _meta(key: int) -> bytes:
    return _expression("meta", attribute(2, be32(key)), attribute(1, _REGISTER))


def _conntrack(key: int) -> bytes:
    return _expression("ct", attribute(2, be32(key)), attribute(1, _REGISTER))


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression(
        "payload",
        attribute(1, _REGISTER),
        attribute(2, be32(base)),
        attribute(3, be32(offset)),
        attribute(4, be32(length)),
    )


def _mask(bits: int, length: int = 4) -> bytes:
    return _expression(
        "bitwise",
        attribute(1, _REGISTER),
        attribute(2, _REGISTER),
        attribute(3, be32(length)),
        nest(4, attribute(1, bits.to_bytes(length, sys.byteorder))),
        nest(5, attribute(1, bytes(length))),
    )


def _compare(operation: int, value: bytes) -> bytes:
    return _expression("cmp", attribute(1, _REGISTER), attribute(2, be32(operation)), nest(3, attribute(1, value)))
