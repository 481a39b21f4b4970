"""The doctor inside a workload: what is open is found, and what is closed is not called open."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from childproof.capture.mitm.ca import ensure_ca, fingerprint
from childproof.sandbox.trust import workload
from childproof.sandbox.trust.amending import Published
from childproof.sandbox.trust.workload import capabilities, closed, key_unreadable
from childproof.sandbox.trust.workload_clients import seen_authority

ALL = """
import json
from childproof.sandbox.trust.workload import closed
print(json.dumps({one.subject: [one.works, one.note] for one in closed(uid=%d, patience=0.2)}))
"""


def inside(setup, uid):
    """The findings in a network namespace of its own, as its root, after some commands."""
    if not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("there is no unshare or ip")
    script = f'{setup}\nexec "$@"'
    command = ["unshare", "-rn", "sh", "-ec", script, "sh", sys.executable, "-c", ALL % uid]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr or "RTNETLINK" in done.stderr:
        pytest.skip(done.stderr)
    return json.loads(done.stdout)


def test_where_packets_get_out_and_nobody_answers_everything_is_open():
    """Root with all capabilities, on a network that leads somewhere."""
    found = inside(
        "ip link add out type veth peer name far && ip link set far up && ip link set out arp off up && "
        "ip address add 192.168.9.2/24 dev out && ip address add fd00::2/64 dev out nodad && "
        "ip route add default dev out && ip -6 route add default dev out",
        0,
    )
    assert {subject for subject, (works, _) in found.items() if works} <= {"the authority's key can't be read"}
    assert "something lets it out" in found["TCP to another address is refused"][1]
    assert "something lets it out" in found["UDP is refused"][1]
    assert "CAP_SETUID" in found["becoming the proxy's user is refused"][1]
    assert "CAP_NET_RAW" in found["packets past the ruleset (AF_PACKET) is refused"][1]
    assert "runAsUser" in found["not the proxy's user"][1]
    assert "SETUID, NET_ADMIN, NET_RAW" in found["no capability that opens any of this"][1]


def test_where_nothing_leads_out_the_network_is_closed_and_only_names_are_missing():
    found = inside(":", 15001)
    assert all(found[f"{kind} is refused"][0] for kind in ("TCP to another address", "IPv6", "UDP", "UDP over IPv6"))
    assert not found["DNS, whoever is asked is answered by childproof"][0]
    assert found["not the proxy's user"][0]
    assert found["becoming the proxy's user is refused"][0]  # a user that this namespace doesn't know


@pytest.mark.parametrize(("said", "works"), [(b"", True), (b"220 mail", False), (b"HTTP/1.1 403 childproof", True)])
def test_a_connection_counts_by_what_it_brings(monkeypatch, said, works):
    """A redirection takes connections before it ends them; only bytes of somebody else are a way out."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(workload, "_PORT", server.getsockname()[1])
        server.settimeout(5)
        child = os.fork()
        if child == 0:
            connection, _ = server.accept()
            connection.recv(100)
            connection.sendall(said)
            connection.close()
            os._exit(0)
        assert (workload.tcp(socket.AF_INET, "127.0.0.1", 5.0) == "") is works
        os.waitpid(child, 0)


def test_capabilities_are_read_from_what_is_permitted_or_inherited(tmp_path):
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapInh:\t0000000000000000\nCapPrm:\t0000000000000400\nCapAmb:\t0000000000000000\n")
    assert capabilities(status).works
    status.write_text("CapInh:\t0000000000080000\nCapPrm:\t0000000000000000\nCapAmb:\t0000000000000000\n")
    assert "SYS_PTRACE" in capabilities(status).note
    assert not capabilities(tmp_path / "missing").works


def test_a_key_in_reach_is_named(tmp_path):
    ca = ensure_ca(tmp_path / "state")
    assert key_unreadable([str(tmp_path)]).works
    found = key_unreadable([str(tmp_path / "state")])
    assert not found.works
    assert str(ca.key_pem) in found.note


def test_the_authority_that_is_seen_is_told_by_its_fingerprint(tmp_path):
    ca = ensure_ca(tmp_path)
    published = Published.read(str(tmp_path))
    assert seen_authority(None).works is False
    found = seen_authority(published, lambda context: 403)
    assert (found.works, "status 403" in found.note) == (True, True)
    assert fingerprint(ca.certificate) in found.note

    def refuse(context):
        raise OSError("certificate verify failed")

    assert "isn't what signs here" in seen_authority(published, refuse).note


def test_every_finding_of_the_closed_is_made_even_where_attempts_fail(monkeypatch):
    """An attempt that ends in an error nobody knows is not called closed."""

    def broken(*_):
        raise OSError(5, "Input/output error")

    for name in ("tcp", "udp", "dns", "packet_socket", "become"):
        monkeypatch.setattr(workload, name, broken)
    found = list(closed(uid=-1))
    assert len(found) == 10
    assert [one.note for one in found[:7]] == ["Input/output error"] * 7
