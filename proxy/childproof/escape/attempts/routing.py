"""Lines 1 to 6: every address, port and protocol that a client can dial."""

import socket
import urllib.request
from functools import partial

from childproof.escape.table import AROUND, Absent, Closed, Elsewhere, Ending, Open, add, attempt, denied, reset
from childproof.escape.talk import curl, datagram, exchange, fetch, get, over_tls, reads
from childproof.escape.ways import WAIT, Way
from childproof.model import replace


@attempt("1a", direct=Closed(("403",), "GET https://no-proxy.example/", unless=("FileNotFoundError",)), proxied=AROUND)
def curl_without_a_proxy(way: Way) -> str:
    """Curl with `--noproxy '*'`."""
    return curl(way, "https://no-proxy.example/")


@attempt("1b", direct=denied("GET http://unset.example/"), proxied=AROUND)
def proxy_variables_unset(way: Way) -> str:
    """A client that was told of no proxy."""
    del way
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        return str(opener.open("http://unset.example/", timeout=WAIT).status)
    except urllib.request.HTTPError as error:
        return f"HTTP/1.1 {error.code}"


@attempt("1c", direct=denied("GET http://203.0.113.1/"), proxied=AROUND)
def a_raw_socket(way: Way) -> str:
    """A socket, an address, a request by hand."""
    return exchange(way, "203.0.113.1", 80, get("203.0.113.1"))


@attempt("1d", direct=denied("GET http://203.0.113.35/"), proxied=AROUND)
def tcp_fast_open(way: Way) -> str:
    """Data in the SYN; where there is no cookie yet, it goes with the second attempt."""
    with socket.socket() as sock:
        sock.settimeout(WAIT)
        try:
            sock.sendto(get("203.0.113.35"), 0x20000000, ("203.0.113.35", 80))
        except BlockingIOError:
            return exchange(way, "203.0.113.35", 80, get("203.0.113.35"))
        return reads(sock)


# --- addresses, as they are spelt

# In a pod it is the pod's own address, where the client itself may listen.
_OWN = Closed(("ConnectionRefusedError",))

for _part, _name, _spelt, _read in (
    ("2c", "a_decimal_address", "3405803780", "203.0.113.4"),
    ("2d", "a_hexadecimal_address", "0xcb007105", "203.0.113.5"),
    ("2e", "an_octal_address", "0313.0.0161.06", "203.0.113.6"),
    ("2f", "a_mapped_address", "::ffff:203.0.113.7", "203.0.113.7"),
    ("2g", "a_nat64_address", "64:ff9b::cb00:7108", "[64:ff9b::cb00:7108]"),
    ("2h", "a_6to4_address", "2002:cb00:7109::1", "[2002:cb00:7109::1]"),
    ("3a", "a_global_ipv6_address", "2606:4700::1111", "[2606:4700::1111]"),
    ("6a", "cloud_metadata", "169.254.169.254", "169.254.169.254"),
    ("6b", "cloud_metadata_over_ipv6", "fd00:ec2::254", "[fd00:ec2::254]"),
    ("6c", "a_private_address", "192.168.0.1", "192.168.0.1"),
    ("6c", "another_private_address", "172.16.0.1", "172.16.0.1"),
    ("6d", "a_shared_address", "100.64.0.1", "100.64.0.1"),
    ("6e", "the_gateway", "10.99.0.2", "10.99.0.2"),
    ("6f", "the_hosts_own_address", "10.99.0.1", "10.99.0.1"),
    ("6f", "this_network", "0.0.0.1", "0.0.0.1"),
    ("6g", "a_sibling_pod", "10.99.0.77", "10.99.0.77"),
    ("6g", "a_sibling_pod_over_ipv6", "fd00:99::77", "[fd00:99::77]"),
):

    def _spelling(way: Way, spelt: str) -> str:
        return exchange(way, spelt, 80, get(f"[{spelt}]" if ":" in spelt else spelt, "/latest/"))

    _ending = denied(f"GET http://{_read}/latest/")
    _shared = _OWN if _spelt == "10.99.0.1" else _ending
    add(_part, _name, partial(_spelling, spelt=_spelt), direct=_ending, proxied=_ending, shared=_shared)


