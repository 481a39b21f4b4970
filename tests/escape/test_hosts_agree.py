"""Every pair of {CONNECT or SOCKS target, dialled address, SNI, Host or :authority, absolute URI} disagreeing."""

import socket
import ssl
import struct

import httpx
import pytest

from childproof.capture.destination import Destination


class OnlyHttp2(ssl.SSLContext):
    """httpx offers HTTP/1.1 too, and we would choose it."""

    def set_alpn_protocols(self, alpn_protocols):
        super().set_alpn_protocols(["h2"])


def inside(machine, target, request, sni=None):
    sock = machine.secure(target, "http/1.1", sni=sni)
    sock.sendall(request)
    return sock.recv(65536)


def request(host, target="/x", version="1.1", extra=""):
    return f"GET {target} HTTP/{version}\r\nHost: {host}\r\n{extra}\r\n".encode()


MISMATCHES = {
    "target-host": ("api.example:443", request("evil.example"), None),
    "target-sni": ("api.example:443", request("api.example"), "evil.example"),
    "sni-host": ("api.example:443", request("evil.example"), "evil.example"),
    "target-uri": ("api.example:443", request("api.example", "https://evil.example/x"), None),
    "host-uri": ("api.example:443", request("evil.example", "https://api.example/x"), None),
    "scheme": ("api.example:443", request("api.example", "http://api.example/x"), None),
    "port": ("api.example:443", request("api.example:8443"), None),
    "address-host": ("203.0.113.7:443", request("api.example"), "203.0.113.7"),
    "subdomain": ("api.example:443", request("evil.api.example"), None),
    "suffix": ("api.example:443", request("evilapi.example"), None),
}
SAME = {
    "case": ("api.example:443", request("API.Example"), None),
    "dot": ("api.example:443", request("api.example."), None),
    "port": ("api.example:443", request("api.example:443"), None),
    "uri": ("api.example:443", request("api.example", "https://api.example/x"), None),
    "address": ("203.0.113.7:443", request("203.0.113.7"), "203.0.113.7"),
    "target-case": ("API.example.:443", request("api.example"), "api.example"),
}


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
@pytest.mark.parametrize("case", MISMATCHES)
def test_a_disagreement_is_a_host_mismatch(machine, tools, case, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.allow
    assert inside(machine, *MISMATCHES[case]).startswith(b"HTTP/1.1 403 ")
    assert machine.judge.violations == ["host_mismatch"]
    assert machine.judge.calls[0].host == MISMATCHES[case][0].rpartition(":")[0]
    assert machine.sentinel.connections == 0


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
@pytest.mark.parametrize("case", SAME)
def test_other_spellings_of_the_same_host_agree(machine, tools, case, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.stubbed()
    assert inside(machine, *SAME[case]).startswith(b"HTTP/1.1 200 ")
    assert machine.judge.violations == []


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
def test_a_host_switch_on_a_kept_alive_connection_is_seen(machine, tools, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.stubbed()
    sock = machine.secure("api.example:443", "http/1.1")
    sock.sendall(request("api.example"))
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    sock.sendall(request("evil.example"))
    answer = b""
    while b"host_mismatch" not in answer:
        answer += sock.recv(65536)
    assert b" 403 " in answer


@pytest.mark.parametrize(
    "host", ["evil.example", "api.example\x00.evil.example", "user@api.example", "api.example:0", ""]
)
def test_a_socks_name_and_what_follows_must_agree(machine, tools, host):
    machine.judge.decide = tools.stubbed()
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    assert sock.recv(2) == b"\x05\x00"
    sock.sendall(b"\x05\x01\x00\x03\x0bapi.example" + struct.pack("!H", 80))
    assert sock.recv(10)[1] == 0
    sock.sendall(request(host))
    assert sock.recv(65536).split(b" ")[1] in (b"403", b"400")
    assert machine.judge.violations in (["host_mismatch"], ["bad_host"], ["malformed"])


@pytest.mark.parametrize(
    "name",
    [b"api.example\x00.google.com", b"user@host", b"a b", b"a\\b", b"-bad-", b"1.2.3.4.5", b"fe80::1%eth0", b"a" * 254],
)
def test_a_bad_socks_name_is_refused_and_recorded(machine, name):
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    sock.recv(2)
    sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack("!H", 443))
    assert sock.recv(10)[1] == 8
    assert machine.judge.violations == ["bad_host"]


@pytest.mark.parametrize(
    "target",
    [
        "user@api.example:443",
        "api.example",
        "api.example:0",
        "api.example:99999",
        "a..b:443",
        "[::1:443",
        "api.example:443:443",
    ],
)
def test_a_bad_connect_target_is_refused_and_recorded(machine, tools, target):
    answer = tools.exchange(machine.raw(), f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert machine.judge.violations == ["bad_host"]


def test_connect_and_its_own_host_header_must_agree(machine, tools):
    answer = tools.exchange(machine.raw(), b"CONNECT api.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert machine.judge.violations == ["host_mismatch"]


def test_a_sealed_connection_to_a_bare_address_may_not_claim_a_name(machine, tools):
    """Only our own DNS ties an address to a name."""
    machine.judge.decide = tools.stubbed()
    sock = machine.adopted(Destination("203.0.113.7", 80, "203.0.113.7"))
    sock.sendall(request("api.stripe.com"))
    assert sock.recv(65536).startswith(b"HTTP/1.1 403 ")
    assert machine.judge.violations == ["host_mismatch"]


def test_a_sealed_connection_by_name_has_world_sandbox_and_address(machine, tools):
    machine.judge.decide = tools.stubbed()
    sock = machine.adopted(Destination("api.example", 80, "198.18.0.1"))
    sock.sendall(request("api.example"))
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    [call] = machine.judge.calls
    assert (call.world, call.sandbox, call.address, call.host) == ("main", "box", "198.18.0.1", "api.example")


def test_http2_authority_and_host_must_agree(machine, tools):
    machine.judge.decide = tools.stubbed()
    context = OnlyHttp2(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(str(machine.ca.cert_pem))
    with httpx.Client(http1=False, http2=True, verify=context, proxy=f"http://127.0.0.1:{machine.port}") as client:
        assert client.get("https://api.example/x").status_code == 200
        assert client.get("https://api.example/x", headers={"Host": "evil.example"}).status_code == 421
    assert machine.judge.violations == ["host_mismatch"]
    assert machine.judge.calls[0].http_version == "2.0"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433", "169.254.169.254", "10.0.0.1"]
)
def test_connect_to_ourselves_or_inside_is_a_call_like_any_other(machine, tools, host):
    """The proxy as a relay to its own port, the control port or the host: no rule allows it, so it goes nowhere."""
    connection = machine.tunnel(f"{host}:{machine.port}")
    answer = tools.exchange(
        connection, f"CONNECT api.example:443 HTTP/1.1\r\nHost: {host}:{machine.port}\r\n\r\n".encode()
    )
    assert b" 405 " in answer.split(b"\r\n")[0] or answer == b""
    assert machine.sentinel.connections == 0
    assert machine.judge.violations == ["unsupported"]


def test_ipv6_targets_are_canonical(machine, tools):
    machine.judge.decide = tools.stubbed()
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    sock.recv(2)
    sock.sendall(b"\x05\x01\x00\x04" + socket.inet_pton(socket.AF_INET6, "::ffff:203.0.113.7") + struct.pack("!H", 80))
    assert sock.recv(10)[1] == 0
    sock.sendall(request("203.0.113.7"))
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert machine.judge.calls[0].host == "203.0.113.7"
