"""Routing: whatever address, port or protocol a sandbox tries, nothing leaves and the ledger says what it was."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.escape.beside import CHILDPROOF, Seen, beside_the_sinkhole, entries, sealed

pytestmark = pytest.mark.sealed

# What was tried, what the sandbox saw of it, and the entry that tells.
CALLS = {
    "a_raw_socket": ("HTTP/1.1 403", "GET http://203.0.113.1/"),
    "curl_without_a_proxy": ("403", "GET https://no-proxy.example/"),
    "tls_without_sni": ("HTTP/1.1 403", "GET https://203.0.113.2/"),
    "tls_to_an_address_with_the_sni_of_a_stubbed_host": (
        "HTTP/1.1 403",
        "the connection goes to 203.0.113.3, but the SNI",
    ),
    "a_decimal_address": ("403", "GET http://203.0.113.4/"),
    "a_hexadecimal_address": ("403", "GET http://203.0.113.5/"),
    "an_octal_address": ("403", "GET http://203.0.113.6/"),
    "a_mapped_address": ("403", "GET http://203.0.113.7/"),
    "a_nat64_address": ("403", "GET http://[64:ff9b::cb00:7108]/"),
    "a_6to4_address": ("403", "GET http://[2002:cb00:7109::1]/"),
    "a_global_ipv6_address": ("403", "GET http://[2606:4700::1111]/"),
    "a_link_local_address_with_a_zone": ("403", "GET http://[fe80::1]/"),
    "metadata": ("403", "GET http://169.254.169.254/latest/meta-data/"),
    "metadata_over_ipv6": ("403", "GET http://[fd00:ec2::254]/"),
    "a_private_address": ("403", "GET http://192.168.0.1/"),
    "a_shared_address": ("403", "GET http://100.64.0.1/"),
    "the_gateway": ("403", "GET http://10.99.0.2/"),
    "the_hosts_own_address": ("403", "GET http://10.99.0.1/"),
    "port_22": ("reset", "TCP 203.0.113.20:22"),
    "port_25": ("220 ", "SMTP 203.0.113.20:25 · no valid SMTP"),
    "port_465": ("", "SMTP 203.0.113.20:465 · the TLS handshake failed"),
    "port_587": ("220 ", "SMTP 203.0.113.20:587 · no valid SMTP"),
    "port_853": ("reset", "TCP 203.0.113.20:853"),
    "port_3306": ("reset", "TCP 203.0.113.20:3306"),
    "port_5432": ("reset", "TCP 203.0.113.20:5432"),
    "port_6379": ("reset", "TCP 203.0.113.20:6379"),
    "port_8443": ("reset", "TCP 203.0.113.20:8443"),
    "port_47123": ("reset", "TCP 203.0.113.20:47123"),
    "quic": ("ConnectionRefusedError", "UDP 203.0.113.30:443"),
    "udp": ("ConnectionRefusedError", "UDP 203.0.113.31:5353"),
    "udp6": ("ConnectionRefusedError", "UDP [2606:4700::31]:123"),
    "ping": ("OSError: [Errno 113]", "ICMP 203.0.113.33"),
    "tcp_fast_open": ("HTTP/1.1 403", "GET http://203.0.113.35/"),
    "connected_and_said_nothing": ("closed", "TCP 203.0.113.44:7777"),
}
# Transports that the kernel may lack; where it has them, they are refused and recorded like the others.
TRANSPORTS = {"sctp": "SCTP", "dccp": "DCCP", "udp_lite": "UDPLITE", "multipath_tcp": "TCP", "smc": "TCP"}
NO_SUCH_SOCKET = ["packet_socket", "vsock", "xdp", "rds", "tipc", "rxrpc", "smc_family", "qrtr"]


def test_nothing_left(network: Seen) -> None:
    assert network.code == 0, network.err
    assert network.frames == []
    assert network.awake, "the sinkhole slept"
    assert "0 bytes left this machine" in network.err
    assert all(entry.upstream.connections == 0 for entry in network.entries)


@pytest.mark.parametrize("name", CALLS)
def test_an_attempt_is_refused_in_its_own_words_and_recorded(network: Seen, name: str) -> None:
    answer, entry = CALLS[name]
    assert network.answers[name].startswith(answer), network.answers[name]
    assert [found.verdict for found in network.recorded(entry)] == ["deny"]


@pytest.mark.parametrize("name", TRANSPORTS)
def test_another_transport_is_unknown_or_refused(network: Seen, name: str) -> None:
    answer = network.answers[name]
    if "Errno 93" in answer or "Errno 94" in answer:
        pytest.skip(f"this kernel has no {name}: {answer}")
    assert answer == "reset" or answer.startswith(("OSError: [Errno 113]", "ConnectionRefusedError")), answer
    assert network.recorded(f"{TRANSPORTS[name]} 203.0.113.34")


@pytest.mark.parametrize("name", NO_SUCH_SOCKET)
def test_sockets_that_pass_by_the_namespace_can_not_be_made(network: Seen, name: str) -> None:
    assert network.answers[name].startswith("OSError: [Errno 97]")


@pytest.mark.parametrize("name", ["raw_socket", "raw_ipv6_socket"])
def test_raw_sockets_can_not_be_made(network: Seen, name: str) -> None:
    assert network.answers[name].startswith("PermissionError")


def test_our_listener_can_not_be_dialled_or_taken_over(network: Seen) -> None:
    tried = network.answers["the_listener_itself"]
    assert tried == dict.fromkeys(("127.0.0.1", "::1", "192.0.2.1", "2001:db8::1"), "ConnectionRefusedError")
    assert {entry.host for entry in network.recorded("tcp has no way out")} >= {"127.0.0.1", "::1"}


def test_a_namespace_of_ones_own_is_empty(network: Seen) -> None:
    assert network.answers["a_namespace_of_its_own"] == 0
    assert network.recorded("203.0.113.36") == []


LOUD = """
import pathlib, socket, time
pathlib.Path("pid").write_text("up")
while True:
    for family, kind in ((socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET, socket.SOCK_DGRAM)):
        with socket.socket(family, kind) as s:
            s.settimeout(0.1)
            try:
                s.connect(("203.0.113.50", 4433)); s.send(b"hello"); s.recv(1)
            except OSError:
                pass
