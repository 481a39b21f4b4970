"""Who has connected to a unix socket: a process of this network, or one that was put into another."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from childproof.run.sandboxes.peers import is_elsewhere, peer_uid

DIAL = "import socket, sys; sock = socket.socket(socket.AF_UNIX); sock.connect(sys.argv[1]); {after}"


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    """A unix socket that listens."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "s"))
        sock.listen()
        sock.settimeout(10)
        yield sock


def dialled(listener: socket.socket, *before: str, after: str) -> tuple["subprocess.Popen[bytes]", socket.socket]:
    """A process that has connected, and our end."""
    command = [*before, sys.executable, "-c", DIAL.format(after=after), listener.getsockname()]
    process = subprocess.Popen(command)
    return process, listener.accept()[0]


def test_a_process_of_this_network_is_here(listener: socket.socket) -> None:
    """It is known by its user, and stays known while it lives."""
    process, sock = dialled(listener, after="sock.recv(1)")
    with sock:
        assert not is_elsewhere(sock)
        assert peer_uid(sock) == os.getuid()
    process.wait(10)


def test_a_process_that_has_ended_is_not_known(listener: socket.socket) -> None:
    """Its number may be another's by now."""
    process, sock = dialled(listener, after="sys.exit()")
    process.wait(10)
    with sock:
        assert is_elsewhere(sock)


@pytest.mark.sealed
def test_a_process_of_another_network_is_elsewhere(listener: socket.socket) -> None:
    """As that of every sealed sandbox is."""
    tried = subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this kernel gives no namespaces: {tried.stderr}")
    process, sock = dialled(listener, "unshare", "--map-root-user", "--net", after="sock.recv(1)")
    with sock:
        assert is_elsewhere(sock)
    process.wait(10)
