"""Rulesets into the kernel and back: one transaction to put them there, and a comparison with what is there."""

import errno
import struct
from collections.abc import Iterable, Iterator, Sequence

from childproof.sandbox.netfilter import nft
from childproof.sandbox.netfilter.netlink import NETLINK_NETFILTER, Message, Netlink, attributes, contains

from .redirection import TABLE, Chain

_NFT = 10 << 8
_GET_TABLE, _GET_CHAIN, _GET_RULE = _NFT | 1, _NFT | 4, _NFT | 7
_TABLE_NAME, _TABLE_NOTE, _CHAIN_NAME, _RULE_CHAIN = 1, 6, 3, 2
_BODY = 4  # bytes of struct nfgenmsg, whose first is the family
_REHEARSED = f"{TABLE}-rehearsal"
# What the kernel tells, by family and chain.
type Chains = dict[tuple[int, str], bytes]
type Rules = dict[tuple[int, str], list[bytes]]
NOT_PERMITTED = frozenset({errno.EPERM, errno.EACCES})


def install(ruleset: Sequence[Chain], note: str = "") -> None:
    """Put the ruleset in the place of whatever our tables hold, in one transaction: at no moment is there none.

    `note` is kept with it, for `note_of`. Raises OSError where the kernel refuses; then nothing has changed.
    """
    with Netlink(NETLINK_NETFILTER) as netlink:
        families = {chain.family for chain in ruleset}
        gone = [change for family in _tables(netlink) - families for change in _emptied(family)]
        netlink.ask(nft.batch([*gone, *_made(ruleset, note=note.encode())]))


def takes(ruleset: Sequence[Chain]) -> bool:
    """Whether this kernel has what the ruleset asks for. Nothing is changed. Raises OSError without NET_ADMIN."""
    try:
        with Netlink(NETLINK_NETFILTER) as netlink:
            netlink.ask(nft.rehearsal(_made(ruleset, _REHEARSED)))
    except OSError as error:
        if error.errno in NOT_PERMITTED:
            raise
        return False
    return True


def remove() -> bool:
    """Take our tables away; whether there were any. Raises OSError."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        families = _tables(netlink)
        if families:
            netlink.ask(nft.batch([change for family in families for change in _emptied(family)]))
        return bool(families)


def note_of() -> str | None:
    """The note of what is installed; None where nothing of ours is. Raises OSError without NET_ADMIN."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        for body in _ours(netlink, _GET_TABLE):
            if body[0] == nft.FAMILY_INET:
                return _string(body, _TABLE_NOTE)
    return None


def differences(ruleset: Sequence[Chain]) -> list[str]:
    """What in the kernel isn't as the ruleset says, each as half a sentence. Raises OSError without NET_ADMIN."""
    with Netlink(NETLINK_NETFILTER) as netlink:
        return list(_compared(ruleset, *_dumped(netlink)))


def _dumped(netlink: Netlink) -> tuple[Chains, Rules]:
    chains = {(body[0], _string(body, _CHAIN_NAME)): body[_BODY:] for body in _ours(netlink, _GET_CHAIN)}
    rules: Rules = {}
    for body in _ours(netlink, _GET_RULE):
        rules.setdefault((body[0], _string(body, _RULE_CHAIN)), []).append(body[_BODY:])
    return chains, rules


def _compared(ruleset: Sequence[Chain], chains: Chains, rules: Rules) -> Iterator[str]:
    for chain in ruleset:
        key = (chain.family, chain.name)
        found = chains.pop(key, None)
        if found is None:
            yield f"the chain {chain.name} is missing"
            continue
        if not contains(found, _chain(chain, TABLE).body[_BODY:]):
            yield f"the chain {chain.name} is another one"
        there = rules.get(key, [])
        if len(there) != len(chain.rules):
            yield f"the chain {chain.name} has {len(there)} rules, not {len(chain.rules)}"
            continue
        for number, (expressions, got) in enumerate(zip(chain.rules, there, strict=True), 1):
            if not contains(got, nft.rule(TABLE, chain.name, expressions, chain.family).body[_BODY:]):
                yield f"rule {number} of the chain {chain.name} is another one"
    for _, name in chains:
        yield f"there is a chain {name} that isn't ours"


def _made(ruleset: Sequence[Chain], name: str = TABLE, note: bytes = b"") -> Iterator[Message]:
    for family in dict.fromkeys(chain.family for chain in ruleset):
        yield from _emptied(family, name)
        yield nft.table(name, family, note)
    for chain in ruleset:
        yield _chain(chain, name)
        for expressions in chain.rules:
            yield nft.rule(name, chain.name, expressions, chain.family)


def _chain(chain: Chain, table: str) -> Message:
    return nft.chain(
        table, chain.name, kind=chain.kind, hook=chain.hook, priority=chain.priority, policy=chain.policy,
        of=chain.family, device=chain.device,
    )  # fmt: skip


def _emptied(family: int, name: str = TABLE) -> Iterable[Message]:
    return nft.table(name, family), nft.delete_table(name, family)  # made first, so that there is one to delete


def _tables(netlink: Netlink) -> set[int]:
    return {body[0] for body in _ours(netlink, _GET_TABLE)}


def _ours(netlink: Netlink, kind: int) -> list[bytes]:
    every_family = struct.pack("!BBH", 0, 0, 0)
    return [body for _, body in netlink.dump(kind, every_family) if _string(body, _TABLE_NAME) == TABLE]


def _string(body: bytes, kind: int) -> str:
    return next((value for found, value in attributes(body[_BODY:]) if found == kind), b"").rstrip(b"\0").decode()
