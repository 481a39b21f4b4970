"""Bad HTTP from the sandbox: its own error to it, an entry in the ledger, and the proxy lives on."""

import json
import time

import h2.connection
import h2.events
import pytest

BOTH = pytest.mark.parametrize("forwards", [False, True], ids=["answering", "forwarding"])

SMUGGLING = {
    "cl-te": b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te-cl": b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "cl-cl": b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
    "cl-plus": b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: +4\r\n\r\nabcd",
    "te-te": b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
    "te-unknown": b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "te-space": b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "two-hosts": b"GET /x HTTP/1.1\r\nHost: api.example\r\nHost: evil.example\r\n\r\n",
    "no-host": b"GET /x HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "nul-in-value": b"GET /x HTTP/1.1\r\nHost: api.example\r\nX: a\x00b\r\n\r\n",
    "bare-cr": b"GET /x HTTP/1.1\r\nHost: api.example\r\nX: a\rEvil: b\r\n\r\n",
    "space-in-name": b"GET /x HTTP/1.1\r\nHost: api.example\r\nX Y: a\r\n\r\n",
    "no-version": b"GET /x\r\nHost: api.example\r\n\r\n",
    "version-9": b"GET /x HTTP/9.9\r\nHost: api.example\r\n\r\n",
    "version-2": b"GET /x HTTP/2.0\r\nHost: api.example\r\n\r\n",
    "no-path": b"GET x HTTP/1.1\r\nHost: api.example\r\n\r\n",
    "fragment": b"GET /x#y HTTP/1.1\r\nHost: api.example\r\n\r\n",
    "nested-connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n",
    "garbage": b"\x00\x01\x02\x03 \xff\xfe\r\n\r\n",
    "bad-chunk": b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
}


def opened(machine, tools, forwards):
    machine.judge.forwards = lambda host: forwards
    machine.judge.decide = tools.allow if forwards else tools.stubbed()
    return machine.secure("api.example:443", "http/1.1")


