"""`childproof init` in real network namespaces, beside a neighbour that sees every frame; tried once for all that follows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
THERE, THERE6 = "192.0.2.2", "2001:db8:0:1::2"
FAR, FAR6 = "203.0.113.9", "2001:db8:9::9"
PLACES = (THERE, FAR, THERE6, FAR6)
REFUSED, NOT_PERMITTED, NO_BUFFER = "ConnectionRefusedError", "PermissionError", "OSError"
FRAMES = {
    f"{how} {protocol}": NO_BUFFER
    for how in ("frame", "frame past the queue", "frame with a mark", "datagram")
    for protocol in ("0800", "0806", "88b5")
}
NOBODY_ANSWERS = {
    **{f"tcp {place}": REFUSED for place in PLACES},
    **{f"udp {place}": REFUSED for place in PLACES},
    **{f"tcp {place} by its device": REFUSED for place in PLACES},
    **{f"udp {place} by its device": NOT_PERMITTED for place in PLACES},
}

pytestmark = [
    pytest.mark.sealed,
    pytest.mark.skipif(os.getuid() != 0, reason="the proxy's user must exist beside others: only root has several"),
]


@pytest.fixture(scope="module")
def seen():
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", str(HERE / "redirected.py")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def shared(seen):
    return seen["shared"]


def test_without_init_everything_leaves_and_the_check_says_so(shared):
    """The neighbour sees what is tried, so that its seeing nothing later means something."""
    assert len(shared["without"]) > 10
    assert "the chain redirect is missing" in shared["no rules"]
    assert any("UDP to 203.0.113.77: no refusal" in fault for fault in shared["no rules"])


def test_init_finds_its_rules_in_the_kernel_and_its_own_attempts_refused(shared):
    outcome = shared["outcome"]
    assert outcome["compared"]
    assert outcome["faults"] == outcome["warnings"] == []
    assert set(outcome["attempts"].values()) == {"refused"}
    assert len(outcome["attempts"]) == 4


def test_root_with_raw_and_packet_sockets_is_refused_at_once_and_nothing_leaves(shared):
    """Both IP versions, devices named by the sender, frames with our mark and past the queue."""
    assert shared["root"] == {**NOBODY_ANSWERS, **FRAMES}
    assert shared["saw"] == []


def test_an_ordinary_user_is_refused_with_the_errors_of_a_real_network(shared):
    """QUIC's clients take ECONNREFUSED for an answer, and fall back."""
    assert shared["somebody"] == NOBODY_ANSWERS


def test_what_was_refused_can_be_read_without_a_privilege(shared):
    """With protocol, address and port; each flow once."""
    flows = {tuple(flow) for flow in shared["flows"]["found"]}
    assert flows >= {("udp", place, 443) for place in (*PLACES, "224.0.0.9", "ff05::9")}
    assert flows >= {("icmp", FAR, 0), ("icmpv6", FAR6, 0), ("sctp", FAR, 0), ("ip", FAR, 0), ("ip", FAR6, 0)}
    assert not any(port == 53 or address.startswith("127.") for _, address, port in flows)
    assert (shared["flows"]["again"], shared["flows"]["lost"]) == (0, 0)


def test_tcp_arrives_at_the_proxy_with_its_destination(shared):
    assert set(shared["redirected"].values()) == {"would-have-left by the proxy"}
    assert [tuple(found) for found in shared["arrived"][:3]] == [(FAR, 8443), (FAR6, 8443), (THERE, 8443)]


def test_every_resolver_is_the_proxy(shared):
    """Loopback's too, and Docker's, which can't be reached at its other port either."""
    assert set(shared["names"].values()) == {"would-have-left"}
    assert len(shared["names"]) == 6
    assert shared["docker's other port"] == NOT_PERMITTED


def test_the_listeners_are_reached_by_redirection_only(shared):
    """From outside not even where the proxy listens on every address."""
    assert shared["dialled directly"] == REFUSED
    assert shared["from outside"] == [REFUSED, REFUSED]


def test_what_connects_from_outside_is_answered_and_own_addresses_are_ones_own(shared):
    assert shared["served"] == "x by the proxy"
    assert shared["own address"] == "would-have-left by the proxy"


def test_only_the_proxy_leaves_with_tcp_and_asks_its_resolvers(shared):
    proxy = shared["proxy"]
    assert {proxy[f"tcp {place}"] for place in PLACES} == {"would-have-left"}
    assert {proxy[f"udp {place}"] for place in PLACES} == {REFUSED}
    assert shared["proxy's names"] == NOT_PERMITTED


def test_a_check_without_privilege_tries_and_never_as_the_user_that_is_let_out(shared):
    somebody, proxy = shared["check as somebody"], shared["check as the proxy"]
    assert (somebody["compared"], somebody["faults"]) == (False, [])
    assert somebody["attempts"]["TCP to 203.0.113.77"] == "reaches the proxy"
    assert proxy["attempts"] == {}
    assert proxy["faults"] == ["nothing could be checked as uid 15001 without NET_ADMIN"]


def test_running_it_again_under_traffic_leaves_no_gap(shared):
    """Also with other options."""
    assert shared["gap"] == []


