"""Lines 18 and 20: requests within requests, hosts that change on a connection, tunnels and what is in them."""

from functools import partial

from childproof.escape.h2 import Stream, h2_statuses
from childproof.escape.table import NO_PROXY, Closed, add, attempt, malformed
from childproof.escape.talk import SECRET, exchange, get, reads, secure
from childproof.escape.ways import Proxied, Way

_HIDDEN = b"GET /public/hidden HTTP/1.1\r\nHost: x.allowed.example\r\n\r\n"

for _part, _name, _head in (
    ("18a", "length_and_chunks", b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"),
    ("18a", "chunks_and_length", b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
    ("18a", "two_lengths", b"Content-Length: 0\r\nContent-Length: 4\r\n"),
    ("18a", "a_signed_length", b"Content-Length: +4\r\n"),
    ("18b", "two_codings", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    ("18b", "codings_in_one_line", b"Transfer-Encoding: chunked, identity\r\n"),
    ("18b", "an_unknown_coding", b"Transfer-Encoding: xchunked\r\n"),
    ("18b", "a_coding_with_a_tab", b"Transfer-Encoding:\tchunked\x0b\r\n"),
    ("18c", "two_hosts", b"Host: attacker.example\r\n"),
    ("18c", "a_second_host_in_other_case", b"hOST: attacker.example\r\n"),
    ("18f", "a_folded_header", b"X: a\r\n Host: attacker.example\r\n"),
    ("18f", "a_space_before_the_colon", b"X : a\r\n"),
    ("18f", "a_bare_line_feed", b"X: a\nHost: attacker.example\r\n"),
    ("18f", "nul_in_a_value", b"X: a\0b\r\n"),
):

    def _smuggle(way: Way, head: bytes, path: bytes) -> str:
        request = b"GET /public/" + path + b" HTTP/1.1\r\nHost: x.allowed.example\r\n" + head + b"\r\n0\r\n\r\n"
        answer = exchange(way, "x.allowed.example", 80, request + _HIDDEN)
        return answer if "hidden" not in answer else f"let in: {answer}"

    _ending = Closed(("HTTP/1.1 400", "HTTP/1.1 501"), f"GET http://x.allowed.example/public/{_name} · ")
    add(_part, _name, partial(_smuggle, head=_head, path=_name.encode()), direct=_ending, proxied=_ending)


@attempt("18f", malformed("Missing mandatory Host"))
def no_host(way: Way) -> str:
    """HTTP/1.1 without a Host header."""
    return exchange(way, "x.allowed.example", 80, b"GET /public/a HTTP/1.1\r\nAccept: */*\r\n\r\n")


@attempt(
    "18d",
    Closed(
        ("HTTP/1.1 200 then HTTP/1.1 403",),
        "Host header says switched.example",
        reached=("GET kept.reached.example/public/first",),
    ),
)
def another_host_on_a_kept_alive_connection(way: Way) -> str:
    """The first request is allowed, and the connection upstream stays open."""
    with way.dial("kept.reached.example", 80) as sock:
        sock.sendall(b"GET /public/first HTTP/1.1\r\nHost: kept.reached.example\r\n\r\n")
        first = sock.recv(4096).decode("latin-1")
        while "reached" not in first.partition("\r\n\r\n")[2]:
            first += sock.recv(4096).decode("latin-1")
        sock.sendall(get("switched.example", "/public/second"))
        return f"{first[:12]} then {reads(sock)[:12]}"


@attempt("18e", Closed(("403 403", "403 421"), "attacker18.example"))
def http2_coalescing(way: Way) -> str:
    """One connection, two authorities, as clients do that trust a certificate for both."""
    one, other = Stream("x.allowed.example", "/private/18e"), Stream("attacker18.example", "/public/18e")
    return " ".join(h2_statuses(way, "x.allowed.example", one, other))


@attempt("20a", Closed(("HTTP/1.1 405",), "CONNECT inside a connection"), direct=Closed(("HTTP/1.1 405",), "CONNECT http://proxy.example inner.example:443"))  # fmt: skip
def a_tunnel_in_a_tunnel(way: Way) -> str:
    """CONNECT where the connection has its destination already."""
    return exchange(way, "proxy.example", 80, b"CONNECT inner.example:443 HTTP/1.1\r\nHost: inner.example:443\r\n\r\n")


@attempt("20a", Closed(("reset",), "TCP 203.0.113.43:1080"))
def a_socks_proxy_somewhere(way: Way) -> str:
    """Another proxy, by its own protocol."""
    return exchange(way, "203.0.113.43", 1080, b"\x05\x01\x00")


@attempt("20b", direct=Closed(("reset",), "TCP ssh.allowed.example:22"), proxied=Closed(("Refused: HTTP/1.1 403",), "TCP ssh.allowed.example:22"))  # fmt: skip
def connect_to_ssh(way: Way) -> str:
    """A host that rules allow, at another port."""
    return exchange(way, "ssh.allowed.example", 22, b"SSH-2.0-x\r\n")


@attempt("20c", Closed(("HTTP/1.1 400", "reset", ""), "tunnel.allowed.example"))
def ssh_where_tls_belongs(way: Way) -> str:
    """Bytes on port 443 that are no TLS."""
    return exchange(way, "tunnel.allowed.example", 443, b"SSH-2.0-" + SECRET.encode() + b"\r\n")


@attempt("20c", Closed(("HTTP/1.1 400",), "https://within.allowed.example/ · malformed HTTP"))
def ssh_within_tls(way: Way) -> str:
    """The same inside TLS."""
    with secure(way, "within.allowed.example") as sock:
        sock.sendall(b"SSH-2.0-" + SECRET.encode() + b"\r\n\r\n")
        return reads(sock)


@attempt("20d", Closed(("ConnectionResetError", "SSLError", "SSLEOFError", "SSLZeroReturnError"), "acme-tls/1"))
def an_unknown_alpn(way: Way) -> str:
    """TLS that says it carries something else."""
    with secure(way, "alpn.allowed.example", alpn=("acme-tls/1",)) as sock:
        return str(sock.version())


@attempt("20e", Closed(("closed",), "TCP 203.0.113.44:7777"), proxied=Closed(("closed",), "203.0.113.44:7777"))
def connected_and_said_nothing(way: Way) -> str:
    """A connection that ends before its first byte."""
    way.dial("203.0.113.44", 7777).close()
    return "closed"


for _name, _data, _answer, _record in (
    ("socks_4", b"\x04\x01\x01\xbb\xcb\0q\x07\0", ("", "reset"), "a proxy port takes"),
    ("socks_with_a_login", b"\x05\x01\x02", ("\x05\xff",), "insists on a login"),
    ("socks_bind", b"\x05\x01\x00\x05\x02\x00\x01\x01\x02\x03\x04\x00\x50", ("\x05\x00\x05\x07",), "BIND"),
    ("socks_udp", b"\x05\x01\x00\x05\x03\x00\x01\x01\x02\x03\x04\x00\x50", ("\x05\x00\x05\x07",), "UDP ASSOCIATE"),
):

    def _wish(way: Way, data: bytes) -> str:
        assert isinstance(way, Proxied)
        with way.open("socks") as sock:
            sock.sendall(data)
            return reads(sock, 4)

    add("20f", _name, partial(_wish, data=_data), direct=NO_PROXY, proxied=Closed(_answer, _record))
