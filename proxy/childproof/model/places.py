"""Where a webhook's URL leads: to a listener inside the sandbox, or elsewhere, where only a rule can let it go.

Pure; nothing is resolved here. A name other than `localhost` leads inside only where the configuration says so.
"""

import ipaddress
import re
from collections.abc import Mapping

import msgspec

from .address import parse_address
from .hostname import HostError, normalize_host

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_PLAIN = re.compile(r"[!-\[\]-~]*")  # visible ASCII but for the backslash, which some take for a slash
_LONGEST = 4096
LOOPBACK = ("127.0.0.1", "::1")


class PlaceError(Exception):
    """A URL that nothing is sent to, and why."""


class Listener(msgspec.Struct, frozen=True):
    """A listener inside the sandbox: addresses of its loopback to be tried in order, and whether it speaks TLS."""

    addresses: tuple[str, ...]
    port: int
    tls: bool = False


class Place(msgspec.Struct, frozen=True):
    """A URL in parts, and the listener inside that it leads to; None where it leads elsewhere."""

    scheme: str
    host: str
    port: int
    path: str
    query: str
    inside: Listener | None = None

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def target(self) -> str:
        """What the request line says."""
        return f"{self.path}?{self.query}" if self.query else self.path


class Places(msgspec.Struct, frozen=True):
    """Which names lead inside. `named` maps a host, or a host with `:port`, to a listener."""

    named: Mapping[str, Listener] = msgspec.field(default_factory=dict)

    def find(self, url: str) -> Place:
        """Where a URL leads. Raises PlaceError for one that is no plain http(s) URL."""
        place = _parsed(url)
        named = self.named.get(f"{place.host}:{place.port}") or self.named.get(place.host)
        if named is not None:
            return _leading(place, named)
        if place.host == "localhost" or place.host.endswith(".localhost"):
            return _leading(place, Listener(LOOPBACK, place.port, tls=place.scheme == "https"))
        address = parse_address(place.host)
        if address is not None and (address.is_loopback or address.is_unspecified):
            if address.is_unspecified:  # where a socket that connects there ends up
                address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
            return _leading(place, Listener((str(address),), place.port, tls=place.scheme == "https"))
        return place


def _leading(place: Place, listener: Listener) -> Place:
    return Place(place.scheme, place.host, place.port, place.path, place.query, listener)


def _parsed(url: str) -> Place:
    if len(url) > _LONGEST:
        raise PlaceError(f"a URL of {len(url)} characters; at most {_LONGEST} are taken")
    found = _URL.fullmatch(url)
    if found is None:
        raise PlaceError("no http or https URL")
    if not _PLAIN.fullmatch(url):
        raise PlaceError("a URL with characters that belong percent-encoded")
    scheme, authority, path, query, _ = found.groups()
    if "@" in authority:
        raise PlaceError("a URL with a user name or password in it")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise PlaceError(f"no host and port: {authority}")
    port = int(parts[2]) if parts[2] else 443 if scheme.lower() == "https" else 80
    if not 0 < port < 65536:
        raise PlaceError(f"the port {port}")
    try:
        host = normalize_host(parts[1].removeprefix("[").removesuffix("]"))
    except HostError as error:
        raise PlaceError(str(error)) from None
    return Place(scheme.lower(), host, port, path or "/", (query or "?")[1:])
