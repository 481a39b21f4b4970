"""Whether all the names in one request agree on where its bytes go.

The destination is what the client dialled: the CONNECT or SOCKS target, or what our DNS tied to the dialled address.
SNI, `Host`, `:authority` and an absolute URI are only claims. A claim that differs is a denial, never a choice.
"""

from collections.abc import Iterable

from childproof.model import HostError, Violation, is_address, normalize_host
from childproof.model.hostname import matches_pattern

MAX_PORT = 65535


def split_authority(text: str) -> tuple[str, int | None]:
    """A normalised host and the port, or None where there is none, of `host`, `host:port` or `[v6]:port`. Raises HostError."""
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        if not bracket or ":" not in inside or (rest and not rest.startswith(":")):
            raise HostError(f"{text!r} is no host and port")
        host, port = f"[{inside}]", rest[1:] if rest else None
    else:
        host, colon, digits = text.partition(":")
        port = digits if colon else None
        if colon and ":" in digits:
            raise HostError(f"{text!r} is no host and port: write an IPv6 address in brackets")
    return normalize_host(host), None if port is None else parse_port(port, text)


def host_and_port(text: str) -> tuple[str, int]:
    """As `split_authority`, where the port must be there: a CONNECT target (RFC 9110, section 9.3.6). Raises HostError."""
    host, port = split_authority(text)
    if port is None:
        raise HostError(f"{text!r} has no port")
    return host, port


def parse_port(digits: str, text: str) -> int:
    """A port number from 1 to 65535 in plain decimal. Raises HostError, quoting the whole `text`."""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) <= MAX_PORT):
        raise HostError(f"{text!r} has no valid port")
    return int(digits)


def disagreement(host: str, port: int, claims: Iterable[tuple[str, str]]) -> Violation | None:
    """The first claim, given as (what says so, the text), that names another host or port than the destination's.

    `host` is normalised. A claim without a port agrees with any. Port 0 in the destination means: not known yet.
    """
    for source, text in claims:
        try:
            claimed, claimed_port = split_authority(text)
        except HostError as error:
            return Violation("bad_host", f"{source}: {error}", 400)
        if claimed != host:
            return Violation("host_mismatch", f"the connection goes to {host}, but {source} says {claimed}")
        if claimed_port not in (None, port):
            return Violation("host_mismatch", f"the connection goes to port {port}, but {source} says {claimed_port}")
    return None


def stranger(names: str, claims: Iterable[tuple[str, str]]) -> Violation | None:
    """The first claim that calls an address of this machine by a name that somebody else may give it.

    Pages of a browser here can reach the loopback under a name of their own, once that name leads there (DNS rebinding).
    Addresses, `localhost`, names without a dot and `names` (patterns with commas between them) are nobody's to give.
    """
    for source, text in claims:
        try:
            host, _ = split_authority(text)
        except HostError as error:
            return Violation("bad_host", f"{source}: {error}", 400)
        own = "." not in host or host.endswith(".localhost") or is_address(host)
        if not own and not any(matches_pattern(name, host) for name in names.split(",")):
            return Violation(
                "bad_host",
                f"{source} says {host}; this address answers to localhost, addresses, names without a dot and {names}, "
                "and to others where `--anybody` says so",
                403,
            )
    return None
