"""Protocols within an allowed-looking connection: each is refused in its own words, and recorded as what it is."""

import pytest

from tests.escape.beside import Seen

pytestmark = pytest.mark.sealed

SEALED = {
    "websocket": ("HTTP/1.1 501", "GET http://203.0.113.40/ · WebSocket"),
    "h2c_upgrade": ("HTTP/1.1 403", "GET http://203.0.113.41/"),
    "h2c_by_prior_knowledge": ("reset", "HTTP/2 without TLS"),
    "grpc": ("403", "POST https://grpc.example/pkg.Service/Call"),
    "server_sent_events": ("403", "GET http://events.example/stream"),
    "expect_100_continue": ("HTTP/1.1 100", "POST http://expect.example/"),
    "request_trailers": ("HTTP/1.1 403", "POST http://trailers.example/"),
    "a_client_that_trusts_nobody": ("SSLCertVerificationError", "TCP distrust.example:443"),
    "an_unknown_alpn": ("ConnectionResetError", "acme-tls/1"),
    "nested_connect": ("HTTP/1.1 405", "CONNECT http://proxy.example inner.example:443"),
    "a_tunnel_within_tls": ("HTTP/1.1 400", "https://tunnel.example/ · malformed HTTP: no request line"),
    "a_socks_proxy_somewhere": ("reset", "TCP 203.0.113.43:1080"),
    "smtp_starttls_with_commands_behind_it": ("220", "SMTP smtp.example:587"),
}


@pytest.mark.parametrize("name", SEALED)
def test_a_protocol_is_refused_and_recorded(network: Seen, name: str) -> None:
    answer, entry = SEALED[name]
    assert network.answers[name].startswith(answer), network.answers[name]
    assert [found.verdict for found in network.recorded(entry)] == ["deny"]
    assert network.frames == []


def test_a_client_with_a_pin_leaves_an_entry_though_it_sends_no_request(network: Seen) -> None:
    """It saw our certificate, and went: never passed through, and not for nothing."""
    assert network.answers["a_pinned_certificate"] is True
    [entry] = network.recorded("TCP pinned.example:443")
    assert (entry.verdict, entry.upstream.connections) == ("deny", 0)


def test_a_canary_leaves_in_none_of_its_disguises(network: Seen) -> None:
    """In a name, a path, a query, a header, a body in halves, a file's name: all of it denied and told."""
    assert network.answers["canary_in_many_places"] == ["403"] * 4
    assert network.recorded("GET https://c4nary-0f-the-test.example/c4nary-0f-the-test")
    assert len(network.recorded("POST http://split.example/")) == 2
    assert network.recorded("POST http://form.example/")
    assert network.frames == []
