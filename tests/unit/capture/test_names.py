"""The name table: an address never means two names while anybody may hold it."""

import ipaddress

import pytest

from childproof.capture.names import CAPACITY, HOLD, IPV4, IPV6, NamesExhausted, NameTable
from childproof.model import HostError, is_global


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_name_and_its_addresses_lead_to_each_other(clock: Clock) -> None:
    """Both families lead back to the canonical name, whatever spelling was asked for."""
    table = NameTable(clock)
    four, six = table.address_for("API.Stripe.com.", 4), table.address_for("api.stripe.com", 6)
    assert ipaddress.ip_address(four) in IPV4
    assert ipaddress.ip_address(six) in IPV6
    assert table.name_for(four) == table.name_for(six) == "api.stripe.com"
    assert table.name_for(f"::ffff:{four}") == "api.stripe.com"
    assert len(table) == 1


def test_names_have_addresses_of_their_own(clock: Clock) -> None:
    table = NameTable(clock)
    assert len({table.address_for(f"h{n}.example", 4) for n in range(1000)}) == 1000


def test_addresses_of_names_are_never_public() -> None:
    """Even with every check gone wrong, dialling one could not reach anybody."""
    for network in (IPV4, IPV6):
        assert not is_global(network[1])
        assert not is_global(network[CAPACITY])


@pytest.mark.parametrize("address", ["198.18.0.9", "100::9", "203.0.113.7", "127.0.0.1", "nonsense", ""])
def test_what_is_not_tied_has_no_name(clock: Clock, address: str) -> None:
    table = NameTable(clock)
    table.address_for("a.example", 4)
    assert table.name_for(address) is None


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "db.localhost"])
def test_local_names_get_loopback(clock: Clock, name: str) -> None:
    table = NameTable(clock)
    assert table.address_for(name, 4) == "127.0.0.1"
    assert table.address_for(name, 6) == "::1"
    assert len(table) == 0


@pytest.mark.parametrize("name", ["", "a b.example", "x\0.example", "127.0.0.1", "0x7f.1", "[::1]", "a..b", "a" * 64])
def test_what_is_no_name_gets_no_address(clock: Clock, name: str) -> None:
    with pytest.raises(HostError):
        NameTable(clock).address_for(name, 4)


def test_a_full_table_refuses_new_names_and_keeps_the_old_ones(clock: Clock) -> None:
    table = NameTable(clock, capacity=2)
    first = table.address_for("a.example", 4)
    table.address_for("b.example", 4)
    clock.now = HOLD - 1
    with pytest.raises(NamesExhausted):
        table.address_for("c.example", 4)
    assert table.name_for(first) == "a.example"


def test_the_name_asked_for_longest_ago_gives_way_when_nobody_can_hold_it(clock: Clock) -> None:
    table = NameTable(clock, capacity=2)
    first = table.address_for("a.example", 4)
    second = table.address_for("b.example", 4)
    clock.now = HOLD
    table.address_for("a.example", 4)  # asked again: b is the oldest now
    assert table.address_for("c.example", 4) == second
    assert (table.peek(first), table.peek(second)) == ("a.example", "c.example")


def test_a_dialled_address_is_tied_for_good(clock: Clock) -> None:
    """A client may hold on to it for as long as it likes."""
    table = NameTable(clock, capacity=1)
    address = table.address_for("a.example", 4)
    table.name_for(address)
    clock.now = HOLD * 1000
    with pytest.raises(NamesExhausted):
        table.address_for("b.example", 4)
    assert table.name_for(address) == "a.example"
    assert table.address_for("a.example", 4) == address


def test_looking_without_dialling_does_not_pin(clock: Clock) -> None:
    table = NameTable(clock, capacity=1)
    address = table.address_for("a.example", 4)
    assert table.peek(address) == "a.example"
    clock.now = HOLD
    assert table.address_for("b.example", 4) == address


def test_the_table_holds_what_it_promises(clock: Clock) -> None:
    table = NameTable(clock)
    assert len({table.address_for(f"{n}.example", 4) for n in range(CAPACITY)}) == CAPACITY
    with pytest.raises(NamesExhausted):
        table.address_for("one.too.many.example", 4)


def test_a_restarted_proxy_gives_the_same_addresses(clock: Clock) -> None:
    """A client that cached one before must not reach another name by it, whatever is asked for first afterwards."""
    names = [f"h{n}.example" for n in range(200)]
    before, after = NameTable(clock), NameTable(clock)
    told = {name: before.address_for(name, 4) for name in names}
    again = {name: after.address_for(name, 4) for name in reversed(names)}
    moved = [name for name in names if again[name] != told[name]]
    assert len(moved) <= 2, "two names of two hundred may have the same first choice"
    fresh = NameTable(clock)
    fresh.address_for("other.example", 4)
    assert fresh.name_for(told["h0.example"]) is None
