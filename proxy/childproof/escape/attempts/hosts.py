"""Lines 15 to 17: hosts that two parsers read in two ways, and hosts that disagree."""

from functools import partial

from childproof.escape.h2 import Stream, h2_statuses
from childproof.escape.table import NO_PROXY, Closed, add, attempt, denied, malformed
from childproof.escape.talk import exchange, get, over_tls, said
from childproof.escape.ways import Proxied, Way

ALLOWED = "x.allowed.example"

# --- 15: how a host may be written, in each place that has one

# `TAG` becomes the attempt's own name, so that its entry is told from the others, `PAD` what makes 255 octets of it.
_SPELLINGS = (
    ("15a", "nul", b"TAG.attacker.example\0.allowed.example"),
    ("15b", "crlf", b"TAG.allowed.example\r\nX-Host: attacker.example"),
    ("15e", "false_punycode", b"TAG.xn--allowed-.allowed.example"),
    ("15f", "user", b"TAG.allowed.example@attacker.example"),
    ("15g", "backslash", rb"TAG.attacker.example\.allowed.example"),
    ("15h", "too_long", b"TAG.PADallowed.example"),
)


def _connect(way: Way, host: bytes) -> str:
    assert isinstance(way, Proxied)
    with way.open() as sock:
        return way.connect(sock, host + b":443")


def _socks(way: Way, host: bytes) -> str:
    assert isinstance(way, Proxied)
    return way.socks(host)


def _header(way: Way, host: bytes) -> str:
    request = b"GET /public/a HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n"
    return exchange(way, ALLOWED, 80, request.replace(b"\r\nX-Host", b"\rX-Host"))


def _uri(way: Way, host: bytes) -> str:
    assert isinstance(way, Proxied)
    with way.open() as sock:
        return said(sock, b"GET http://" + host + b"/public/a HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")


def _padded(host: bytes) -> bytes:
    return host.replace(b"PAD", (b"a." * 128)[: 255 - len(host) + 3])


_BAD = ("HTTP/1.1 400", "HTTP/1.1 403", "HTTP/1.1 431")
for _part, _name, _host in _SPELLINGS:
    for _place, _ask, _answers in (
        ("connect", _connect, _BAD),
        ("uri", _uri, _BAD),
        ("socks", _socks, ("05000508",)),
        ("host", _header, _BAD),
    ):
        _tag = f"{_name.replace('_', '-')}-{_place}"
        _record = "the host has 255 characters" if _name == "too_long" else _tag
        _ending = Closed(_answers, _record)
        add(
            _part,
            f"{_name}_in_{_place}",
            partial(_ask, host=_padded(_host.replace(b"TAG", _tag.encode()))),
            direct=_ending if _place == "host" else NO_PROXY,
            proxied=_ending,
        )

# Spellings of one host, which are the same call: denied for its path, under its one name.
for _part, _name, _spelt, _read in (
    ("15c", "a_trailing_dot", "dots.allowed.example.", "dots.allowed.example"),
    ("15d", "mixed_case", "CaSe.ALLOWED.example", "case.allowed.example"),
    ("15e", "an_international_name", "xn--bcher-kva.allowed.example", "xn--bcher-kva.allowed.example"),
):

    def _same(way: Way, spelt: str) -> str:
        return exchange(way, spelt, 80, get(spelt, "/private"))

    _ending = denied(f"GET http://{_read}/private")
    add(_part, _name, partial(_same, spelt=_spelt), direct=_ending, proxied=_ending)

for _name, _target in {
    "a_zone_in_connect": b"[fe80::1%25lo]:443",
    "port_0_in_connect": b"port-0.allowed.example:0",
    "two_ports_in_connect": b"ports-2.allowed.example:443:80",
    "a_space_in_connect": b"space.allowed.example :443",
}.items():

    def _target_as_it_is(way: Way, target: bytes) -> str:
        assert isinstance(way, Proxied)
        with way.open() as sock:
            return way.connect(sock, target)

    add(
        "15b",
        _name,
        partial(_target_as_it_is, target=_target),
        direct=NO_PROXY,
        proxied=malformed(_target.decode()[:7]),
    )

# --- 16: every pair

_OTHER = "other.allowed.example"


def _pair(way: Way, sni: str, request: bytes) -> str:
    return over_tls(way, ALLOWED, request, sni=sni)


for _part, _name, _sni, _request, _record in (
    (
        "16a",
        "target_and_sni",
        _OTHER,
        get(ALLOWED, "/public/16a"),
        "https://x.allowed.example/public/16a · the connection goes to x.allowed.example, but the SNI",
    ),
    (
        "16b",
        "target_and_host",
        _OTHER,
        get(_OTHER, "/public/16b"),
        "/public/16b · the connection goes to x.allowed.example, but",
    ),
    (
        "16c",
        "target_and_uri",
        ALLOWED,
        get(ALLOWED, f"https://{_OTHER}/public/16c"),
        "/public/16c · the connection goes to x.allowed.example, but the request's URI",
    ),
    (
        "16d",
        "sni_and_host",
        ALLOWED,
        get(_OTHER, "/public/16d"),
        "/public/16d · the connection goes to x.allowed.example, but the Host",
    ),
    (
        "16e",
        "sni_and_uri",
        _OTHER,
        get(_OTHER, f"https://{ALLOWED}/public/16e"),
        "/public/16e · the connection goes to",
    ),
    (
        "16f",
        "host_and_uri",
        ALLOWED,
        get(_OTHER, f"https://{ALLOWED}/public/16f"),
        "/public/16f · the connection goes to x.allowed.example, but the Host",
    ),
):
    add(
        _part, _name, partial(_pair, sni=_sni, request=_request), direct=denied(_record), proxied=denied(_record)
    )  # fmt: skip


@attempt("16f", denied("the request's URI says attacker.example"))
def host_and_uri_without_tls(way: Way) -> str:
    """The same in a plain connection."""
    return exchange(way, ALLOWED, 80, get(ALLOWED, "http://attacker.example/public/16f"))


@attempt("16g", Closed(("403", "421"), ":authority says attacker.example"))
def authority_and_target(way: Way) -> str:
    """An `:authority` that the connection doesn't go to."""
    return " ".join(h2_statuses(way, ALLOWED, Stream("attacker.example", "/public/16g")))


@attempt("16g", Closed(("403", "reset", "closed"), "attacker16.example"))
def authority_and_host(way: Way) -> str:
    """An `:authority` that agrees, and a Host header that doesn't."""
    stream = Stream(ALLOWED, "/public/16g", (("host", "attacker16.example"),))
    return " ".join(h2_statuses(way, ALLOWED, stream))


@attempt("17a", denied("203.0.113.17"))
def an_allowed_host_at_somebody_elses_address(way: Way) -> str:
    """The address is dialled, the Host header names what rules allow."""
    return exchange(way, "203.0.113.17", 80, get(ALLOWED, "/public/17"))


@attempt("17a", denied("203.0.113.18"))
def an_allowed_sni_at_somebody_elses_address(way: Way) -> str:
    """The same over TLS."""
    return over_tls(way, "203.0.113.18", get(ALLOWED, "/public/17"), sni=ALLOWED)
