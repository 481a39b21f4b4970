"""The one normaliser of host names, for rules, CONNECT, SNI, Host, SOCKS and DNS.

Two parsers that disagree about a name are a hole in the fence, so everything that reads a host goes through
`normalize_host`: lower case, no trailing dot, A-labels (RFC 5890) for international names, canonical addresses.
"""

import re
from functools import lru_cache

import idna

from .address import parse_address

MAX_NAME = 253  # RFC 1035, section 2.3.4: 255 octets on the wire
# What needs no second look: a name in its canonical spelling, without A-labels and with a last label of letters.
_PLAIN = re.compile(r"(?:(?!xn--)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?!xn--)[a-z]{1,63}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")  # underscores occur in service names (RFC 2782)


class HostError(ValueError):
    """The text is no host name. The message says why, in words that fit into a denial's reason."""


@lru_cache(maxsize=4096)
def normalize_host(text: str) -> str:
    """The canonical spelling of a host: a lower-case A-label name without a final dot, or an IP address.

    IPv6 comes without brackets. Raises HostError for anything that two parsers might read differently: control
    bytes, spaces, user information, a port, backslashes, empty or overlong labels, zone ids, almost-addresses.
    """
    if not text:
        raise HostError("the host is empty")
    if len(text) > MAX_NAME + 2:
        raise HostError(f"the host has {len(text)} characters, at most {MAX_NAME} are allowed")
    if len(text) <= MAX_NAME and _PLAIN.fullmatch(text):
        return text
    address = parse_address(text)
    if address is not None:
        return str(address)
    if "%" in text and ":" in text:
        raise HostError("an address with a zone id is not a host")
    name = text.removesuffix(".")
    address = parse_address(name) if name != text and ":" not in name else None
    if address is not None:  # `127.0.0.1.` is dialled as 127.0.0.1 by curl and browsers
        return str(address)
    if name.isascii():
        return _check(name.lower(), text)
    try:
        return _check(idna.encode(name, uts46=True).decode("ascii").lower(), text)
    except UnicodeError as error:  # IDNAError is one, and lone surrogates raise others
        raise HostError(f"{text!a} is no international host name: {_ascii(error)}") from None


def matches_pattern(pattern: str, host: str) -> bool:
    """Whether a normalised `host` fits a rule's pattern: the name itself, `*.name` for any depth below, or `*`."""
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
    return host == pattern


def _check(name: str, text: str) -> str:
    if len(name) > MAX_NAME:
        raise HostError(f"the host has {len(name)} characters, at most {MAX_NAME} are allowed")
    labels = name.split(".")
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise HostError(f"{text!a} is no host name: the label {label!a} is not allowed")
    if labels[-1].isdigit() or labels[-1].startswith("0x"):
        raise HostError(f"{text!a} ends in a number but is no IP address")
    for label in labels:
        if label.startswith("xn--"):
            _check_alabel(label, text)
    return name


def _ascii(error: Exception) -> str:
    return str(error).encode("ascii", "backslashreplace").decode()


def _check_alabel(label: str, text: str) -> None:
    """Refuse what only looks like an A-label: another parser might decode it to another name (RFC 5891, section 5.4)."""
    try:
        canonical = idna.alabel(idna.ulabel(label)).decode("ascii")
    except UnicodeError as error:
        raise HostError(f"{text!a} is no international host name: {_ascii(error)}") from None
    if canonical != label:
        raise HostError(f"{text!a} is no international host name: {label!r} would be written {canonical!r}")
