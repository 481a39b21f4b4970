"""One spelling for each host, and no text that two parsers might read differently."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from childproof.model import HostError, matches_pattern, normalize_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("api.stripe.com", "api.stripe.com"),
        ("API.Stripe.COM.", "api.stripe.com"),
        ("_dmarc.example.com", "_dmarc.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--BCHER-KVA.example", "xn--bcher-kva.example"),
        ("_dmarc.xn--bcher-kva.example", "_dmarc.xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("\uff45xample.com", "example.com"),
        ("a\u3002b.example", "a.b.example"),
        ("r3---sn-4g5e6nzs.example", "r3---sn-4g5e6nzs.example"),
        ("localhost", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("[::ffff:7f00:1]", "127.0.0.1"),
    ],
)
def test_every_spelling_of_a_host_has_one_canonical_form(text: str, host: str) -> None:
    assert normalize_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "1.2.3.4..",
        "attacker.example\x00.google.com",
        "a\r\nb.example",
        "a b",
        " a",
        "a\t",
        "user@host.example",
        "host.example:443",
        "host.example/path",
        "host\\.example",
        "*.example.com",
        "-a.example",
        "a-.example",
        "a" * 64 + ".example",
        "a." * 127 + "example",
        "fe80::1%eth0",
        "[fe80::1%25eth0]",
        "[::1",
        "[1.2.3.4]",
        "[example.com]",
        "1.2.3.4.5",
        "256.1.1.1",
        "08.1.1.1",
        "4294967296",
        "example.123",
        "example.0x1",
        "\uff11\uff12\uff17.0.0.1",
        "xn--",
        "xn--a.example",
        "xn--zzzzzz99999999.example",
        "\u200d.example",
        "ex\udc80ample",
        "::ffff:1.2.3.256",
    ],
)
def test_what_two_parsers_might_read_differently_is_no_host(text: str) -> None:
    with pytest.raises(HostError) as caught:
        normalize_host(text)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@given(st.text(max_size=80))
@example("\u2167.example")
@example("\u01c5.example")
def test_a_normalised_host_is_ascii_and_normalises_to_itself(text: str) -> None:
    try:
        host = normalize_host(text)
    except HostError:
        return
    assert host.isascii()
    assert host == host.lower()
    assert normalize_host(host) == host
    assert not set(host) & set(" /\\@%?#\x00\r\n\t")


@given(st.ip_addresses(v=4))
def test_all_spellings_of_an_ipv4_address_are_the_address(address: ipaddress.IPv4Address) -> None:
    a, b, c, d = address.packed
    for text in (
        str(address),
        str(int(address)),
        hex(int(address)),
        f"0{int(address):o}",
        f"0x{a:x}.{b}.0{c:o}.{d}",
        f"{a}.{b * 65536 + c * 256 + d}",
        f"{a}.{b}.{c * 256 + d}",
        f"::ffff:{address}",
    ):
        assert normalize_host(text) == str(address)


@given(st.ip_addresses(v=6))
def test_all_spellings_of_an_ipv6_address_are_the_address(address: ipaddress.IPv6Address) -> None:
    host = normalize_host(address.exploded.upper())
    assert host == str(address.ipv4_mapped or address)
    assert normalize_host(f"[{address}]") == host


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("stripe.com", "stripe.com", True),
        ("stripe.com", "api.stripe.com", False),
        ("*.stripe.com", "api.stripe.com", True),
        ("*.stripe.com", "a.b.stripe.com", True),
        ("*.stripe.com", "stripe.com", False),
        ("*.stripe.com", ".stripe.com", False),
        ("*.stripe.com", "evilstripe.com", False),
        ("*.stripe.com", "stripe.com.evil.example", False),
        ("*", "anything.example", True),
        ("*", "127.0.0.1", True),
    ],
)
def test_a_host_pattern_matches_whole_labels(pattern: str, host: str, fits: bool) -> None:  # noqa: FBT001
    assert matches_pattern(pattern, host) is fits
