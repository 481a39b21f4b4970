"""Plain proxy requests: one connection goes to many hosts, and only what a rule allows has a way out."""

import pytest

FORMS = {
    "a length": b"Content-Length: 5\r\n\r\nabcde",
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nTrailer: x\r\n\r\n",
    "no body": b"\r\n",
    "an empty chunked body": b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}


def request(host, path, rest=b"\r\n"):
    return b"POST http://%b%b HTTP/1.1\r\nHost: %b\r\nX-Keep: A, b\r\n" % (host, path, host) + rest


def reply(sock):
    """One whole reply, however many pieces it comes in."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    size = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < size:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def mixed(machine, tools):
    machine.judge.forwards = lambda host: host == "allowed.example"
    stub = tools.stubbed()
    machine.judge.decide = lambda call: tools.allow(call) if call.path == "/out" else stub(call)


@pytest.mark.parametrize("form", FORMS)
def test_one_connection_serves_stubbed_and_allowed_hosts_in_turn(machine, tools, form):
    """What was answered here leaves no trace upstream; what is allowed arrives as it was sent."""
    mixed(machine, tools)
    sock = machine.raw()
    sock.sendall(request(b"stub.example", b"/here", FORMS[form]))
    assert reply(sock).startswith(b"HTTP/1.1 200 ")
    assert machine.sentinel.connections == 0
    sock.sendall(request(b"allowed.example", b"/out", FORMS[form]))
    assert reply(sock).endswith(b"upstream")
    sock.sendall(request(b"stub.example", b"/again", FORMS[form]))
    assert reply(sock).endswith(b'{"ok": true}')
    assert [(call.host, call.path) for call in machine.judge.calls] == [
        ("stub.example", "/here"),
        ("allowed.example", "/out"),
        ("stub.example", "/again"),
    ]
    bodies = {call.body for call in machine.judge.calls}
    assert len(bodies) == 1
    seen = machine.sentinel.requests[0]  # it knows no chunks and takes the rest for more
    assert seen.startswith(b"POST /out HTTP/1.1\r\n")
    assert b"X-Keep: A, b\r\n" in seen


def test_a_pipeline_across_hosts_is_answered_in_order(machine, tools):
    mixed(machine, tools)
    sock = machine.raw()
    pipeline = [
        request(b"stub.example", b"/1"),
        request(b"allowed.example", b"/out"),
        request(b"stub.example", b"/3", b"Connection: close\r\n\r\n"),
    ]
    answer = tools.exchange(sock, b"".join(pipeline))
    assert answer.count(b"HTTP/1.1 200 ") == 3
    assert answer.index(b"upstream") < answer.rindex(b'{"ok": true}')
    assert [call.path for call in machine.judge.calls] == ["/1", "/out", "/3"]


def test_an_expectation_that_was_answered_is_not_made_again(machine, tools):
    """The client gets one 100, and upstream is not asked to send another."""
    mixed(machine, tools)
    sock = machine.raw()
    sock.sendall(request(b"allowed.example", b"/out", b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n"))
    assert sock.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    sock.sendall(b"hi")
    assert reply(sock).startswith(b"HTTP/1.1 200 ")
    assert b"100-continue" not in machine.sentinel.requests[0]


def test_a_broken_request_is_refused_before_any_way_out_exists(machine, tools):
    """Its host may be allowed, but not like that."""
    mixed(machine, tools)
    answer = tools.exchange(
        machine.raw(),
        request(b"allowed.example", b"/out", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert machine.sentinel.connections == 0


def test_where_no_host_may_be_allowed_no_forwarding_layer_is_ever_made(machine, tools, monkeypatch):
    monkeypatch.setattr("childproof.capture.mitm.hooks.GuardedHttpLayer", None)
    machine.judge.decide = tools.stubbed()
    sock = machine.raw()
    for host in (b"one.example", b"two.example"):
        sock.sendall(request(host, b"/x"))
        assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
