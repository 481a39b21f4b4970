"""What `childproof init` means to install, as data, and how what the kernel tells is compared and read."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest

from childproof.cli import init as command
from childproof.cli.main import main
from childproof.model import replace
from childproof.sandbox.addresses import name_servers, parse_address
from childproof.sandbox.fence import egress, initiating, redirection, refusals
from childproof.sandbox.fence.redirection import Redirection
from childproof.sandbox.fence.refusaltables import RefusalTables
from childproof.sandbox.netfilter import nft
from childproof.sandbox.netfilter.netlink import attribute, contains, nest, text

RESOLVER = IPv4Address("10.0.0.53")
SHARED = Redirection(resolvers=(RESOLVER,))


def chain(wanted, name):
    return next(found for found in redirection.chains(wanted) if found.name == name)


def holding(found, *expressions):
    """The rules of a chain that hold all of these expressions."""
    return [rule for rule in found.rules if all(one in rule for one in expressions)]


def test_whatever_leaves_a_device_is_dropped_unless_a_rule_lets_it():
    for name in ("leaving", "last", "passing"):
        assert chain(SHARED, name).policy == nft.DROP
    assert all(found.policy == nft.DROP for found in egress.chains(["eth0", "eth1"]))
    assert [found.device for found in egress.chains(["eth0", "eth1"])] == ["eth0", "eth1"]


def test_nobody_leaves_means_that_no_rule_names_a_user_that_may():
    """What is left of users are the refusals of all of them."""
    alone = replace(SHARED, uid=None)
    owned = nft.owner(redirection.PROXY_UID)
    assert any(holding(found, *owned) for found in redirection.chains(SHARED))
    assert not any(holding(found, *owned) for found in redirection.chains(alone))
    assert not holding(chain(alone, "last"), *nft.destination(RESOLVER.packed, 32))


def test_the_proxy_asks_its_resolvers_and_no_others():
    other = replace(SHARED, resolvers=(RESOLVER, IPv6Address("fd00::53")))
    udp = [*nft.owner(redirection.PROXY_UID), *nft.protocol(17), *nft.port(53), *nft.accept()]
    assert len(holding(chain(SHARED, "last"), *udp)) == 1
    assert len(holding(chain(other, "last"), *udp)) == 2
    assert not holding(chain(replace(SHARED, resolvers=()), "last"), *udp)


def test_what_no_socket_sends_goes_on_with_a_connection_and_begins_none():
    """A kernel socket (SMC's, say) has no user that can be matched, and an old flow of the proxy's still has its mark."""
    marked = nft.marked(redirection._OUT)
    for name in ("leaving", "last"):
        found = holding(chain(SHARED, name), *marked, *nft.accept())
        assert found
        assert found == holding(chain(SHARED, name), *marked, *nft.opens_connection(yes=False))


def test_of_a_proxy_elsewhere_nothing_is_reached_but_its_two_ports():
    """Whatever the nat chain did; unless the port that was wanted is kept."""
    elsewhere = replace(SHARED, uid=None, to=(RESOLVER,), to_port=15001)
    there = [*nft.destination(RESOLVER.packed, 32), *nft.protocol(6), *nft.accept()]
    for name in ("leaving", "last"):
        found = holding(chain(elsewhere, name), *there)
        assert [
            rule for port in (15001, 15053) for rule in holding(chain(elsewhere, name), *there, *nft.port(port))
        ] == found
        assert len(found) == 2
        assert len(holding(chain(replace(elsewhere, to_port=0), name), *there)) == 1


def test_docker_nat_comes_after_ours():
    """The first to decide about a flow wins, and Docker's own resolver stands behind nat at the usual priority."""
    assert chain(SHARED, "redirect").priority < nft.PRIORITY_NAT


def test_one_table_of_flows_for_each_protocol_with_whole_addresses():
    four, six = refusals.chains(SHARED)
    assert (four.family, six.family) == (nft.FAMILY_IPV4, nft.FAMILY_IPV6)
    for found, prefix in ((four, 32), (six, 128)):
        names = [b"cp-udp", b"cp-sctp", b"cp-ip\0"]
        rules = b"".join(expression for rule in found.rules for expression in rule)
        assert all(name in rules for name in names)
        assert struct.pack("=BB", prefix, prefix) in rules


@pytest.mark.parametrize(
    ("found", "held"),
    [
        (attribute(1, b"a") + attribute(2, b"b"), True),
        (attribute(9, b"of the kernel's own") + attribute(2, b"b") + attribute(1, b"a"), True),
        (attribute(1, b"a"), False),
        (attribute(1, b"a") + attribute(2, b"c"), False),
        (attribute(1, b"a") + attribute(2, b"b") + attribute(2, b"b"), False),
        (b"", False),
    ],
)
def test_what_the_kernel_tells_must_hold_all_that_was_meant(found, held):
    assert contains(found, attribute(1, b"a") + attribute(2, b"b")) is held


def test_nests_are_compared_whether_or_not_the_kernel_flags_them():
    meant = nest(4, nest(1, text(1, "cmp"), nest(2, attribute(3, b"x"))), nest(1, text(1, "redir"), nest(2)))
    told = attribute(
        4, attribute(1, text(1, "cmp") + attribute(2, attribute(3, b"x"))) + attribute(1, text(1, "redir"))
    )
    assert contains(told, meant)
    assert not contains(told.replace(b"x", b"y"), meant)
    assert not contains(meant, nest(4, nest(1, text(1, "cmp"))))


def test_resolv_conf_names_its_servers():
    written = "# a comment\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nnameserver x\nnameserver 10.0.0.53\noptions a\nnameserver\n"
    assert name_servers(written) == (RESOLVER, IPv6Address("fe80::1"))
    assert parse_address("10.1") is parse_address("") is parse_address("host") is parse_address("1.2.3.4\0") is None


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        ("10.0.3.2", "10.0.3.2", 15001),
        ("proxy:8080", "proxy", 8080),
        ("[fd00::1]", "fd00::1", 15001),
        ("[fd00::1]:1", "fd00::1", 1),
        ("fd00::1", "fd00::1", 15001),
    ],
)
def test_to_takes_hosts_and_ports(written, host, port):
    assert command._target(written, keep_ports=False) == (host, port)
    assert command._target(written, keep_ports=True) == (host, 0)


