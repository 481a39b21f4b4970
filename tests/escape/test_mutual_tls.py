"""A host that wants to know its client: childproof has no certificate of the client's to show, and passes nothing through."""

import ssl


def test_a_host_that_wants_a_client_certificate_gets_none_of_the_request(machine, tools):
    """The client offers its own, which we never ask for; the host asks us, and hears nothing of the call."""
    machine.judge.decide = tools.allow
    machine.judge.forwards = lambda host: True
    context = machine.sentinel.leaves.context_for("secure.example")  # the one that its server begins with
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(str(machine.ca.cert_pem))
    sock = machine.secure("api.example:443", "http/1.1")
    answer = tools.exchange(sock, b"GET /x HTTP/1.1\r\nHost: api.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert (machine.sentinel.requests, machine.sentinel.received) == ([], 0)
    assert [call.target for call in machine.judge.calls] == ["GET https://api.example/x"]
    [(_, upstream, _, error)] = machine.judge.settled
    assert upstream.connections == 1
    assert error
