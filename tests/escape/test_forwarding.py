"""What an `allow` may do: one call, to the place that was judged, over a verified connection, with honest figures."""

import time

import pytest

from childproof.capture.dialer import DialError
from childproof.capture.mitm.hooks import Hooks
from childproof.model import Action, Forward, Outcome, Upstream, Verdict


@pytest.fixture
def open_machine(machine, tools):
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    return machine


def settled(machine, count):
    """The settlements, once there are so many: they come just after the client has its reply."""
    deadline = time.monotonic() + 5
    while len(machine.judge.settled) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    return machine.judge.settled


def ask(connection, path="/x", method="GET", body=None, headers=None):
    connection.request(method, path, body=body, headers=headers or {})
    response = connection.getresponse()
    return response.status, response.read()


def test_an_allowed_call_arrives_as_it_was_sent_and_its_figures_are_recorded(open_machine):
    connection = open_machine.https()
    assert ask(connection, "/a?b=1", "POST", b"body") == (200, b"upstream")
    [(outcome, upstream, reply, error)] = settled(open_machine, 1)
    assert open_machine.sentinel.requests[0].startswith(b"POST /a?b=1 HTTP/1.1\r\n")
    assert open_machine.sentinel.requests[0].endswith(b"\r\n\r\nbody")
    assert open_machine.sentinel.dialed == [Forward("api.example", 443)]
    assert (upstream.dns, upstream.connections, error) == (1, 1, "")
    assert upstream.bytes_out > open_machine.sentinel.received  # TLS adds to it
    assert upstream.bytes_in > 0
    assert (reply.status, reply.body) == (200, b"upstream")
    assert outcome.forward == Forward("api.example", 443)


def test_a_kept_alive_connection_serves_the_next_allowed_call_without_counting_it_twice(open_machine):
    connection = open_machine.https()
    ask(connection)
    ask(connection)
    figures = [upstream for _, upstream, _, _ in settled(open_machine, 2)]
    assert [(figure.dns, figure.connections) for figure in figures] == [(1, 1), (0, 0)]
    assert open_machine.sentinel.connections == 1


@pytest.mark.parametrize("breakage", ["request", "requestheaders", "judge", "denied", "permission"])
def test_the_leak_a_call_that_was_not_allowed_never_uses_the_kept_alive_connection(
    open_machine, tools, monkeypatch, breakage
):
    """ENGINE: after one allowed request, a second one whose hook raised reached upstream over the reused connection."""
    connection = open_machine.https()
    assert ask(connection, "/first") == (200, b"upstream")

    def explode(*_args):
        raise ValueError("a bug")

    if breakage in ("request", "requestheaders"):
        monkeypatch.setattr(Hooks, breakage, explode)
    elif breakage == "judge":
        open_machine.judge.decide = explode
    elif breakage == "permission":
        monkeypatch.setattr(Hooks, "request", lambda *_args: None)  # forgets to decide at all
    else:
        open_machine.judge.decide = None
    status, body = ask(connection, "/second")
    assert status in (403, 500, 502)
    assert b"upstream" not in body
    assert [request.split()[1] for request in open_machine.sentinel.requests] == [b"/first"]


def test_the_same_leak_on_a_plain_proxy_connection(open_machine, monkeypatch):
    sock = open_machine.raw()
    request = b"GET http://api.example/%s HTTP/1.1\r\nHost: api.example\r\n\r\n"
    sock.sendall(request % b"first")
    answer = b""
    while not answer.endswith(b"upstream"):
        answer += sock.recv(65536)

    def explode(*_args):
        raise ValueError("a bug")

    monkeypatch.setattr(Hooks, "request", explode)
    sock.sendall(request % b"second")
    assert b" 500 " in sock.recv(65536)
    assert len(open_machine.sentinel.requests) == 1


def test_a_connection_dialled_under_wider_limits_is_not_reused_under_narrower_ones(open_machine):
    """A rule that names 10.0.0.0/8 may reach what the next rule may not, at the same host."""
    connection = open_machine.https()

    def wide(call):
        networks = ("10.0.0.0/8",) if call.path == "/wide" else ()
        return Outcome("c", Verdict(Action.ALLOW, "r", "x"), forward=Forward(call.host, call.port, networks))

    open_machine.judge.decide = wide
    ask(connection, "/wide")
    ask(connection, "/narrow")
    assert [forward.networks for forward in open_machine.sentinel.dialed] == [("10.0.0.0/8",), ()]


