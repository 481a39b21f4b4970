"""`childproof init`: the redirection for a network namespace that others live in, such as a pod's."""

import json
import re
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from childproof.errors import CheckError, InputError
from childproof.sandbox.addresses import Address, parse_address
from childproof.sandbox.fence import redirection
from childproof.sandbox.fence.redirection import Redirection

if TYPE_CHECKING:
    from childproof.sandbox.fence.initiating import Outcome

_PORT = click.IntRange(1, 65535)


@click.command()
@click.option(
    "--uid",
    type=click.IntRange(1, 2**32 - 2),
    default=redirection.PROXY_UID,
    show_default=True,
    help="The proxy's user, the only one that may leave.",
)
@click.option("--nobody-leaves", is_flag=True, help="Let no user out, the proxy's neither.")
@click.option(
    "--to",
    metavar="HOST[:PORT]",
    help="The proxy is in another namespace: send all TCP to this port of it (15001), DNS to 15053; nobody leaves.",
)
@click.option(
    "--keep-ports",
    is_flag=True,
    help="With --to: send TCP to the port that was wanted. The proxy's namespace then needs --gateway.",
)
@click.option(
    "--gateway",
    is_flag=True,
    help="This is the proxy's own namespace: what arrives for any port is the proxy's too.",
)
@click.option(
    "--keep",
    type=_PORT,
    multiple=True,
    metavar="PORT",
    help="With --gateway: a port that stays as it is, besides health (15021) and metrics (15090); several times.",
)
@click.option(
    "--close",
    type=_PORT,
    multiple=True,
    metavar="PORT",
    help="A port of the proxy in this namespace that processes of it can't reach, besides metrics (15090); several times.",
)
@click.option("--check", is_flag=True, help="Change nothing; exit with 6 where something isn't as it should be.")
@click.option("--remove", is_flag=True, help="Take the redirection away.")
@click.option("--host-network", is_flag=True, help="Do it to the network of the machine itself: its own way out too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of lines.")
def init(
    *,
    uid: int,
    nobody_leaves: bool,
    to: str | None,
    keep_ports: bool,
    gateway: bool,
    keep: tuple[int, ...],
    close: tuple[int, ...],
    check: bool,
    remove: bool,
    host_network: bool,
    as_json: bool,
) -> None:
    r"""Redirect this network namespace to the proxy: all TCP and DNS; everything else is refused.

    Run it once, before the workload starts, where NET_ADMIN is allowed; the running proxy needs no privilege. A second
    run replaces the first in one step. It checks itself: exits with 6 where the redirection doesn't hold, with 5 where
    the kernel doesn't allow it.

    \b
      childproof init                the proxy is in this namespace, as uid 15001
      childproof init --to 10.0.3.2  it is elsewhere; this is the workload's alone
      childproof init --check        compares the rules, where it has NET_ADMIN
    """
    from childproof.sandbox.fence import initiating  # noqa: PLC0415 (only once it is needed)

    if initiating.is_hosts_network() and not host_network and not check:
        raise InputError.single(
            "init", "this is the network of the machine itself", "a network namespace of a pod, container or sandbox",
            "ip netns exec NAME childproof init, or --host-network to cut off this machine",
        )  # fmt: skip
    if remove:
        _say_removed(there=initiating.remove(), as_json=as_json)
        return
    host, port = _target(to, keep_ports=keep_ports)
    addresses = initiating.addresses_of(host, _resolve) if host else ()
    if host and not addresses:
        raise InputError.single("--to", f"{host!r} has no address here", "the proxy's address, or a name that has one")
    if any(address.is_loopback or address.is_unspecified for address in addresses):
        raise InputError.single(
            "--to", f"{host!r} is this namespace itself", "the address of a proxy in another one", "childproof init"
        )
    _together(to=bool(to), gateway=gateway, keep=keep, keep_ports=keep_ports, close=close)
    wanted = Redirection(
        uid=None if nobody_leaves or host else uid,
        resolvers=initiating.resolvers_here(),
        to=addresses,
        to_port=port,
        gateway=gateway,
        kept=(redirection.HEALTH_PORT, redirection.METRICS_PORT, *keep),
        closed=tuple(dict.fromkeys((redirection.METRICS_PORT, *close))),
    )
    outcome = initiating.check(wanted) if check else initiating.install(wanted, name=host)
    _say(wanted, outcome, as_json=as_json)
    if outcome.faults:
        raise CheckError(f"the redirection doesn't hold: {'; '.join(outcome.faults)}")


