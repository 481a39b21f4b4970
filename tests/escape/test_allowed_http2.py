"""Allowed calls over HTTP/2: what was judged is all that leaves, and credentials are put in and masked as over HTTP/1."""

import time

import h2.config
import h2.connection
import h2.events
import pytest

from childproof.model import Action, Forward, Hidden, Injection, Outcome, Verdict

HEADERS = [(":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", "/x")]
REAL = "real-credential-9f8e7d6c"
ECHO = (
    b"HTTP/1.1 200 OK\r\nconnection: close\r\nx-echo: " + REAL.encode() + b"\r\ntransfer-encoding: chunked\r\n\r\n"
    b"6\r\nreal-c\r\n12\r\nredential-9f8e7d6c\r\n0\r\n\r\n"
)


@pytest.fixture
def open_machine(machine, tools):
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    return machine


def ask(machine, *extra, body=b"body", trailers=None):
    """One request over HTTP/2: its status, headers and body."""
    sock = machine.secure("api.example:443", "h2")
    client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    client.initiate_connection()
    client.send_headers(1, [*HEADERS, *extra])
    client.send_data(1, body, end_stream=trailers is None)
    if trailers is not None:
        client.send_headers(1, trailers, end_stream=True)
    sock.sendall(client.data_to_send())
    headers, got = {}, b""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        data = sock.recv(65536)
        assert data, "the connection ended"
        for event in client.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                headers = dict(event.headers)
            elif isinstance(event, h2.events.DataReceived):
                got += event.data
                client.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, h2.events.StreamEnded):
                sock.close()
                return headers, got
        sock.sendall(client.data_to_send())
    raise TimeoutError


def test_trailers_of_a_request_do_not_leave(open_machine):
    """Neither rules nor the leak guard have seen them."""
    headers, got = ask(open_machine, trailers=[("x-late", "smuggled")])
    assert (headers[":status"], got) == ("200", b"upstream")
    assert b"smuggled" not in b"".join(open_machine.sentinel.requests)
    assert open_machine.sentinel.requests[0].startswith(b"POST /x ")


def test_a_credential_is_put_in_and_masked(open_machine):
    """In the reply's headers and across its chunks; what the judge saw has the placeholder."""
    secret = Injection("CHILDPROOF_TOKEN", "authorization", Hidden(REAL))

    def decide(call):
        forward = Forward(call.host, call.port, secrets=(secret,))
        return Outcome("c", Verdict(Action.ALLOW, "r", "x"), forward=forward)

    open_machine.judge.decide = decide
    open_machine.sentinel.answer = ECHO
    headers, got = ask(open_machine, ("authorization", "Bearer CHILDPROOF_TOKEN"))
    assert f"Bearer {REAL}".encode() in open_machine.sentinel.requests[0]
    assert (headers["x-echo"], got) == ("*" * len(REAL), b"*" * len(REAL))
    assert open_machine.judge.calls[-1].header("authorization") == "Bearer CHILDPROOF_TOKEN"


def test_a_kept_alive_connection_gives_no_credential_to_a_call_without_one(open_machine):
    """The upstream connection is the same; each call has its own permission."""
    secret = Injection("CHILDPROOF_TOKEN", "authorization", Hidden(REAL))

    def decide(call):
        secrets = (secret,) if call.path == "/with" else ()
        return Outcome("c", Verdict(Action.ALLOW, "r", "x"), forward=Forward(call.host, call.port, secrets=secrets))

    open_machine.judge.decide = decide
    connection = open_machine.https()
    for path in ("/with", "/without", "/with"):
        connection.request("GET", path, headers={"Authorization": "CHILDPROOF_TOKEN"})
        connection.getresponse().read()
    assert [REAL.encode() in request for request in open_machine.sentinel.requests] == [True, False, True]
    assert open_machine.sentinel.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n" + REAL.encode() + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nconnection: close\r\nx-echo: " + REAL[:-2].encode(),
    ],
)
def test_a_broken_reply_is_not_quoted_where_a_credential_went_out(open_machine, answer):
    """mitmproxy's words for it would tell the sandbox, and the record, what stood in it."""
    secret = Injection("CHILDPROOF_TOKEN", "authorization", Hidden(REAL))
    open_machine.judge.decide = lambda call: Outcome(
        "c", Verdict(Action.ALLOW, "r", "x"), forward=Forward(call.host, call.port, secrets=(secret,))
    )
    open_machine.sentinel.answer = answer
    connection = open_machine.https()
    connection.request("GET", "/", headers={"Authorization": "CHILDPROOF_TOKEN"})
    reply = connection.getresponse()
    said = reply.read()
    assert (reply.status, REAL[:-2].encode() in said) == (502, False)
    assert REAL.encode() in open_machine.sentinel.requests[0]
    assert REAL[:-2] not in repr(open_machine.judge.settled)
