"""Connections into a sealed sandbox: made by its first process, to its own loopback, and to nothing else."""

import pytest

pytestmark = pytest.mark.sealed

LISTEN = """
import socket, sys
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))[:int(sys.argv[1])]:
    with socket.create_server((address, 4242), family=family) as listener:
        connection, peer = listener.accept()
        with connection:
            connection.sendall(connection.recv(100).upper() + b" from " + peer[0].encode())
"""


def test_a_listener_inside_is_reached_from_inside(sealer):
    """Both ends of the connection are the sandbox's loopback; what outside listens at the port isn't asked."""
    asked = [("127.0.0.1", 4242, True)]
    outcome = sealer.run(sealer.python, "-c", LISTEN, "1", connect=asked)
    assert outcome.connected == [["127.0.0.1", "127.0.0.1", "HELLO from 127.0.0.1"], ["ConnectionAbortedError"]]
    assert (outcome.code, outcome.tcp) == (0, [])


def test_ipv6_too(sealer):
    """Where the sandbox has it."""
    outcome = sealer.run(sealer.python, "-c", LISTEN, "2", connect=[("127.0.0.1", 4242, True), ("::1", 4242, True)])
    assert outcome.connected[1] == ["::1", "::1", "HELLO from ::1"]


def test_nobody_listens_and_nothing_else_is_dialled(sealer):
    """A refusal comes back as one; addresses other than loopback are refused by the first process itself."""
    asked = [
        ("127.0.0.1", 4243, False),
        ("10.0.0.1", 80, False),
        ("192.0.2.1", 80, False),
        ("2001:db8::1", 80, False),
        ("127.evil.example", 80, False),
        ("::ffff:10.0.0.1", 80, False),
    ]
    outcome = sealer.run("sleep", "1", connect=asked)
    assert [said for [said] in outcome.connected[:6]] == [
        "ConnectionRefusedError",
        *["PermissionError"] * 3,
        "OSError",
        "PermissionError",
    ]
    assert (outcome.code, outcome.tcp) == (0, [])
