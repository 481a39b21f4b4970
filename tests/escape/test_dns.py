"""Names: every query is answered here, whoever is asked and however, and stands in the ledger with its data."""

import pytest

from tests.escape.beside import Seen

pytestmark = pytest.mark.sealed

SECRET = "c4nary-0f-the-test"
QUERIES = {
    "dns_a": ("1 answers", f"DNS A {SECRET}.a.tunnel.example"),
    "dns_txt": ("0 answers", f"DNS TXT {SECRET}.txt.tunnel.example"),
    "dns_null": ("0 answers", f"DNS NULL {SECRET}.null.tunnel.example"),
    "dns_svcb": ("0 answers", f"DNS SVCB {SECRET}.svcb.tunnel.example"),
    "dns_https": ("0 answers", f"DNS HTTPS {SECRET}.https.tunnel.example"),  # no ECH keys, no hint at HTTP/3
    "dns_any": ("0 answers", f"DNS ANY {SECRET}.any.tunnel.example"),
    "dns_axfr": ("0 answers", f"DNS AXFR {SECRET}.axfr.tunnel.example"),
    "a_direct_resolver": ("0 answers", f"DNS TXT {SECRET}.direct.example"),
    "the_stub_resolver": ("0 answers", f"DNS TXT {SECRET}.stub.example"),
    "long_labels": ("0 answers", "DNS TXT " + "a" * 63 + "." + "b" * 63 + ".long.example"),
}


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_answered_here_and_recorded_with_its_data(network: Seen, name: str) -> None:
    answer, entry = QUERIES[name]
    assert network.answers[name] == f"code 0, {answer}"
    assert len(network.recorded(entry)) == 1
    assert network.frames == []


def test_dns_over_tcp_likewise(network: Seen) -> None:
    assert network.answers["dns_over_tcp"] is True
    assert network.recorded(f"DNS TXT {SECRET}.overtcp.example")


@pytest.mark.parametrize(
    ("name", "answer", "entry"),
    [
        ("dns_over_tls", "ConnectionResetError", "TCP 9.9.9.9:853"),
        ("dns_over_quic", "ConnectionRefusedError", "UDP 203.0.113.32:853"),
        ("doh_by_name", "403", "GET https://dns.google/dns-query"),
        ("doh_by_address", "403", "GET https://1.1.1.1/dns-query"),
    ],
)
def test_encrypted_ways_to_a_resolver_are_calls_like_any_other(
    network: Seen, name: str, answer: str, entry: str
) -> None:
    assert network.answers[name].startswith(answer)
    assert [found.verdict for found in network.recorded(entry)] == ["deny"]


def test_names_have_addresses_that_are_nobodys(network: Seen) -> None:
    addresses = network.answers["the_c_librarys_resolver"]
    assert [address.partition(".")[0].partition(":")[0] for address in addresses] == ["100", "198"]
    assert network.recorded("DNS A getaddrinfo.example")


def test_what_is_no_query_is_an_entry(network: Seen) -> None:
    assert network.recorded("is not a standard query")


def test_no_name_is_resolved_outside(network: Seen) -> None:
    """Of the stubbed, of the denied, of none: the sinkhole would have seen the query."""
    assert {entry.upstream.dns for entry in network.entries} == {0}
    assert network.frames == []