@attempt("2a", denied("GET https://203.0.113.2/"))
def an_address_without_sni(way: Way) -> str:
    """TLS to an address, with no server name at all."""
    return over_tls(way, "203.0.113.2", get("203.0.113.2"), sni=None)


@attempt("2b", denied("203.0.113.3, but the SNI"))
def an_address_with_a_foreign_sni(way: Way) -> str:
    """TLS to an address, with the server name of a host that a stub answers."""
    return over_tls(way, "203.0.113.3", get("api.stripe.com"), sni="api.stripe.com")


# Where there is a device, a zone binds to it, and what is bound to it reaches nobody: that is no call.
@attempt(
    "3b",
    direct=denied("GET http://[fe80::1]/"),
    proxied=Closed(("Refused: HTTP/1.1 400",), "fe80::1%"),
    shared=Closed(("ConnectionRefusedError",)),
)
def a_link_local_address_with_a_zone(way: Way) -> str:
    """`fe80::1%eth0`, or `%lo` where there is no other device."""
    zone = next((name for _, name in socket.if_nameindex() if name != "lo"), "lo")
    return exchange(way, f"fe80::1%{zone}", 80, get("[fe80::1]"))


# --- ports

for _letter, _port, _direct, _proxied in (
    ("a", 22, reset("TCP 203.0.113.20:22"), None),
    ("b", 25, Closed(("220 ",), "SMTP 203.0.113.20:25 · no valid SMTP"), None),
    ("c", 465, Closed(("",), "SMTP 203.0.113.20:465 · the TLS handshake failed"), None),
    ("d", 587, Closed(("220 ",), "SMTP 203.0.113.20:587 · no valid SMTP"), None),
    ("e", 853, reset("TCP 203.0.113.20:853"), None),
    ("f", 3306, reset("TCP 203.0.113.20:3306"), None),
    ("g", 5432, reset("TCP 203.0.113.20:5432"), None),
    ("h", 6379, reset("TCP 203.0.113.20:6379"), None),
    ("i", 8443, reset("TCP 203.0.113.20:8443"), None),
    ("j", 47123, reset("TCP 203.0.113.20:47123"), None),
):

    def _bytes(way: Way, port: int) -> str:
        return exchange(way, "203.0.113.20", port, b"\0\r\n")

    add(f"4{_letter}", f"port_{_port}", partial(_bytes, port=_port), direct=_direct, proxied=_proxied or _direct)


# --- what is not TCP

for _part, _name, _address, _port in (
    ("5a", "quic", "203.0.113.30", 443),
    ("5a", "quic_over_ipv6", "2606:4700::30", 443),
    ("5b", "udp", "203.0.113.31", 5353),
    ("5b", "udp_over_ipv6", "2606:4700::31", 123),
):

    def _udp(way: Way, address: str, port: int) -> str:
        del way
        return datagram(address, port)

    _place = f"[{_address}]" if ":" in _address else _address
    add(
        _part,
        _name,
        partial(_udp, address=_address, port=_port),
        direct=Closed(("ConnectionRefusedError",), f"UDP {_place}:{_port}"),
        proxied=AROUND,
    )


@attempt("5b", direct=Closed(("sent",), "UDP 224.0.0.251:5353"), proxied=AROUND)
def multicast(way: Way) -> str:
    """To whoever listens nearby. No host answers that with an error (RFC 1122, section 3.2.2), and neither do we."""
    del way
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"hello", ("224.0.0.251", 5353))
    return "sent"


@attempt(
    "5c",
    direct=Closed(("OSError: [Errno 113]",), "ICMP 203.0.113.33", unless=("PermissionError",)),
    proxied=AROUND,
)
def ping(way: Way) -> str:
    """An echo request by an ICMP socket."""
    del way
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(WAIT)
        sock.connect(("203.0.113.33", 0))
        sock.send(bytes([8, 0, 0, 0, 0, 0, 0, 0]))
        return sock.recv(10).hex()