@pytest.mark.parametrize("written", ["", "a b", "host:", "host:0", "host:65536", "host:http", "[host]"])
def test_to_refuses_what_is_neither(written):
    with pytest.raises(command.click.BadParameter, match="HOST"):
        command._target(written, keep_ports=False)


@pytest.mark.parametrize("options", [[], ["--remove"]])
def test_the_machines_own_network_is_left_alone_unless_it_is_meant(monkeypatch, capsys, options):
    """Whoever runs it at home by mistake must not lose the machine."""
    monkeypatch.setattr(initiating, "is_hosts_network", lambda: True)
    monkeypatch.setattr(initiating, "install", lambda *_, **__: pytest.fail("installed"))
    with pytest.raises(SystemExit) as end:
        main(["init", *options])
    assert end.value.code == 2
    assert "--host-network" in capsys.readouterr().err


FLOWS = """28 0.0.0.0:51392->203.0.113.9:443 150000 150000 30000
29 0.0.0.0:37546->203.0.113.9:443 150000 150000 30000
nonsense
"""
FLOWS6 = "28 0000:0000:0000:0000:0000:0000:0000:0000:40433->2001:0db8:0000:0000:0000:0000:0000:0009:443 1 1 1\n"


class Told:
    def __init__(self, proc):
        self.flows, self.lost, self.now = [], 0, 0.0
        self.tables = RefusalTables(lambda *flow: self.flows.append(flow), self.lose, proc=proc, clock=lambda: self.now)

    def lose(self):
        self.lost += 1

    def read(self):
        self.flows.clear()
        more = self.tables.read()
        return self.flows.copy(), more


@pytest.fixture
def proc(tmp_path):
    (tmp_path / "ipt_hashlimit").mkdir()
    (tmp_path / "ip6t_hashlimit").mkdir()
    return tmp_path


def test_each_flow_is_told_once_for_as_long_as_the_kernel_remembers_it(proc):
    table = proc / "ipt_hashlimit/cp-udp"
    table.write_text(FLOWS)
    (proc / "ip6t_hashlimit/cp-icmpv6").write_text(FLOWS6)
    (proc / "ipt_hashlimit/somebody-elses").write_text(FLOWS)
    told = Told(proc)
    assert told.read() == ([("icmpv6", "2001:db8::9", 443), *[("udp", "203.0.113.9", 443)] * 2], False)
    assert told.read() == ([], False)
    table.write_text("")
    assert told.read() == ([], False)
    table.write_text(FLOWS)
    assert told.read() == ([("udp", "203.0.113.9", 443)] * 2, False)


def test_a_flood_is_told_in_shares_and_a_full_table_says_that_something_is_missing(proc):
    table = proc / "ipt_hashlimit/cp-udp"
    table.write_text("".join(f"28 0.0.0.0:{port}->203.0.113.9:443 1 1 1\n" for port in range(refusals.MOST)))
    told = Told(proc)
    flows, more = told.read()
    assert (0 < len(flows) < 1000, more, told.lost) == (True, True, 1)
    total = len(flows)
    while more:
        flows, more = told.read()
        total += len(flows)
    assert (total, told.lost) == (refusals.MOST, 1)
    told.now = 3600
    told.read()
    assert told.lost == 2


def test_without_tables_the_kernels_count_tells_that_something_was_refused(tmp_path):
    def count(four, six):
        (tmp_path / "snmp").write_text(f"Icmp: InMsgs OutDestUnreachs OutEchos\nIcmp: 1 {four} 0\nUdp: X\nUdp: 1\n")
        (tmp_path / "snmp6").write_text(f"Icmp6InMsgs 4\nIcmp6OutDestUnreachs            \t{six}\n")

    count(3, 4)
    told = Told(tmp_path)
    assert (told.read(), told.lost) == (([], False), 0)
    count(4, 4)
    assert (told.read(), told.lost) == (([], False), 1)
    count(4, 5)
    told.now = 3600
    assert (told.read(), told.lost) == (([], False), 2)
