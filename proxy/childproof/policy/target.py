"""Calls as people write them, for `rules explain` and for cases: `POST https://api.stripe.com/v1/charges`.

The same words that `Call.target` prints, read back: `SMTP smtp.gmail.com:587`, `TCP 203.0.113.7:4444`,
`UDP 203.0.113.7:443`, `DNS example.com`, `DNS TXT example.com`, and a bare URL for a GET.
"""

import re

from childproof.model import Call, HostError, Protocol, normalize_host

_URL = re.compile(
    r"(?i:(https?))://(\[[^\]/?#]*\]|[^:/?#\[\]]*)(?::([0-9]{1,5}))?(/[^?#]*)?(?:\?([^#]*))?(?:#.*)?", re.DOTALL
)
_PLACE = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{1,5}))?")
_WORD = re.compile(r"[A-Z][A-Z-]*")
_SMTP_PORT = 25
_DNS_PORT = 53
_RAW = {"TCP": Protocol.TCP, "UDP": Protocol.UDP, "SMTP": Protocol.SMTP}
EXAMPLE = "POST https://api.stripe.com/v1/charges"


class TargetError(ValueError):
    """The text is no call. The message says what is wrong with it."""


def parse_target(text: str) -> Call:
    """The call that a line describes, without headers and body. Raises TargetError."""
    words = text.split()
    if len(words) == 1 and "://" in text:
        return _http("GET", words[0])
    if len(words) < 2 or _WORD.fullmatch(words[0]) is None:
        raise TargetError(f"{text!r} is no call")
    head, *rest = words
    if head == "DNS":
        return _dns(rest, text)
    if len(rest) != 1:
        raise TargetError(f"{text!r} has words too many")
    if head in _RAW:
        return _raw(_RAW[head], rest[0])
    return _http(head, rest[0])


def is_target_word(word: str) -> bool:
    """Whether a word of a command line can begin a call: a method, a protocol, a URL or a whole call in quotes."""
    return "://" in word or _WORD.fullmatch(word.split(" ", 1)[0]) is not None


def _http(method: str, url: str) -> Call:
    found = _URL.fullmatch(url)
    if found is None:
        raise TargetError(f"{url!r} is no http or https URL")
    scheme, host, port, path, query = found.groups()
    scheme = scheme.lower()
    return Call(
        Protocol.HTTP,
        _host(host),
        _port(port, 443 if scheme == "https" else 80),
        method=method,
        scheme=scheme,
        path=path or "/",
        query=query or "",
        tls=scheme == "https",
        http_version="1.1",
    )


def _raw(protocol: Protocol, place: str) -> Call:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise TargetError(f"{place!r} is no host with a port")
    if found[2] is None and protocol is not Protocol.SMTP:
        raise TargetError(f"{place!r} has no port")
    return Call(protocol, _host(found[1]), _port(found[2], _SMTP_PORT))


def _dns(words: list[str], text: str) -> Call:
    kind, name = ("A", words[0]) if len(words) == 1 else (words[0], words[-1])
    if len(words) > 2 or _WORD.fullmatch(kind) is None:
        raise TargetError(f"{text!r} is no query: write DNS NAME or DNS TYPE NAME")
    return Call(Protocol.DNS, _host(name), _DNS_PORT, method=kind)


def _host(text: str) -> str:
    try:
        return normalize_host(text)
    except HostError as error:
        raise TargetError(str(error)) from None


def _port(text: str | None, default: int) -> int:
    port = default if text is None else int(text)
    if not 1 <= port <= 65_535:
        raise TargetError(f"{port} is no port")
    return port
