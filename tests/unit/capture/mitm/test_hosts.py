"""The names in one request, as a table."""

import pytest

from childproof.capture.mitm.hosts import disagreement, host_and_port, split_authority, stranger
from childproof.model import HostError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("example.com", ("example.com", None)),
        ("EXAMPLE.com.:8080", ("example.com", 8080)),
        ("[::1]:443", ("::1", 443)),
        ("[2001:DB8::1]", ("2001:db8::1", None)),
        ("0x7f.1:80", ("127.0.0.1", 80)),
        ("[::ffff:1.2.3.4]:80", ("1.2.3.4", 80)),
        ("bücher.example", ("xn--bcher-kva.example", None)),
    ],
)
def test_an_authority_is_split_and_normalised(text, expected):
    assert split_authority(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":80", "a:", "a:0", "a:65536", "a:+80", "a: 80", "a:80:80", "::1", "[::1", "[1.2.3.4]", "[a]:80", "u@a:80", "a\x00b", "a/b",
     "a\\b", "a b", "[::1]x", "fe80::1%eth0", "a:\uff18\uff10"],
)  # fmt: skip
def test_what_two_parsers_might_read_differently_is_refused(text):
    with pytest.raises(HostError):
        split_authority(text)


def test_a_connect_target_needs_a_port():
    with pytest.raises(HostError, match="no port"):
        host_and_port("example.com")


@pytest.mark.parametrize(
    ("claim", "kind"),
    [
        ("api.example", None),
        ("API.example.:443", None),
        ("evil.example", "host_mismatch"),
        ("sub.api.example", "host_mismatch"),
        ("api.example:8443", "host_mismatch"),
        ("api example", "bad_host"),
        ("", "bad_host"),
    ],
)
def test_a_claim_agrees_or_says_how_it_does_not(claim, kind):
    found = disagreement("api.example", 443, [("the SNI", claim)])
    assert (found.kind if found else None) == kind
    if kind == "host_mismatch":
        assert "the SNI says" in found.reason


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("127.0.0.1:80", True), ("[::1]", True), ("localhost", True), ("a.localhost:1", True), ("stripe-mock:12111", True),
        ("api.stripe.com", True), ("API.STRIPE.COM.", True), ("eu.pay.example", True),
        ("evil.example", False), ("pay.example", False), ("api.stripe.com.evil.example", False), ("localhost.evil.example", False),
        ("a b", False), ("", False),
    ],
)  # fmt: skip
def test_a_stubs_own_address_is_called_by_names_that_nobody_else_gives(host: str, *, taken: bool) -> None:
    assert (stranger("api.stripe.com,*.pay.example", [("the Host header", host)]) is None) == taken
