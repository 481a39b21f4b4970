"""Which addresses an `allow` may dial without naming them: the public internet and nothing else."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from childproof.model import is_global, parse_address
from childproof.model.address import embedded_ipv4


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are_global(text: str) -> None:
    assert is_global(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "203.0.113.7",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::8.8.8.8",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ],
)
def test_local_reserved_and_metadata_addresses_are_not_global(text: str) -> None:
    assert not is_global(ipaddress.ip_address(text))


def test_a_scoped_address_is_not_global() -> None:
    assert not is_global(ipaddress.ip_address("2606:4700::1111%eth0"))


@given(st.ip_addresses(v=4))
def test_an_ipv6_form_is_never_more_public_than_the_ipv4_address_inside(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for form in (
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ):
        assert embedded_ipv4(form) == address
        if not is_global(address):
            assert not is_global(form)


@given(st.text(max_size=60))
def test_parsing_never_raises(text: str) -> None:
    parse_address(text)


@pytest.mark.parametrize(
    "text", ["", ".", "1.2.3.4.5", "0x100000000", "9" * 5000, "08", "1e3", "+1", "1_000", "\u0661"]
)
def test_almost_addresses_are_none(text: str) -> None:
    assert parse_address(text) is None