"""
# Stop the engine, look for a while, kill it: the command's pipe ends when nothing of it is left.
KILLER = """
import pathlib, signal, subprocess, sys, time
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
while not pathlib.Path("pid").exists() and process.poll() is None:
    time.sleep(0.02)
time.sleep(0.3)
process.send_signal(signal.SIGSTOP)
time.sleep(0.5)
process.kill()
process.stdout.read()
process.wait()
"""


def test_an_engine_that_is_stopped_or_killed_lets_nothing_through(tmp_path: Path) -> None:
    command = sealed(sys.executable, "-c", LOUD)
    seen = beside_the_sinkhole(tmp_path, "ordinary", sys.executable, "-c", KILLER, *command)
    assert seen.code == 0, seen.err
    assert seen.frames == []
    assert seen.recorded("203.0.113.50:4433")


def test_two_runs_share_a_file_and_a_world(tmp_path: Path) -> None:
    """Every call of both is there once, under a number of its own."""
    source = "import urllib.request\nfor n in range(20):\n try: urllib.request.urlopen(f'http://{n}.example/')\n except OSError: pass"
    runs = [
        subprocess.Popen(
            [*sealed(sys.executable, "-c", source)], cwd=tmp_path, stderr=subprocess.PIPE, env=env(tmp_path)
        )
        for _ in range(2)
    ]
    for process in runs:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    seen = entries(tmp_path / "box.db")
    assert sorted(entry.target for entry in seen if entry.protocol == "http") == sorted(
        f"GET http://{n}.example/" for n in range(20) for _ in range(2)
    )
    assert sorted(entry.seq for entry in seen) == list(range(1, len(seen) + 1))


def test_a_flood_of_datagrams_keeps_nothing_else_from_working(tmp_path: Path) -> None:
    """Each from a port of its own, faster than they are recorded; meanwhile a call gets its answer, a signal arrives."""
    source = """
import os, socket, sys, urllib.request, urllib.error
if os.fork() == 0:
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"x", ("203.0.113.60", 9999))
try:
    urllib.request.urlopen("http://after.example/", timeout=30)
except urllib.error.HTTPError as error:
    print(error.code, flush=True)
import signal; signal.pause()
"""
    process = subprocess.Popen(
        sealed(sys.executable, "-c", source), cwd=tmp_path, stdout=subprocess.PIPE, env=env(tmp_path), text=True
    )
    with process:
        assert process.stdout.readline() == "403\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert any(entry.target == "UDP 203.0.113.60:9999" for entry in entries(tmp_path / "box.db"))


def env(folder: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(folder / "state")}


def test_a_machine_that_can_not_seal_runs_nothing(tmp_path: Path) -> None:
    """User namespaces used up, as a kernel's limit has it: the command is never started."""
    limit = "/proc/sys/user/max_net_namespaces"
    script = f"echo 1 > {limit} && exec " + " ".join([*CHILDPROOF, "run", "--db", "box.db", "--", "touch", "started"])
    seen = beside_the_sinkhole(tmp_path, "privileged", "sh", "-c", script)
    if seen.code not in (2, 125, 1):
        pytest.skip(f"the limit can't be set here: {seen.err}")
    assert "can't seal a command" in seen.err
    assert not (tmp_path / "started").exists()
    assert seen.frames == []
