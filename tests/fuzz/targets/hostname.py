"""Host names and addresses (`model/hostname.py`, `model/address.py`): one reading, and everybody else's.

A normalised host normalises to itself; nothing but HostError is raised; and what the C library would dial as an
address is that address here, in its canonical form, never a name that a rule could be about.
"""

import ipaddress
import socket

from childproof.capture.mitm.hosts import split_authority
from childproof.model import HostError, is_address, is_global, matches_pattern, normalize_host, parse_address


def check(data: bytes) -> None:
    """As UTF-8 and as latin-1, as the wire's bytes are read."""
    for text in {data.decode("utf-8", "surrogateescape"), data.decode("latin-1")}:
        _check(text)


def _check(text: str) -> None:
    dialled = _c_library(text)
    try:
        host = normalize_host(text)
    except HostError as error:
        assert str(error).isascii(), str(error)
        assert str(error).isprintable(), str(error)
        host = ""
    if host:
        assert host.isascii(), host
        assert host == host.lower()
        assert len(host) <= 253
        assert normalize_host(host) == host
        assert not set(host) & set(" /\\@%?#*[]\x00\r\n\t")
        assert is_address(host) == (":" in host or _c_library(host) is not None)
        assert matches_pattern(host, host)
        assert not matches_pattern(f"*.{host}", host)
        for other in (host.upper(), f"{host}." if ":" not in host else host):
            assert normalize_host(other) == host
        if dialled is not None:
            assert host == dialled, (text, host, dialled)
    address = parse_address(text)
    if address is not None:
        is_global(address)
        assert parse_address(str(address)) == address
    try:
        name, port = split_authority(text)
    except HostError:
        return
    assert normalize_host(name) == name
    assert port is None or 0 < port < 65536


def _c_library(text: str) -> str | None:
    """The address that inet_aton(3) or inet_pton(3) reads in all of `text`; None for none."""
    if "\x00" in text or not text.isascii() or any(sign.isspace() for sign in text):
        return None  # inet_aton stops at white space
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, UnicodeError):
        pass
    try:
        address = ipaddress.IPv6Address(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, UnicodeError):
        return None
    return str(address.ipv4_mapped or address)