@BOTH
@pytest.mark.parametrize("case", SMUGGLING)
def test_an_ambiguous_or_broken_request_is_refused_recorded_and_never_forwarded(machine, tools, case, forwards):
    sock = opened(machine, tools, forwards)
    smuggled = b"GET /smuggled HTTP/1.1\r\nHost: api.example\r\n\r\n"
    answer = tools.exchange(sock, SMUGGLING[case] + smuggled)
    assert answer[9:12] in (b"400", b"405", b"501", b"505"), answer
    assert b"x-childproof: deny" in answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert machine.judge.violations[0] in ("malformed", "unsupported")
    assert machine.sentinel.connections == 0
    assert "/smuggled" not in [call.path for call in machine.judge.calls]
    # the proxy lives on
    machine.judge.decide = tools.stubbed()
    again = machine.secure("api.example:443", "http/1.1")
    again.sendall(b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert again.recv(65536).startswith(b"HTTP/1.1 200 ")


@BOTH
def test_a_head_without_end_is_431(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    answer = tools.exchange(sock, b"GET /x HTTP/1.1\r\nHost: api.example\r\nX: " + b"a" * 100_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert machine.judge.violations == ["malformed"]


@BOTH
@pytest.mark.parametrize("announced", [True, False], ids=["content-length", "chunked"])
def test_a_body_over_the_limit_is_413_without_being_kept_or_forwarded(machine, tools, forwards, announced):
    machine.judge.max_body = 100_000
    sock = opened(machine, tools, forwards)
    if announced:
        sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 200000\r\n\r\n")
    else:
        sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"2710\r\n" + bytes(10_000) + b"\r\n"
        sock.sendall(chunk * 20)
    answer = tools.exchange(sock, b"")
    assert answer.startswith(b"HTTP/1.1 413 ")
    [call] = machine.judge.calls
    assert call.violation.kind == "body_too_large"
    assert len(call.body) <= machine.judge.max_body
    assert machine.sentinel.connections == 0


@BOTH
def test_a_body_at_the_limit_is_judged_whole(machine, tools, forwards):
    machine.judge.max_body = 100_000
    sock = opened(machine, tools, forwards)
    sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 100000\r\n\r\n" + bytes(100_000))
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert machine.judge.calls[0].body == bytes(100_000)


@BOTH
def test_chunked_bodies_and_trailers_are_read(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    sock.sendall(
        b"POST /x HTTP/1.1\r\nHost: api.example\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
    )
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert machine.judge.calls[0].body == b"abcde"


@BOTH
def test_expect_100_continue_is_answered_before_the_body(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 100 ")
    sock.sendall(b"hi")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    assert machine.judge.calls[0].body == b"hi"


@BOTH
def test_pipelined_requests_are_answered_one_after_the_other(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    machine.judge.decide = lambda call: tools.stubbed(call.path.encode())(call)
    requests = b"".join(
        b"POST /%d HTTP/1.1\r\nHost: api.example\r\nContent-Length: 3\r\n\r\nabc" % number for number in range(20)
    )
    answer = tools.exchange(sock, requests + b"GET /last HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert [call.path for call in machine.judge.calls] == [*(f"/{number}" for number in range(20)), "/last"]
    assert answer.count(b"HTTP/1.1 200 ") == 21
    assert answer.endswith(b"/last")


@BOTH
def test_a_request_in_single_bytes_is_the_same_request(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    for byte in b"POST /slow?x=1 HTTP/1.1\r\nHost: api.example\r\nContent-Length: 2\r\n\r\nhi":
        sock.sendall(bytes([byte]))
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")
    [call] = machine.judge.calls
    assert (call.method, call.path, call.query, call.body) == ("POST", "/slow", "x=1", b"hi")


@BOTH
def test_head_has_a_length_and_no_body(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    machine.judge.decide = tools.stubbed(b"body")
    answer = tools.exchange(sock, b"HEAD /x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"content-length: 4" in answer
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_replies_without_a_body_end_after_their_head(machine, tools, status):
    sock = opened(machine, tools, False)
    machine.judge.decide = tools.stubbed(b"", status)
    answer = tools.exchange(sock, b"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert b"content-length" not in answer
    assert answer.endswith(b"\r\n\r\n")


def test_http_1_0_closes_unless_asked_to_stay(machine, tools):
    sock = opened(machine, tools, False)
    answer = tools.exchange(sock, b"GET /x HTTP/1.0\r\nHost: api.example\r\n\r\n")
    assert b"connection: close" in answer
    kept = opened(machine, tools, False)
    for _ in range(2):
        kept.sendall(b"GET /x HTTP/1.0\r\nHost: api.example\r\nConnection: keep-alive\r\n\r\n")
        assert b" 200 " in kept.recv(65536)


@BOTH
@pytest.mark.parametrize("upgrade", ["something", "irc/6.9"])
def test_an_upgrade_that_cannot_be_judged_is_501(machine, tools, forwards, upgrade):
    sock = opened(machine, tools, forwards)
    sock.sendall(
        f"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: Upgrade\r\nUpgrade: {upgrade}\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert sock.recv(65536).startswith(b"HTTP/1.1 501 ")
    assert machine.judge.violations == ["unsupported"]
    assert machine.sentinel.connections == 0


@BOTH
def test_an_h2c_offer_is_answered_in_http_1(machine, tools, forwards):
    sock = opened(machine, tools, forwards)
    sock.sendall(b"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_http_2_without_tls_is_refused_and_recorded_where_something_may_be_allowed(machine, tools):
    machine.judge.forwards = lambda _host: True
    connection = h2.connection.H2Connection()
    connection.initiate_connection()
    assert tools.exchange(machine.tunnel("api.example:80"), connection.data_to_send()) == b""
    assert machine.judge.violations == ["unsupported"]


def test_http_2_without_tls_is_answered_where_nothing_may_be_allowed(machine, tools):
    machine.judge.decide = tools.stubbed()
    client = h2.connection.H2Connection()
    client.initiate_connection()
    headers = [(":method", "GET"), (":scheme", "http"), (":authority", "api.example"), (":path", "/x")]
    client.send_headers(1, headers, end_stream=True)
    sock = machine.tunnel("api.example:80")
    sock.sendall(client.data_to_send())
    sock.settimeout(5)
    heard = []
    while not any(isinstance(event, h2.events.StreamEnded) for event in heard):
        heard += client.receive_data(sock.recv(65536))
    assert machine.judge.calls[0].http_version == "2.0"
    assert machine.sentinel.connections == 0


def test_a_stub_s_header_that_would_split_the_reply_is_a_500(machine, tools):
    sock = opened(machine, tools, False)
    bad = tools.deny(200, "x")
    machine.judge.decide = lambda call: tools.stubbed()(call).__class__(
        "c", tools.stubbed()(call).verdict, bad.__class__(200, (("x", "a\r\nEvil: 1"),), b"")
    )
    answer = tools.exchange(sock, b"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b"Evil" not in answer
    assert "internal" in machine.judge.violations


def test_a_denial_of_ours_has_the_fixed_shape(machine, tools):
    """Where the judge itself gives nothing to say."""
    sock = opened(machine, tools, False)

    def explode(_call):
        raise ValueError("a bug")

    machine.judge.decide = explode
    answer = tools.exchange(sock, b"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-childproof: deny" in head
    assert set(json.loads(body)["error"]) == {"type", "rule", "reason", "call", "hint"}
    assert json.loads(body)["error"]["type"] == "childproof_denied"


def test_a_plain_proxy_request_needs_an_absolute_uri(machine, tools):
    machine.judge.decide = tools.stubbed()
    answer = tools.exchange(machine.raw(), b"GET /x HTTP/1.1\r\nHost: api.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert machine.judge.violations == ["malformed"]


@pytest.mark.parametrize(
    "first", [b"\x00\x01\x02", b"\x16\x03\x01\x02\x00\x01\x00\x01", b"hello\r\n", b"\x04\x01\x00\x50"]
)
def test_nonsense_on_a_proxy_port_is_reset_and_recorded(machine, tools, first):
    assert tools.exchange(machine.raw(), first) == b""
    assert machine.judge.violations == ["malformed"]


def test_a_connect_with_a_body_is_refused(machine, tools):
    answer = tools.exchange(
        machine.raw(), b"CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\nContent-Length: 5\r\n\r\nhello"
    )
    assert answer.startswith(b"HTTP/1.1 400 ")


@BOTH
def test_raw_bytes_in_a_path_are_malformed(machine, tools, forwards):
    """Rules compare percent-encoded paths; a server that reads raw bytes would see another one."""
    sock = opened(machine, tools, forwards)
    assert tools.exchange(sock, "GET /é HTTP/1.1\r\nHost: api.example\r\n\r\n".encode()).startswith(b"HTTP/1.1 400 ")


@BOTH
def test_a_length_said_twice_alike_is_one_length_to_us_and_is_not_forwarded_twice(machine, tools, forwards):
    """RFC 9112, section 6.3, lets a server take it for one."""
    sock = opened(machine, tools, forwards)
    sock.sendall(b"POST /x HTTP/1.1\r\nHost: api.example\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\nabcd")
    answer = sock.recv(65536)
    assert answer[9:12] == (b"400" if forwards else b"200")
    assert machine.sentinel.connections == 0


def test_a_client_that_never_finishes_is_given_up(machine, tools):
    """The sweep is called with a clock of the test's own: nothing here waits."""
    sock = opened(machine, tools, False)
    sock.sendall(b"GET /x HTTP/1.1\r\nHost:")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:

        async def sweep():
            machine.capture._intake.sweep(time.monotonic() + 1000)
            return len(machine.capture._intake)

        if machine.run(sweep()) == 0:
            break
        time.sleep(0.01)
    assert tools.exchange(sock, b"") == b""


def test_malformed_http_2_leaves_an_entry(machine, tools):
    machine.judge.decide = tools.stubbed()
    sock = machine.secure("api.example:443", "h2")
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    headers_that_are_none = b"\x00\x00\x04\x01\x05\x00\x00\x00\x01" + b"\xff" * 4
    tools.exchange(sock, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings + headers_that_are_none)
    assert machine.judge.violations == ["malformed"]


def test_http_2_bodies_are_bounded_together(machine, tools):
    machine.judge.decide = tools.stubbed()
    machine.judge.max_body = 20_000
    sock = machine.secure("api.example:443", "h2")
    client = h2.connection.H2Connection()
    client.initiate_connection()
    streams = range(1, 41, 2)
    for stream in streams:
        headers = [(":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", f"/{stream}")]
        client.send_headers(stream, headers)
    sock.sendall(client.data_to_send())
    sock.settimeout(5)
    statuses = set()
    for _round in range(20):
        for stream in streams:
            try:
                if client.local_flow_control_window(stream) > 1000:
                    client.send_data(stream, bytes(1000))
            except h2.exceptions.ProtocolError:
                continue
        sock.sendall(client.data_to_send())
        sock.settimeout(0.2)
        try:
            received = client.receive_data(sock.recv(65536))
        except TimeoutError:
            continue
        statuses |= {
            dict(event.headers)[b":status"] for event in received if isinstance(event, h2.events.ResponseReceived)
        }
        sock.sendall(client.data_to_send())
    assert b"413" in statuses
    assert "body_too_large" in machine.judge.violations