def test_an_allowance_for_another_host_is_not_used(open_machine):
    """An engine bug: allowed, but to somewhere else than the call goes."""
    open_machine.judge.decide = lambda call: Outcome(
        "c", Verdict(Action.ALLOW, "r", "x"), forward=Forward("elsewhere.example", call.port)
    )
    status, _ = ask(open_machine.https())
    assert status == 500
    assert open_machine.sentinel.connections == 0


def test_upstream_must_prove_its_name(stopped, tools, ca):
    """Its certificate is signed by an authority that we don't know."""
    stopped._upstream_ca = ca
    stopped.start()
    stopped.judge.decide = tools.allow
    stopped.judge.forwards = lambda host: True
    status, body = ask(stopped.https())
    assert (status, stopped.sentinel.requests) == (502, [])
    assert b"childproof" in body
    [(_, upstream, _, error)] = settled(stopped, 1)
    assert "erti" in error
    assert upstream.connections == 1


def test_a_dial_that_is_refused_is_told_and_recorded(stopped, tools):
    async def dial(forward):
        raise DialError("api.example leads to 10.0.0.1, which is not public and no rule names it", Upstream(dns=1))

    stopped.start(dial=dial)
    stopped.judge.decide = tools.allow
    stopped.judge.forwards = lambda host: True
    status, body = ask(stopped.https())
    assert status == 502
    assert b"not public" in body
    [(_, upstream, _, error)] = settled(stopped, 1)
    assert (upstream, "not public" in error) == (Upstream(dns=1), True)


def test_an_upstream_that_switches_protocols_unasked_gets_no_raw_pipe(open_machine):
    open_machine.sentinel.answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    status, _ = ask(open_machine.https())
    assert status == 502


def test_hop_by_hop_headers_stay_here(open_machine):
    ask(
        open_machine.https(),
        headers={
            "Proxy-Authorization": "Basic secret",
            "Connection": "keep-alive, X-Private",
            "X-Private": "1",
            "Upgrade": "h2c",
            "HTTP2-Settings": "AAMAAABkAAQAAP__",
        },
    )
    sent = open_machine.sentinel.requests[0].lower()
    for name in (b"proxy-authorization", b"x-private", b"upgrade", b"http2-settings"):
        assert name not in sent


def test_alt_svc_is_taken_out_of_replies(open_machine):
    open_machine.sentinel.answer = b'HTTP/1.1 200 OK\r\ncontent-length: 0\r\nalt-svc: h3=":443"\r\n\r\n'
    connection = open_machine.https()
    connection.request("GET", "/")
    assert connection.getresponse().getheader("alt-svc") is None


def test_a_large_reply_streams_and_is_recorded_in_part(open_machine):
    body = bytes(3 * 1024 * 1024)
    open_machine.sentinel.answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    assert ask(open_machine.https()) == (200, body)
    [(_, upstream, reply, _)] = settled(open_machine, 1)
    assert upstream.bytes_in > len(body)
    assert len(reply.body) == 64 * 1024


def test_the_figures_of_calls_add_up_to_what_left_the_machine(open_machine):
    total = 0
    connection = open_machine.https()
    for number in range(5):
        ask(connection, f"/{number}", "POST", b"x" * 1000)
    for _, upstream, _, _ in settled(open_machine, 5):
        total += upstream.bytes_out
    assert total >= open_machine.sentinel.received > 5000


def test_a_client_that_leaves_is_settled_all_the_same(open_machine):
    open_machine.sentinel.answer = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"
    sock = open_machine.secure()
    sock.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    deadline = time.monotonic() + 5
    while not open_machine.sentinel.requests and time.monotonic() < deadline:
        time.sleep(0.01)
    sock.close()
    [(_, upstream, _, error)] = settled(open_machine, 1)
    assert upstream.connections == 1
    assert error


def test_an_allow_that_comes_after_the_layer_was_chosen_is_a_502_and_ends_the_connection(machine, tools):
    """Rules were reloaded: the answering layer has no way upstream, so the client must connect again."""
    machine.judge.decide = tools.allow
    sock = machine.secure()
    answer = tools.exchange(sock, b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"connection: close" in answer
    assert machine.sentinel.connections == 0
    [(_, upstream, _, error)] = settled(machine, 1)
    assert (upstream, "older rules" in error) == (Upstream(), True)
