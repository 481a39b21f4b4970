"""The one way to the outside: resolve once, check every address, dial exactly what was checked.

A host that answers with a public address to the check and a private one to the connection (DNS rebinding) gets
nowhere, because nothing is resolved between the two: the connection is made to the checked address as a literal.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Container, Sequence

import msgspec

from childproof.model import Forward, Upstream, is_address, is_global, parse_address
from childproof.model.address import embedded_ipv4

from .binding import is_here

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
TIMEOUT = 10.0  # seconds per address; also for the resolver
MAX_ADDRESSES = 8  # dialled at most, in the resolver's order


class DialError(Exception):
    """Nothing was connected. `reason` fits into a denial; `upstream` tells what left the machine all the same."""

    def __init__(self, reason: str, upstream: Upstream) -> None:
        self.reason = reason
        self.upstream = upstream
        super().__init__(reason)


class Dialed(msgspec.Struct, frozen=True):
    """A connection to `address`. `upstream` counts the query and the connections so far, no payload."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    address: str
    upstream: Upstream


async def system_resolver(host: str, port: int) -> list[str]:
    """The addresses that this machine's resolver gives, in its order (RFC 6724). Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def dial(
    forward: Forward,
    resolver: Resolver = system_resolver,
    *,
    timeout: float = TIMEOUT,  # noqa: ASYNC109 - per address, not for the whole
    closed: Container[int] = (),
) -> Dialed:
    """Connect to where an allowed call may go.

    Every address that the name resolves to must be globally reachable or lie in `forward.networks`, and in none of
    `forward.refused`; one that isn't refuses them all, since a mixed answer is what rebinding looks like. `closed` are
    ports of this machine where childproof itself listens: whatever a rule names, no call leads to what judges it.
    Raises DialError.
    """
    addresses, queries = await _addresses(forward, resolver, timeout)
    upstream = Upstream(dns=queries)
    refused = [address for address in addresses if not permitted(address, forward.networks)]
    if refused:
        raise DialError(f"{forward.host} leads to {refused[0]}, which is not public and no rule names it", upstream)
    denied = [address for address in addresses if _denied(address, forward.refused)]
    if denied:
        raise DialError(f"{forward.host} leads to {denied[0]}, in a range that a rule denies", upstream)
    if forward.port in closed and (own := next(filter(_is_here, addresses), "")):
        raise DialError(f"{forward.host}:{forward.port} leads to {own}, where childproof itself listens", upstream)
    error = "no address"
    attempts = 0
    for address in addresses[:MAX_ADDRESSES]:
        attempts += 1
        try:
            async with asyncio.timeout(timeout):
                reader, writer = await asyncio.open_connection(address, forward.port)
        except TimeoutError:
            error = f"{address} did not answer within {timeout:g} s"
            continue
        except OSError as failure:
            error = f"{address}: {failure.strerror or failure}"
            continue
        if _is_own(writer, address) and not _named(address, forward.networks):
            writer.transport.abort()
            error = f"{address} is this machine's own address, and no rule names it"
            continue
        return Dialed(reader, writer, address, Upstream(dns=queries, connections=attempts))
    raise DialError(
        f"{forward.host}:{forward.port} can't be reached: {error}", Upstream(dns=queries, connections=attempts)
    )


def permitted(address: str, networks: Sequence[str]) -> bool:
    """Whether an allowed call may reach this address: public, or in a range that the rule names. Never raises."""
    parsed = parse_address(address)
    if parsed is None:
        return False
    return is_global(parsed) or _named(address, networks)


def _named(address: str, networks: Sequence[str]) -> bool:
    parsed = parse_address(address)
    ranges = (ipaddress.ip_network(network, strict=False) for network in networks)
    return any(parsed in network for network in ranges if parsed is not None and network.version == parsed.version)


def _is_own(writer: asyncio.StreamWriter, address: str) -> bool:
    """Whether the connection ends on this machine: then it comes from the very address it goes to.

    A machine with a public address has services behind it that aren't for everybody, this proxy among them.
    """
    own = writer.get_extra_info("sockname")
    if bool(own) and parse_address(str(own[0])) == parse_address(address):
        return True
    return is_here(address)  # a second address of one network is reached from the first


def _is_here(address: str) -> bool:
    parsed = parse_address(address)
    return (parsed is not None and parsed.is_loopback) or is_here(address)


def _denied(address: str, networks: Sequence[str]) -> bool:
    """Whether the address, or an IPv4 address that it carries, is in one of the ranges that rules deny."""
    parsed = parse_address(address)
    inner = embedded_ipv4(parsed) if isinstance(parsed, ipaddress.IPv6Address) else None
    ranges = [ipaddress.ip_network(network) for network in networks]
    return any(found in network for found in (parsed, inner) if found is not None for network in ranges)


async def _addresses(forward: Forward, resolver: Resolver, seconds: float) -> tuple[list[str], int]:
    if is_address(forward.host):
        return [str(parse_address(forward.host))], 0
    upstream = Upstream(dns=1)
    try:
        async with asyncio.timeout(seconds):
            found = list(await resolver(forward.host, forward.port))
    except TimeoutError:
        raise DialError(f"{forward.host} was not resolved within {seconds:g} s", upstream) from None
    except (OSError, UnicodeError) as error:
        raise DialError(f"{forward.host} does not resolve: {error}", upstream) from None
    # a resolver may give scoped or mapped spellings: what is checked and dialled is the canonical one, or nothing
    addresses = [str(parse_address(address) or address) for address in found]
    if not addresses:
        raise DialError(f"{forward.host} has no address", upstream)
    return addresses, 1
