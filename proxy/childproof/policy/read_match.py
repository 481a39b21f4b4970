"""`match:` in a rule file, read into a compiled Match. What can't be meant is a fault with the line to write instead."""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from ipaddress import ip_network
from typing import Any

from childproof.model import HostError, Protocol, is_address, normalize_host

from .glob import GlobError, PathGlob, parse_path_glob
from .reader import Part, Path, Report
from .rule import Match, Named, Network

_ONLY = {
    "path": {Protocol.HTTP},
    "query": {Protocol.HTTP},
    "headers": {Protocol.HTTP},
    "method": {Protocol.HTTP, Protocol.DNS},
    "sender": {Protocol.SMTP},
    "recipients": {Protocol.SMTP},
    "cidr": {Protocol.HTTP, Protocol.SMTP, Protocol.TCP, Protocol.UDP},
}
_METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
]
_HTTP = (Protocol.HTTP,)
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def read_match(part: Part) -> Match:
    """Read `match`. What is refused is left out of the result, and its fault stands in the report."""
    keys = part.value.keys()
    protocols = _protocols(part) if "protocol" in keys else _HTTP
    for key in keys & _ONLY.keys():
        only = _ONLY[key]
        if not only.issuperset(protocols) and part.get(key) is not None:
            wrong = next(protocol for protocol in protocols if protocol not in only)
            part.fault(key, f"{key!r} in a rule for {wrong}", f"{key!r} only for {' and '.join(sorted(only))}")
    if "cidr" in keys and "host" in keys and part.get("cidr") is not None and part.get("host") is not None:
        part.fault(
            "cidr",
            "'cidr' beside 'host'",
            "one of them: what a name resolves to is only known when it is dialled",
            "allow: {addresses: [10.0.0.0/8]}",
        )
    # Most rules have two or three of them: a look at each that a rule might have is what reading took longest for.
    return Match(protocols, **{_READERS[key][0]: _READERS[key][1](part, key) for key in keys if key in _READERS})


def _protocols(part: Part) -> tuple[Protocol, ...]:
    return tuple(dict.fromkeys(Protocol(value) for _, value in part.items("protocol"))) or _HTTP


def _hosts(part: Part, key: str) -> tuple[str, ...]:
    hosts = [_host(part.report, path, value) for path, value in part.items(key)]
    # `*` beside other hosts makes those superfluous; alone it asks for nothing.
    return () if "*" in hosts else tuple(dict.fromkeys(host for host in hosts if host))


def _all_ports(part: Part, key: str) -> tuple[range, ...]:
    return tuple(ports for path, value in part.items(key) if (ports := _ports(part.report, path, value)))


def _methods(part: Part, key: str) -> tuple[str, ...]:
    return shared(tuple(dict.fromkeys(_method(part.report, path, value) for path, value in part.items(key))))


def _paths(part: Part, key: str) -> tuple[PathGlob, ...]:
    return shared(tuple(glob for path, value in part.items(key) if (glob := _path(part.report, path, value))))


def _lower(part: Part, key: str) -> tuple[str, ...]:
    return tuple(value.lower() for _, value in part.items(key))


@lru_cache(maxsize=1024)
def shared[T](values: tuple[T, ...]) -> tuple[T, ...]:
    """The same for all rules that have the same; thousands often do."""
    return values


def read_networks(part: Part, key: str) -> tuple[Network, ...]:
    """Ranges of addresses in CIDR notation."""
    networks = []
    for path, value in part.items(key):
        try:
            networks.append(ip_network(value))
        except ValueError:
            try:
                meant = f"{key}: {ip_network(value, strict=False)}"
            except ValueError:
                meant = ""
            expected = "a range whose host bits are zero" if meant else "a range such as 10.0.0.0/8 or 2001:db8::/32"
            part.report.add(path, f"the range {value!r}", expected, meant)
    return tuple(dict.fromkeys(networks))