def test_a_rule_that_is_gone_is_noticed(shared):
    """Each alone, in the comparison; and one of each chain, in the kernel."""
    gone = shared["taken away"]
    assert gone["before"] == gone["alone"] == []
    assert len(gone["chains"]) == 7
    for chain in gone["chains"]:
        assert any(f"the chain {chain} has" in fault for fault in gone["after"])


def test_resolvers_that_cannot_work_are_told(shared):
    """Docker's asks on as root from inside; and what is asked at loopback can't be sent elsewhere."""
    [here], [elsewhere] = shared["docker's resolver"]
    assert "asks on from this namespace as root" in here
    assert "can't be sent elsewhere" in elsewhere


def test_without_net_admin_it_says_what_to_write(shared):
    assert shared["without admin"].startswith("5 init needs NET_ADMIN")
    assert "add: [NET_ADMIN]" in shared["without admin"]


def test_nobody_leaves_holds_for_the_proxys_user_too(shared):
    assert (shared["nobody"]["proxy"], shared["nobody"]["saw"]) == (NOBODY_ANSWERS, [])


def test_a_port_that_is_closed_is_so_from_inside_alone(shared):
    """Metrics and control are for those who ask from outside; by loopback and by the namespace's own address nobody does."""
    assert shared["nobody"]["closed"] == ["ConnectionRefusedError"] * 2
    assert shared["nobody"]["open outside"] == "x by the proxy"


def test_remove_gives_the_network_back(shared):
    assert shared["removed"] == [True, False]
    assert len(shared["after removal"]) > 10


@pytest.mark.parametrize(("how", "port"), [("one port", 15001), ("kept ports", 8443)])
def test_with_the_proxy_elsewhere_tcp_and_names_go_there(seen, how, port):
    elsewhere = seen["elsewhere"]
    assert elsewhere[how] == {FAR: "would-have-left", FAR6: "would-have-left"}
    assert elsewhere[f"{how} names"][:2] == ["would-have-left"] * 2
    assert [tuple(taken) for taken in elsewhere[f"{how} taken"]] == [("tcp", port)] * 2 + [("udp", 15053)] * 2


def test_with_the_proxy_elsewhere_nothing_else_leaves(seen):
    elsewhere = seen["elsewhere"]
    assert elsewhere["udp"] == [REFUSED] * 6
    assert elsewhere["frames"] == FRAMES
    assert elsewhere["saw"] == []
    assert elsewhere["only IPv4"] == REFUSED


def test_a_proxys_name_is_asked_for_once(seen):
    """Afterwards it is the proxy that answers for names."""
    assert seen["elsewhere"]["noted"] == [THERE]
    assert seen["elsewhere"]["other name"] == []


def test_a_gateway_takes_what_arrives_for_any_port_but_its_own(seen):
    gateway = seen["gateway"]
    assert gateway["talked"] == ["x by the proxy"] * 4
    assert [tuple(found) for found in gateway["arrived"][:2]] == [("192.0.2.1", 8443), ("2001:db8:0:1::1", 25)]
    assert all("own listener" in found for found in gateway["arrived"][2:])


def test_the_command_says_what_it_did(seen):
    cli = seen["cli"]
    assert cli["first"]["code"] == cli["again"]["code"] == 0
    assert "only uid 15001 may leave" in cli["first"]["out"]
    assert "rules are in the kernel as they should be" in cli["again"]["out"]
    assert json.loads(cli["same options"]["out"])["held"]
    assert json.loads(cli["to"]["out"])["to"] == [THERE]
    assert "the wanted port of 2001:db8:0:1::2" in cli["keep"]["out"]
    assert "unless `childproof init --gateway` is run in the proxy's namespace" in cli["keep"]["out"]
    assert "from inside, the ports 15090, 15000 are closed" in cli["closed"]["out"]
    assert [one["code"] for one in cli["closed check"]] == [6, 0]
    assert cli["remove"]["out"] == "childproof: the redirection is gone\n"
    assert json.loads(cli["remove again"]["out"]) == {"removed": False}


def test_the_commands_exit_codes_tell_whom_to_wake(seen):
    cli = seen["cli"]
    assert cli["other options"]["code"] == cli["nothing there"]["code"] == 6
    assert "rule 1 of the chain redirect is another one" in cli["other options"]["err"]
    assert cli["without admin"]["code"] == 5
    assert {one["code"] for one in cli["wrong"]} == {2}
    wrong = (
        "HOST:PORT", "no address", "this namespace itself", "--gateway", "--to", "range",
        "--keep-ports goes with --to", "redirected to", "without --gateway and --to",
    )  # fmt: skip
    for told, words in zip(cli["wrong"], wrong, strict=True):
        assert words in told["err"]


def test_with_ipv6_off_the_rest_holds(seen):
    off = seen["without IPv6"]
    assert off["outcome"]["faults"] == []
    assert off["outcome"]["attempts"]["UDP to 2001:db8::77"] == "no route at all"
    assert off["tried"][f"tcp {FAR}"] == off["tried"][f"udp {FAR}"] == REFUSED
    assert off["saw"] == []