for _part, _name, _family, _kind, _protocol, _record in (
    ("1e", "multipath_tcp", socket.AF_INET, socket.SOCK_STREAM, 262, "TCP 203.0.113.34"),
    ("5d", "sctp", socket.AF_INET, socket.SOCK_STREAM, 132, "SCTP 203.0.113.34"),
    ("5d", "dccp", socket.AF_INET, 6, 33, "DCCP 203.0.113.34"),
    ("5d", "udp_lite", socket.AF_INET, socket.SOCK_DGRAM, 136, "UDPLITE 203.0.113.34"),
    ("5d", "smc", socket.AF_INET, socket.SOCK_STREAM, 256, "TCP 203.0.113.34"),
):

    def _transport(way: Way, family: int, kind: int, protocol: int) -> str:
        del way
        with socket.socket(family, kind, protocol) as sock:
            sock.settimeout(WAIT)
            sock.connect(("203.0.113.34", 34))
            sock.send(b"\0\r\n")
            return reads(sock)

    _refusal = Closed(
        ("reset", "OSError: [Errno 113]", "ConnectionRefusedError"),
        _record,
        unless=("OSError: [Errno 93]", "OSError: [Errno 94]"),
    )
    add(
        _part,
        _name,
        partial(_transport, family=_family, kind=_kind, protocol=_protocol),
        direct=_refusal,
        proxied=AROUND,
        # What an unprivileged proxy is told there by the kernel names no protocol beyond the common ones.
        shared=replace(_refusal, record=_record.replace("DCCP", "IP").replace("UDPLITE", "IP")),
    )

# CAP_NET_RAW gives these; what is sent by them: a_frame, a_raw_packet.
_RAW: dict[str, Ending] = dict.fromkeys(
    ("a_packet_socket", "a_raw_socket_below_ip", "a_raw_ipv6_socket"), Closed(("made",))
)
_RAW["xdp"] = Open(
    "CAP_NET_RAW gives AF_XDP, whose frames pass no hook of the kernel's on their way to a device: drop it, as our manifests do"
)
_FORBIDDEN = ("PermissionError", "OSError: [Errno 97]", "OSError: [Errno 93]")
for _part, _name, _domain, _kind, _protocol in (
    ("5e", "a_packet_socket", 17, socket.SOCK_RAW, 0x0003),
    ("5f", "a_raw_socket_below_ip", socket.AF_INET, socket.SOCK_RAW, 255),
    ("5f", "a_raw_ipv6_socket", socket.AF_INET6, socket.SOCK_RAW, 58),
    ("5g", "vsock", 40, socket.SOCK_STREAM, 0),
    ("5g", "xdp", 44, socket.SOCK_RAW, 0),
    ("5g", "rds", 21, socket.SOCK_SEQPACKET, 0),
    ("5g", "tipc", 30, socket.SOCK_STREAM, 0),
    ("5g", "rxrpc", 33, socket.SOCK_DGRAM, 2),
    ("5g", "smc_family", 43, socket.SOCK_STREAM, 0),
    ("5g", "qrtr", 42, socket.SOCK_DGRAM, 0),
):

    def _made(way: Way, family: int, kind: int, protocol: int) -> str:
        del way
        socket.socket(family, kind, protocol).close()
        return "made"

    # No call is made where no socket is: there is nothing to record.
    add(
        _part,
        _name,
        partial(_made, family=_domain, kind=_kind, protocol=_protocol),
        direct=Closed(_FORBIDDEN),
        proxied=AROUND,
        capable=_RAW.get(_name, Closed(_FORBIDDEN)),
    )


# --- addresses behind names

add(
    "6g",
    "a_sibling_sandbox",
    None,
    direct=Elsewhere("tests/escape/test_siblings.py::test_a_sandbox_reaches_no_other"),
    proxied=Absent("what listens on the machine is reached as any call is: see 6f and 10c"),
    shared=Absent("a sibling has an address of the network's, as anybody: tried by that"),
)


@attempt("6h", Closed(("HTTP/1.1 502",), "GET http://inward.reached.example/public/metadata", "allow"))
def an_allowed_name_that_leads_inward(way: Way) -> str:
    """A name that a rule allows, and whose address is the metadata service's."""
    return fetch(way, "inward.reached.example", "/public/metadata")