def _host(report: Report, path: Path, text: str) -> str:
    if text == "*":
        return text
    wildcard, name = text.startswith("*."), text.removeprefix("*.")
    try:
        host = normalize_host(name)
    except HostError as error:
        expected, write = _better_host(text)
        found = f"the host {text!r}" if write else f"the host {text!r}: {error}"
        report.add(path, found, expected, write)
        return ""
    if wildcard and is_address(host):
        report.add(path, f"the host {text!r}", "a name after '*.'; ranges of addresses stand under 'cidr'")
        return ""
    return f"*.{host}" if wildcard else host


def _better_host(text: str) -> tuple[str, str]:
    """What a text that is no host was probably meant to be: the expectation, and the line to write."""
    usual = "a host, '*.name' for all hosts below it, or '*'"
    if "://" in text:
        bare = text.partition("://")[2].partition("/")[0]
        return "a host alone; the path has a key of its own", f"host: {bare}" if _is_host(bare) else ""
    if "/" in text:
        bare = text.partition("/")[0]
        if is_address(bare):
            return "a host; ranges of addresses stand under 'cidr'", f"cidr: {text}"
        return "a host alone; the path has a key of its own", f"host: {bare}" if _is_host(bare) else ""
    name, colon, port = text.rpartition(":")
    if colon and port.isdigit() and _is_host(name):
        return "a host alone; the port has a key of its own", f"host: {name}, port: {port}"
    if "*" in text:
        rest = text.replace("*", "").strip(".")
        single = text.startswith("*") and text.count("*") == 1
        return f"{usual}; '*' stands only for whole labels in front", f'host: "*.{rest}"' if single and rest else ""
    return usual, ""


def _is_host(text: str) -> bool:
    try:
        normalize_host(text)
    except HostError:
        return False
    return True


def _ports(report: Report, path: Path, value: int | str) -> range | None:
    if isinstance(value, int):
        return range(value, value + 1)
    found = _PORTS.fullmatch(value)
    if found is not None:
        first, last = int(found[1]), int(found[2] or found[1])
        if 1 <= first <= last <= 65_535:
            return range(first, last + 1)
    report.add(path, f"the port {value!r}", "a port from 1 to 65535, or a range such as 8000-8100")
    return None


def _method(report: Report, path: Path, value: str) -> str:
    if value in _METHODS:
        return value
    upper = value.upper()
    if _TOKEN.fullmatch(value) is None:
        report.add(path, f"the method {value!r}", "a method such as GET or POST; leave the key out for all of them")
    elif upper != value:
        report.add(path, f"the method {value!r}", "a method in upper case", f"method: {upper}")
    elif close := get_close_matches(upper, _METHODS[:9], 1, 0.74):
        report.add(path, f"the unknown method {value!r}", "a method of HTTP", f"method: {close[0]}")
    return upper


def _path(report: Report, path: Path, value: str) -> PathGlob | None:
    try:
        return parse_path_glob(value)
    except GlobError as error:
        report.add(path, str(error), error.expected, error.write)
        return None


def _named(part: Part, key: str) -> tuple[Named, ...]:
    inner = part.part(key)
    if inner is None:
        return ()
    found: dict[str, Named] = {}
    for name in inner.value:
        globs = tuple(_text(value) for _, value in inner.items(name))
        known = name.lower() if key == "headers" else name
        if key == "headers" and _TOKEN.fullmatch(name) is None:
            inner.fault(name, f"the header {name!r}", "a header's name")
        elif known in found:
            inner.fault(name, f"the header {name!r} a second time", "each header once, whatever its case")
        else:
            found[known] = Named(known, globs)
    return tuple(found.values())


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# By key: the field of Match, and who reads it.
_READERS: Mapping[str, tuple[str, Callable[[Part, str], tuple[Any, ...]]]] = {
    "host": ("hosts", _hosts),
    "cidr": ("networks", read_networks),
    "port": ("ports", _all_ports),
    "method": ("methods", _methods),
    "path": ("paths", _paths),
    "query": ("query", _named),
    "headers": ("headers", _named),
    "sender": ("senders", _lower),
    "recipients": ("recipients", _lower),
}
