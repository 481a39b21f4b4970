"""`childproof init` at work in the network namespace that this process is in: install, check, remove."""

import contextlib
import json
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from childproof.errors import SandboxError
from childproof.sandbox.addresses import Address, name_servers, parse_address
from childproof.sandbox.netfilter.netlink import Message, Netlink

from . import defaultroute, egress, installing, proving, redirection, refusals
from .proving import Attempt
from .redirection import Chain, Redirection

RESOLV_CONF = Path("/etc/resolv.conf")
# Only the machine's first network namespace has it, whoever looks at it from whichever container.
_FIRST_NAMESPACE = Path("/proc/sys/net/core/netdev_max_backlog")
_RTM_NEWLINK, _LO, _UP = 16, 1, 1

MANIFEST = "securityContext: {runAsUser: 0, capabilities: {drop: [ALL], add: [NET_ADMIN]}}"
_WITHOUT_EGRESS = (
    "this kernel has no egress hook for packet sockets (Linux 5.16 has): a workload with NET_RAW could send whole"
    " frames; write for each of its containers: securityContext: {capabilities: {drop: [ALL]}}"
)
_LOOPBACK_NAMES = (
    "{} in /etc/resolv.conf is loopback's, and what is asked there can't be sent elsewhere: where the workload's file is the"
    " same, give it another; any address will do, such as `nameserver 192.0.2.53`"
)
_DOCKERS_NAMES = (
    "{} in /etc/resolv.conf is Docker's resolver, which asks on from this namespace as root and so finds the proxy instead:"
    " mount an /etc/resolv.conf with a name server of the network into this container and the proxy's"
)
_WITHOUT_RECORD = (
    "this kernel has no hashlimit match (xt_hashlimit, nft_compat): refused UDP and ICMP leave no entry in the ledger"
)


class Outcome(msgspec.Struct, frozen=True):
    """What holds now. `faults` say what doesn't: there are none where the redirection is whole."""

    rules: int
    compared: bool
    attempts: tuple[Attempt, ...]
    warnings: tuple[str, ...]
    faults: tuple[str, ...]


def is_hosts_network() -> bool:
    """Whether this is the network of the machine itself, and not a namespace that was made on it."""
    return _FIRST_NAMESPACE.exists()


def resolvers_here() -> tuple[Address, ...]:
    """The name servers that this namespace's resolv.conf names."""
    try:
        return name_servers(RESOLV_CONF.read_text())
    except (OSError, UnicodeDecodeError):
        return ()


def addresses_of(name: str, resolve: Callable[[str], tuple[Address, ...]]) -> tuple[Address, ...]:
    """The addresses of a proxy elsewhere, one for each IP version at most; empty where the name has none.

    Where a redirection is in place already, names are the proxy's to answer, so those that it was made with hold on.
    """
    with contextlib.suppress(OSError, ValueError, TypeError):
        noted = json.loads(installing.note_of() or "{}")
        if noted.get("to") == name:
            return tuple(filter(None, map(parse_address, noted["addresses"])))
    return resolve(name)


def install(wanted: Redirection, *, name: str = "") -> Outcome:
    """Put the redirection in the place of an earlier one, in one step, and check it. `name` is how `to` was written.

    Raises SandboxError where the kernel refuses.
    """
    try:
        _raise_loopback()
        ruleset, _ = _for_this_kernel(wanted)
        note = json.dumps({"to": name, "addresses": list(map(str, wanted.to))}) if wanted.to else ""
        installing.install(ruleset, note)
        defaultroute.lead_to(wanted.to)  # after the rules: before them it would be a way out
    except OSError as error:
        raise _refusal(error) from None
    return check(wanted)


def check(wanted: Redirection) -> Outcome:
    """Compare the kernel's rules with what they should be, as far as this process may see them, and try to get out."""
    try:
        ruleset, warnings = _for_this_kernel(wanted)
        faults = installing.differences(ruleset)
        compared = True
    except OSError as error:
        if error.errno not in installing.NOT_PERMITTED:
            raise _refusal(error) from None
        ruleset, faults, compared = redirection.chains(wanted), [], False
        warnings = ["the rules themselves weren't read, which takes NET_ADMIN: only attempts were made"]
    if wanted.to:
        warnings += [_LOOPBACK_NAMES.format(resolver) for resolver in wanted.resolvers if resolver.is_loopback]
    elif redirection.DOCKER in wanted.resolvers:
        warnings.append(_DOCKERS_NAMES.format(redirection.DOCKER))
    tried: tuple[Attempt, ...] = ()
    if proving.may_leave(wanted.uid):
        warnings.append(f"no attempts were made: uid {wanted.uid} is let out; run the check as another user")
        if not compared:
            faults.append(f"nothing could be checked as uid {wanted.uid} without NET_ADMIN")
    else:
        tried = tuple(proving.attempts(wanted.tcp_port, elsewhere=bool(wanted.to)))
        if not compared and all(attempt.held for attempt in tried) and not any(attempt.telling for attempt in tried):
            faults.append("no attempt met a rule, since there is no route: the check takes NET_ADMIN here")
    faults += [f"{attempt.tried}: {attempt.result}" for attempt in tried if not attempt.held]
    return Outcome(sum(len(chain.rules) for chain in ruleset), compared, tried, tuple(warnings), tuple(faults))


def remove() -> bool:
    """Take the redirection away; whether there was one. Raises SandboxError."""
    try:
        return installing.remove()
    except OSError as error:
        raise _refusal(error) from None


def _for_this_kernel(wanted: Redirection) -> tuple[Sequence[Chain], list[str]]:
    """The chains that this kernel takes, and what is missing for those that it doesn't."""
    ruleset, warnings = [*redirection.chains(wanted)], []
    devices = [name for index, name in socket.if_nameindex() if index != _LO]
    for chains, missing in ((refusals.chains(wanted), _WITHOUT_RECORD), (egress.chains(devices), _WITHOUT_EGRESS)):
        if installing.takes(chains):
            ruleset += chains
        else:
            warnings.append(missing)
    return ruleset, warnings


def _raise_loopback() -> None:
    """What is turned round goes over `lo`, which a fresh namespace has down."""
    with Netlink(socket.NETLINK_ROUTE) as netlink:
        netlink.ask([Message(_RTM_NEWLINK, 0, struct.pack("=BxHiII", socket.AF_UNSPEC, 0, _LO, _UP, _UP))])


def _refusal(error: OSError) -> SandboxError:
    if error.errno in installing.NOT_PERMITTED:
        return SandboxError(
            f"init needs NET_ADMIN in this network namespace; write for the container that runs it: {MANIFEST}"
        )
    return SandboxError(
        f"this kernel doesn't take the redirection ({error.strerror}); it needs nf_tables with nat and fib for both IP"
        " versions (Linux 5.2), and nothing may leave without it: let the pod fail"
    )
