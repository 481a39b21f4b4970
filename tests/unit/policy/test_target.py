"""Calls as people write them, read back from what `Call.target` prints."""

import pytest

from childproof.model import Protocol
from childproof.policy.target import TargetError, parse_target


@pytest.mark.parametrize(
    "text",
    [
        "POST https://api.stripe.com/v1/charges",
        "GET http://a.example:8080/",
        "PROPFIND https://[2001:db8::1]/x",
        "SMTP smtp.gmail.com:587",
        "TCP 203.0.113.7:4444",
        "TCP [2001:db8::1]:22",
        "UDP 203.0.113.7:443",
        "DNS A example.com",
        "DNS TXT example.com",
    ],
)
def test_a_target_reads_back_as_the_call_that_prints_it(text: str) -> None:
    assert parse_target(text).target == text


def test_defaults() -> None:
    bare = parse_target("https://API.example.com")
    assert (bare.method, bare.host, bare.port, bare.path, bare.tls) == ("GET", "api.example.com", 443, "/", True)
    assert parse_target("SMTP mx.example").port == 25
    assert parse_target("DNS example.com").method == "A"
    asked = parse_target("GET http://a.example/x%2fy/../z?q=1&r=2#part")
    assert (asked.path, asked.query, asked.protocol) == ("/x%2fy/../z", "q=1&r=2", Protocol.HTTP)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "GET",
        "example.com",
        "GET ftp://a.example/",
        "GET https://user@a.example/",
        "GET https://a.example:0/",
        "GET https://a.example:99999/",
        "GET https:///x",
        "get https://a.example/",
        "GET https://a.example/ more",
        "TCP a.example",
        "TCP a b:5",
        "DNS A TXT example.com",
        "DNS bad_host:5",
    ],
)
def test_what_is_no_call_is_refused(text: str) -> None:
    with pytest.raises(TargetError):
        parse_target(text)