def _together(*, to: bool, gateway: bool, keep: Sequence[int], keep_ports: bool, close: Sequence[int]) -> None:
    """Refuse options that mean nothing beside each other. Raises UsageError."""
    if gateway and to:
        raise click.UsageError("--gateway is for the proxy's own namespace, and --to for a workload's")
    if keep and not gateway:
        raise click.UsageError("--keep goes with --gateway: without it, no port is taken from those who listen at one")
    if keep_ports and not to:
        raise click.UsageError(
            "--keep-ports goes with --to: in the proxy's own namespace, --gateway takes what arrives for any port"
        )
    if close and (gateway or to):
        raise click.UsageError("--close is for a proxy in the workload's namespace, without --gateway and --to")
    if taken := sorted({redirection.TCP_PORT, redirection.DNS_PORT} & {*close}):
        raise click.BadParameter(f"{taken[0]} is a port that connections are redirected to", param_hint="--close")


def _target(to: str | None, *, keep_ports: bool) -> tuple[str, int]:
    """Host and port of `--to`; no port where the wanted one is kept. Raises BadParameter."""
    if to is None:
        return "", 0
    found = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::(\d+))?|([^\s:\[\]]+)(?::(\d+))?|([0-9a-fA-F:.]+)", to)
    port = int((found and (found[2] or found[4])) or redirection.TCP_PORT)
    if found is None or not 0 < port < 65536:
        raise click.BadParameter(f"{to!r} is not HOST or HOST:PORT; write for example 10.0.3.2", param_hint="--to")
    return found[1] or found[3] or found[5], 0 if keep_ports else port


def _resolve(name: str) -> tuple[Address, ...]:
    """The first address of each IP version."""
    try:
        answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ()
    found: dict[int, Address] = {}
    for _, _, _, _, address in answers:
        parsed = parse_address(str(address[0]))
        if parsed is not None:
            found.setdefault(parsed.version, parsed)
    return tuple(found.values())


def _say_removed(*, there: bool, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"removed": there}))
    else:
        click.echo("childproof: the redirection is gone" if there else "childproof: there was no redirection")


def _say(wanted: Redirection, outcome: "Outcome", *, as_json: bool) -> None:
    if as_json:
        told = {
            "held": not outcome.faults,
            "uid": wanted.uid,
            "to": list(map(str, wanted.to)),
            "resolvers": list(map(str, wanted.resolvers)),
            "rules": outcome.rules if outcome.compared else None,
            "attempts": [msgspec.structs.asdict(attempt) for attempt in outcome.attempts],
            "warnings": list(outcome.warnings),
            "faults": list(outcome.faults),
        }
        click.echo(json.dumps(told, indent=2))
        return
    for line in _lines(wanted, outcome):
        click.echo(f"childproof: {line}")


def _lines(wanted: Redirection, outcome: "Outcome") -> Sequence[str]:
    tried = [f"tried: {attempt.tried}: {attempt.result}" for attempt in outcome.attempts]
    found = [*tried, *(f"warning: {warning}" for warning in outcome.warnings)]
    if outcome.faults or not outcome.compared:
        return found  # what the rules say isn't known, or isn't so
    where = f"{wanted.to_port or 'the wanted port'} of {' and '.join(map(str, wanted.to))}" if wanted.to else "here"
    ports = where if wanted.to else f"{wanted.tcp_port} {where}"
    said = [f"TCP goes to {ports}, DNS to {wanted.dns_port}; everything else is refused"]
    if wanted.gateway:
        kept = ", ".join(map(str, wanted.kept))
        said.append(f"so does what arrives from outside, but for the ports {kept}")
    if wanted.to and not wanted.to_port:
        said.append(
            "whatever listens there is reached, unless `childproof init --gateway` is run in the proxy's namespace"
        )
    if not wanted.to and not wanted.gateway:
        said.append(f"from inside, the ports {', '.join(map(str, wanted.closed))} are closed")
    if wanted.uid is None:
        said.append("no user may leave")
    else:
        resolvers = ", ".join(map(str, wanted.resolvers)) or "nobody, since /etc/resolv.conf names none"
        said.append(f"only uid {wanted.uid} may leave, and ask for names: {resolvers}")
    said.append(f"checked: {outcome.rules} rules are in the kernel as they should be")
    return [*said, *found]
