"""nftables in bytes: tables, chains, rules and the expressions that the sealed ruleset is made of.

A rule is a list of expressions over registers; register 1 is all that we need. Constants are those of
`linux/netfilter/nf_tables.h`.
"""

import struct
from collections.abc import Iterable, Sequence

from .netlink import NLM_F_APPEND, NLM_F_CREATE, Message, attribute, be16, be32, nest, text

FAMILY_INET = 1
ACCEPT = 1
DROP = 0
HOOK_INPUT = 1
HOOK_OUTPUT = 3
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
_NEW_CHAIN = _SUBSYSTEM << 8 | 3
_NEW_RULE = _SUBSYSTEM << 8 | 6

_REGISTER = be32(1)
_META_NFPROTO = 15
_META_L4PROTO = 16
_CT_STATE = 0
_CT_STATUS = 2
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
    return [
        Message(_BATCH_BEGIN, 0, header, acknowledged=False),
        *changes,
        Message(_BATCH_END, 0, header, acknowledged=False),
    ]


def table(name: str) -> Message:
    """A table for both families."""
    return Message(_NEW_TABLE, NLM_F_CREATE, _inet() + text(1, name))


def chain(table_name: str, name: str, *, kind: str, hook: int, priority: int, policy: int) -> Message:
    """A base chain: `kind` is `nat` or `filter`."""
    body = (
        text(1, table_name)
        + text(3, name)
        + nest(4, attribute(1, be32(hook)), attribute(2, struct.pack("!i", priority)))
        + attribute(5, be32(policy))
        + text(7, kind)
    )
    return Message(_NEW_CHAIN, NLM_F_CREATE, _inet() + body)


def rule(table_name: str, chain_name: str, expressions: Rule) -> Message:
    """A rule at the end of a chain."""
    body = text(1, table_name) + text(2, chain_name) + nest(4, *expressions)
    return Message(_NEW_RULE, NLM_F_CREATE | NLM_F_APPEND, _inet() + body)


def family(value: int) -> list[bytes]:
    """Matches packets of one IP version."""
    return [_meta(_META_NFPROTO), _compare(_EQUAL, bytes([value]))]


def protocol(number: int) -> list[bytes]:
    """Matches packets of one transport protocol."""
    return [_meta(_META_L4PROTO), _compare(_EQUAL, bytes([number]))]


def destination(network: bytes, prefix: int) -> list[bytes]:
    """Matches packets to a network, given as 4 or 16 address bytes and a prefix length of whole bytes."""
    is_v4 = len(network) == 4
    octets = prefix // 8
    return [
        *family(IPV4 if is_v4 else IPV6),
        _payload(_NETWORK_HEADER, 16 if is_v4 else 24, octets),
        _compare(_EQUAL, network[:octets]),
    ]


def port(number: int) -> list[bytes]:
    """Matches the destination port of TCP and UDP; the protocol must have been matched before."""
    return [_payload(_TRANSPORT_HEADER, 2, 2), _compare(_EQUAL, be16(number))]


def answers() -> list[bytes]:
    """Matches what belongs to a flow that was let through, and ICMP errors about one."""
    return [_conntrack(_CT_STATE), _mask(ESTABLISHED_OR_RELATED), _compare(_NOT_EQUAL, struct.pack("=I", 0))]


def redirected(*, yes: bool) -> list[bytes]:
    """Matches packets that the nat chain redirected, or those that it did not."""
    outcome = _NOT_EQUAL if yes else _EQUAL
    return [_conntrack(_CT_STATUS), _mask(DESTINATION_CHANGED), _compare(outcome, struct.pack("=I", 0))]


def redirect(to_port: int) -> list[bytes]:
    """Sends the flow to a port of this namespace's loopback, remembering where it wanted to go."""
    return [
        _expression("immediate", attribute(1, _REGISTER), nest(2, attribute(1, be16(to_port)))),
        _expression("redir", attribute(1, _REGISTER)),
    ]


def accept() -> list[bytes]:
    """Lets the packet through this chain."""
    verdict = nest(2, attribute(1, be32(ACCEPT)))
    return [_expression("immediate", attribute(1, be32(0)), nest(2, verdict))]


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


def _inet() -> bytes:
    return struct.pack("!BBH", FAMILY_INET, 0, 0)


def _expression(name: str, *data: bytes) -> bytes:
    return nest(1, text(1, name), nest(2, *data))


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


def _mask(bits: int) -> bytes:
    return _expression(
        "bitwise",
        attribute(1, _REGISTER),
        attribute(2, _REGISTER),
        attribute(3, be32(4)),
        nest(4, attribute(1, struct.pack("=I", bits))),
        nest(5, attribute(1, struct.pack("=I", 0))),
    )


def _compare(operation: int, value: bytes) -> bytes:
    return _expression("cmp", attribute(1, _REGISTER), attribute(2, be32(operation)), nest(3, attribute(1, value)))
