"""Attempts through the explicit proxy: two parsers that disagree, smuggled requests, a proxy used as a relay.

Runs beside the sinkhole, not in a sandbox: the proxy could dial, and would for `x.allowed.example`. It must not.
"""

import re
import signal
import socket
import subprocess
import sys
import zlib
from pathlib import Path

from inside import SECRET, WAIT, attempt, reads, run

RULES = """
version: 1
rules:
  - name: public
    match: {host: "*.allowed.example", method: [GET, HEAD], path: /public/**}
    allow: {}
  - name: judged
    match: {host: x.allowed.example, method: POST, path: /judged}
    when: call.json.amount < 10
    allow: {}
"""
ports: dict[str, int] = {}


def exchange(data: bytes, kind: str = "http") -> str:
    with socket.create_connection(("127.0.0.1", ports[kind]), timeout=WAIT) as sock:
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            return "reset"
        return reads(sock, 200)


def connect(target: bytes, inside: bytes = b"") -> str:
    return exchange(b"CONNECT " + target + b" HTTP/1.1\r\nHost: " + target + b"\r\n\r\n" + inside)


def socks(host: bytes, port: int = 443, command: int = 1) -> str:
    request = bytes([5, command, 0, 3, len(host)]) + host + port.to_bytes(2)
    return exchange(b"\x05\x01\x00" + request, "socks").encode("latin-1").hex()


def plain(uri: bytes, headers: bytes = b"", body: bytes = b"", method: bytes = b"GET") -> str:
    host = re.sub(rb"^http://([^/]*).*$", rb"\1", uri)
    return exchange(method + b" " + uri + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + headers + b"\r\n" + body)


for _name, _target in {
    "connect_nul": b"attacker.example\0.allowed.example:443",
    "connect_user": b"x.allowed.example@attacker.example:443",
    "connect_backslash": rb"attacker.example\.allowed.example:443",
    "connect_too_long": b"a." * 150 + b"allowed.example:443",
    "connect_fake_punycode": b"xn--allowed-.allowed.example:443",
    "connect_zone": b"[fe80::1%25lo]:443",
    "connect_port_0": b"x.allowed.example:0",
    "connect_two_ports": b"x.allowed.example:443:80",
    "connect_space": b"x.allowed.example :443",
    "connect_ssh": b"x.allowed.example:22",
}.items():
    attempt(lambda target=_target: connect(target), _name)
for _name, _host in {
    "socks_nul": b"attacker.example\0.allowed.example",
    "socks_newline": b"x.allowed.example\r\nHost: attacker.example",
    "socks_user": b"x.allowed.example@attacker.example",
    "socks_too_long": b"a." * 120 + b"allowed.example",
}.items():
    attempt(lambda host=_host: socks(host), _name)
attempt(lambda: socks(b"x.allowed.example", 53, command=3), "socks_udp")
attempt(lambda: exchange(b"\x05\x01\x02", "socks").encode("latin-1").hex(), "socks_login")
attempt(lambda: exchange(b"\x04\x01\x01\xbb\xcb\0q\x07\0", "socks"), "socks_4")

attempt(
    lambda: connect(b"x.allowed.example:80", b"GET /public/a HTTP/1.1\r\nHost: attacker.example\r\n\r\n"),
    "host_in_a_tunnel",
)
attempt(
    lambda: connect(
        b"x.allowed.example:80", b"GET http://attacker.example/ HTTP/1.1\r\nHost: x.allowed.example\r\n\r\n"
    ),
    "uri_in_a_tunnel",
)
attempt(lambda: connect(b"x.allowed.example:443", b"SSH-2.0-" + SECRET.encode() + b"\r\n"), "ssh_in_a_tunnel")
attempt(lambda: connect(b"x.allowed.example:443"), "an_empty_tunnel")
attempt(
    lambda: connect(b"a.example:80", b"CONNECT x.allowed.example:443 HTTP/1.1\r\nHost: x.allowed.example:443\r\n\r\n"),
    "a_tunnel_in_a_tunnel",
)
attempt(lambda: plain(b"http://x.allowed.example@attacker.example/public/a"), "uri_user")
attempt(lambda: plain(b"http://attacker.example\\@x.allowed.example/public/a"), "uri_backslash")
attempt(lambda: plain(b"http://x.allowed.example/public/../private"), "dots")
attempt(lambda: plain(b"http://x.allowed.example/public/%2e%2e/private"), "encoded_dots")
attempt(lambda: plain(b"http://x.allowed.example/public%2f..%2fprivate"), "encoded_slash")
attempt(lambda: plain(b"http://x.allowed.example//public/a"), "doubled_slash")
attempt(lambda: plain(b"http://x.allowed.example/public/..;/private"), "path_parameter")
attempt(lambda: plain(b"http://x.allowed.example/public\\..\\private"), "backslash_path")
attempt(lambda: plain(b"http://x.allowed.example/public/a", b"X-HTTP-Method-Override: DELETE\r\n"), "method_override")
attempt(lambda: plain(b"http://x.allowed.example/public/a", b"Host: attacker.example\r\n"), "two_hosts")
attempt(
    lambda: plain(
        b"http://x.allowed.example/public/a", b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\nGET "
    ),
    "cl_te",
)
attempt(
    lambda: plain(b"http://x.allowed.example/public/a", b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"),
    "te_te",
)
attempt(lambda: plain(b"http://x.allowed.example/public/a", b"X: a\r\n Host: attacker.example\r\n"), "folded_header")
attempt(lambda: plain(b"http://x.allowed.example/public/a", b"X : a\r\n"), "space_before_colon")
attempt(
    lambda: plain(b"http://x.allowed.example/judged", b"Content-Length: 999999999\r\n", method=b"POST"),
    "body_past_the_limit",
)


def packed(body: bytes, coding: bytes) -> str:
    headers = b"Content-Type: application/json\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n" % (coding, len(body))
    return plain(b"http://x.allowed.example/judged", headers, body, b"POST")


attempt(lambda: packed(zlib.compress(b'{"amount": 1}'), b"deflate"), "packed_body")
attempt(lambda: packed(zlib.compress(b'{"amount": ' + b" " * (200 << 20) + b"1}"), b"deflate"), "bomb")


@attempt
def duplicate_keys() -> object:
    body = b'{"amount": 1, "amount": 1000}'
    headers = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return plain(b"http://x.allowed.example/judged", headers, body, b"POST")


@attempt
def the_proxy_itself() -> object:
    port = ports["http"]
    get = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port
    return [
        connect(b"127.0.0.1:%d" % port, get),
        plain(b"http://127.0.0.1:%d/" % port),
        plain(b"http://[::1]:%d/" % port),
    ]


@attempt
def line_breaks_without_end() -> object:
    """Leading empty lines are ignored (RFC 9112, section 2.2), and not kept."""
    return exchange(b"\r\n" * (8 << 20) + b"GET http://patient.example/ HTTP/1.1\r\nHost: patient.example\r\n\r\n")


def main() -> None:
    Path("explicit.yaml").write_text(RULES)
    command = [sys.executable, "-m", "childproof", "serve", "--db", "box.db", "--rules", "explicit.yaml"]
    command += ["--http", "127.0.0.1:0", "--socks", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"(http|socks)5? +127\.0\.0\.1:(\d+)", line):
                ports[found[1]] = int(found[2])
            if "ready" in line:
                break
        try:
            run()
        finally:
            process.send_signal(signal.SIGINT)
            sys.stderr.write(process.stderr.read())


main()
