"""Connections that are not plain HTTP: TLS that fails, mail, other protocols, faults; many worlds; the end."""

import socket
import ssl
import threading
import time

import pytest

from childproof.capture.destination import Destination, Ingress
from childproof.model import Protocol


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


def test_a_client_that_does_not_trust_us_is_recorded_and_never_passed_through(machine):
    context = ssl.create_default_context()  # a pinned or untouched bundle
    with pytest.raises(ssl.SSLError):
        context.wrap_socket(machine.tunnel(), server_hostname="api.example")
    wait_for(lambda: machine.judge.violations == ["tls_refused"])
    [call] = machine.judge.calls
    assert (call.host, call.port, call.tls) == ("api.example", 443, True)
    assert machine.sentinel.connections == 0


def test_a_client_that_ignores_our_authority_is_judged_all_the_same(machine):
    context = ssl._create_unverified_context()
    sock = context.wrap_socket(machine.tunnel(), server_hostname="api.example")
    sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 403 ")


def test_tls_garbage_is_recorded(machine, tools):
    sock = machine.tunnel()
    sock.sendall(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
    sock.close()
    wait_for(lambda: machine.judge.violations == ["tls_refused"])


@pytest.mark.parametrize("alpn", [("imap",), ("acme-tls/1",), ("h3",)])
def test_an_unknown_alpn_is_refused_and_recorded(machine, alpn):
    with pytest.raises((ssl.SSLError, OSError)):
        machine.secure("api.example:443", *alpn)
    assert machine.judge.violations == ["unsupported"]


@pytest.mark.parametrize(("offers", "chosen"), [(("h2", "http/1.1"), "http/1.1"), (("h2",), "h2"), ((), None)])
def test_http_1_is_preferred_where_both_are_offered(machine, offers, chosen):
    assert machine.secure("api.example:443", *offers).selected_alpn_protocol() == chosen


def test_an_invalid_sni_is_a_bad_host(machine, tools):
    """mitmproxy takes it for none at all; then nothing would compare it."""
    machine.judge.decide = tools.stubbed()
    context = ssl._create_unverified_context()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname="api-example")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    hello = outgoing.read().replace(b"api-example", b"api example")
    sock = machine.tunnel()
    sock.sendall(hello)
    assert sock.recv(3)[:2] == b"\x16\x03"  # a server hello: what follows can't be completed by this client
    sock.close()
    wait_for(lambda: machine.judge.violations)
    assert machine.judge.violations == ["tls_refused"]


def test_what_is_not_http_inside_tls_is_reset_and_recorded(machine, tools):
    sock = machine.secure("db.example:6000")
    assert tools.exchange(sock, b"\x00\x01 not http\r\n") == b""
    assert machine.judge.violations == ["unsupported"]


@pytest.mark.parametrize("port", [25, 465, 587, 2525])
def test_mail_ports_are_handed_to_the_mail_side_with_their_transport(machine, tools, port):
    sock = machine.tunnel(f"smtp.example:{port}")
    assert sock.recv(100) == b"220 hello\r\n"
    tools.exchange(sock, b"EHLO me\r\n")
    [(ingress, destination, data)] = machine.mail
    assert (ingress.sandbox, destination.host, destination.port, data) == ("box", "smtp.example", port, b"EHLO me\r\n")


def test_mail_through_socks(machine, tools):
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    sock.recv(2)
    sock.sendall(b"\x05\x01\x00\x03\x0csmtp.example\x02\x4b")
    assert sock.recv(10)[1] == 0
    assert sock.recv(100) == b"220 hello\r\n"


@pytest.mark.parametrize("port", [22, 143, 853, 3306])
def test_ports_where_the_server_speaks_first_are_refused_at_once(machine, tools, port):
    answer = tools.exchange(
        machine.raw(), f"CONNECT db.example:{port} HTTP/1.1\r\nHost: db.example:{port}\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 403 ")
    [call] = machine.judge.calls
    assert (call.protocol, call.host, call.port, call.violation) == (Protocol.TCP, "db.example", port, None)


def test_ssh_through_socks_is_refused_at_once(machine):
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    sock.recv(2)
    sock.sendall(b"\x05\x01\x00\x03\x0bgit.example\x00\x16")
    assert sock.recv(10)[1] == 2


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"*1\r\n$4\r\nPING\r\n", b"SSH-2.0-OpenSSH\r\n"])
def test_other_protocols_in_a_tunnel_are_judged_as_tcp_and_reset(machine, tools, data):
    assert tools.exchange(machine.tunnel("db.example:4444"), data) == b""
    [call] = machine.judge.calls
    assert (call.protocol, call.port, call.violation) == (Protocol.TCP, 4444, None)


@pytest.mark.parametrize("command", [2, 3])
def test_socks_bind_and_udp_are_refused_and_recorded(machine, command):
    sock = machine.raw()
    sock.sendall(b"\x05\x01\x00")
    sock.recv(2)
    sock.sendall(bytes([5, command, 0, 1, 1, 2, 3, 4, 0, 80]))
    assert sock.recv(10)[1] == 7
    assert machine.judge.violations == ["unsupported"]


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
def test_a_reset_fault_resets(machine, tools, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.stubbed(fault="reset")
    sock = machine.tunnel("api.example:80")
    sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    with pytest.raises(ConnectionResetError):
        sock.recv(100)


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
def test_a_timeout_fault_says_nothing_until_the_client_gives_up(machine, tools, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.stubbed(fault="timeout")
    sock = machine.tunnel("api.example:80")
    sock.settimeout(0.3)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    with pytest.raises(TimeoutError):
        sock.recv(100)
    sock.close()
    wait_for(lambda: len(machine.capture._intake) == 0)


@pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])
def test_a_delayed_reply_comes_and_pipelined_requests_wait_for_it(machine, tools, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = lambda call: tools.stubbed(call.path.encode(), delay=0.05)(call)
    sock = machine.tunnel("api.example:80")
    requests = (
        b"GET /1 HTTP/1.1\r\nHost: api.example\r\n\r\nGET /2 HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
    )
    answer = tools.exchange(sock, requests)
    assert answer.count(b"HTTP/1.1 200 ") == 2
    assert answer.index(b"/1") < answer.index(b"/2")


def test_one_process_serves_many_worlds_and_closes_one_of_them(machine, tools):
    machine.judge.decide = tools.stubbed()
    other = Ingress("other world", "a/b")
    host, port = machine.run(machine.capture.listen("127.0.0.1", 0, other))
    ours = machine.tunnel("api.example:80")
    theirs = socket.create_connection((host, port), timeout=5)
    theirs.sendall(b"GET http://api.example/x HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert theirs.recv(65536)
    request = b"GET /y HTTP/1.1\r\nHost: api.example\r\n\r\n"
    ours.sendall(request)
    assert ours.recv(65536)
    assert [(call.world, call.sandbox) for call in machine.judge.calls] == [("other world", "a/b"), ("main", "box")]
    machine.run(machine.capture.close_world(other))
    assert tools.exchange(theirs, b"") == b""
    with pytest.raises(OSError):
        socket.create_connection((host, port), timeout=1)
    ours.sendall(request)
    assert ours.recv(65536)


def test_stopping_closes_listeners_connections_and_allows_a_new_start(machine, tools):
    machine.judge.decide = tools.stubbed()
    inside = machine.secure()
    inside.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert inside.recv(65536)
    machine.run(machine.capture.stop())
    assert tools.exchange(inside, b"") == b""
    with pytest.raises(OSError):
        socket.create_connection((machine.host, machine.port), timeout=1)
    machine.run(machine.capture.start())
    machine.port = machine.run(machine.capture.listen("127.0.0.1", 0, machine.ingress))[1]
    assert machine.secure()


def test_sealed_connections_of_any_kind(machine, tools):
    """As the front door hands them over: HTTP, TLS, and what turns out to be neither."""
    machine.judge.decide = tools.stubbed()
    plain = machine.adopted(Destination("api.example", 8080, "198.18.0.1"))
    plain.sendall(b"GET / HTTP/1.1\r\nHost: api.example:8080\r\n\r\n")
    assert plain.recv(65536).startswith(b"HTTP/1.1 200 ")
    context = machine.client_context("h2", "http/1.1")
    secure = context.wrap_socket(
        machine.adopted(Destination("api.example", 443, "198.18.0.1")), server_hostname="api.example"
    )
    secure.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert secure.recv(65536).startswith(b"HTTP/1.1 200 ")
    other = machine.adopted(Destination("203.0.113.7", 4444, "203.0.113.7"))
    machine.judge.decide = None
    assert tools.exchange(other, b"\x00\x01\x02") == b""
    assert machine.judge.calls[-1].protocol is Protocol.TCP


def test_many_connections_at_once(machine, tools):
    machine.judge.decide = tools.stubbed()
    answers = []

    def client():
        sock = machine.secure()
        for _ in range(5):
            sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
            answers.append(sock.recv(65536)[:12])
        sock.close()

    threads = [threading.Thread(target=client) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [b"HTTP/1.1 200"] * 100
    wait_for(lambda: len(machine.capture._intake) == 0)


@pytest.mark.parametrize("port", [22, 4444])
def test_raw_tcp_that_a_rule_allows_is_relayed_with_what_was_sent_already(machine, tools, port):
    machine.judge.decide = tools.allow
    machine.sentinel.answer = b"banner, and no more\r\nconnection: close"
    sock = machine.tunnel(f"git.example:{port}")
    assert b"banner" in tools.exchange(sock, b"\x00\x01hello\r\n\r\n")
    assert machine.sentinel.requests == [b"\x00\x01hello\r\n\r\n"]
    sock.close()
    wait_for(lambda: machine.judge.settled)
    [(_, upstream, _, _)] = machine.judge.settled
    assert (upstream.connections, upstream.bytes_out) == (1, 11)
    assert len(machine.judge.calls) == 1


def test_stopping_ends_connections_that_said_nothing_yet_and_mail_under_way(machine, tools):
    silent, tunnel, mail = machine.raw(), machine.tunnel("api.example:443"), machine.tunnel("smtp.example:25")
    assert mail.recv(100)
    machine.run(machine.capture.stop())
    for sock in (silent, tunnel, mail):
        assert tools.exchange(sock, b"") == b""
    machine.run(machine.capture.start())


def test_connections_beyond_the_limit_are_refused_and_recorded(machine, tools):
    machine.judge.decide = tools.stubbed()
    machine.capture._intake._limit = 1
    first = machine.secure()
    with pytest.raises(OSError):
        machine.secure()
    assert machine.judge.violations == ["unsupported"]
    first.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert first.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_tls_handshake_that_is_never_finished_is_given_up(machine, tools):
    """The sweep is called with a clock of the test's own: nothing here waits."""
    sock = machine.tunnel()
    sock.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    wait_for(lambda: len(machine.capture._intake) == 1)

    async def sweep():
        machine.capture._intake.sweep(time.monotonic() + 1000)

    machine.run(sweep())
    assert tools.exchange(sock, b"") == b""
    wait_for(lambda: machine.judge.violations)
    assert machine.judge.violations == ["tls_refused"]


def test_a_finished_handshake_may_wait_for_its_first_request(machine, tools):
    machine.judge.decide = tools.stubbed()
    sock = machine.secure("api.example:443", "http/1.1")

    async def sweep():
        machine.capture._intake.sweep(time.monotonic() + 1000)

    [handler] = machine.capture._intake._handlers.values()
    wait_for(lambda: handler.hooks.patience.since is None)  # until then the client's last word is on its way
    machine.run(sweep())
    sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_one_connection_too_many_is_reset_and_recorded_and_the_others_stay(machine, tools):
    """Whatever they are used for; and where one ends, there is room for another."""
    machine.judge.decide = tools.stubbed()
    machine.capture._shares.limit = 4
    request = b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n"
    http = machine.tunnel("api.example:80")
    mail = machine.tunnel("mail.example:25")
    silent, half = machine.raw(), machine.raw()
    half.sendall(b"CONN")
    assert tools.exchange(machine.raw(), b"CONNECT api.example:80 HTTP/1.1\r\n\r\n") == b""
    assert [call.violation.reason for call in machine.judge.calls] == ["more than 4 open connections"]
    http.sendall(request)
    assert http.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert mail.recv(100).startswith(b"220")
    silent.close()

    def again():
        with machine.raw() as sock:
            return tools.exchange(
                sock, b"GET http://api.example/ HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n"
            )

    wait_for(lambda: again().startswith(b"HTTP/1.1 200 "))
    half.close()
