"""Every address bound at once, or none."""

import contextlib
import errno
import socket

import pytest

from childproof.capture.binding import unbound
from childproof.errors import ListenError
from childproof.run.config.listen import Listen
from childproof.run.server.sockets import UDP, bind_all


def test_a_name_server_has_one_port_for_all_that_it_speaks() -> None:
    """UDP and TCP, IPv4 and IPv6; bound sockets refuse until they listen."""
    bound = bind_all([Listen("w", transparent="localhost:0", dns="localhost:0")], health="127.0.0.1:0", metrics="")
    [item] = bound.items
    assert len({sock.getsockname()[1] for sock in (*item["dns"], *item["dns" + UDP])}) == 1
    assert len({sock.getsockname()[1] for sock in item["transparent"]}) == 1
    assert list(bound.shared) == ["health"]
    with socket.socket() as client:
        assert client.connect_ex(item["transparent"][0].getsockname()) != 0
    bound.close()
    assert all(sock.fileno() < 0 for sockets in item.values() for sock in sockets)


def test_nobody_listens_at_a_port_that_is_ours_before_we_do() -> None:
    """The rules are still being loaded, and a workload in this network namespace wants its neighbours' connections."""
    bound = bind_all([], health="127.0.0.1:0")
    [ours] = bound.shared["health"]
    for host in ("127.0.0.1", "0.0.0.0"):
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError):
                other.bind((host, ours.getsockname()[1]))
                other.listen()
    ours.setblocking(True)
    ours.listen()
    address = ours.getsockname()
    with socket.create_connection(address) as client:
        ours.accept()[0].close()  # first, so that it lingers at our port
        assert client.recv(1) == b""
    bound.close()
    again = bind_all([], health=f"127.0.0.1:{address[1]}")
    again.shared["health"][0].listen()
    again.close()


def test_all_that_can_not_be_had_is_told_and_nothing_stays_open() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        items = [
            Listen("w", http=f"127.0.0.1:{port}"),
            Listen("w", socks="203.0.113.9:1"),
            Listen("w", http="127.0.0.1:0"),
        ]
        with pytest.raises(ListenError) as caught:
            bind_all(items, health="no.such.name.invalid:1")
    assert [fault.file for fault in caught.value.faults] == [
        f"http 127.0.0.1:{port}", "socks 203.0.113.9:1", "health no.such.name.invalid:1",
    ]  # fmt: skip
    assert caught.value.exit_code == 3
    assert all(fault.write for fault in caught.value.faults)


def test_an_address_that_the_configuration_gives_twice_is_not_another_programs() -> None:
    """Who reads that another program listens looks for one."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    items = [
        Listen("w", transparent=f"127.0.0.1:{port}", dns=f"127.0.0.1:{port}"),
        Listen("v", service=f"0.0.0.0:{port}"),
    ]
    with pytest.raises(ListenError) as caught:
        bind_all(items)
    assert [fault.found for fault in caught.value.faults] == [
        "`transparent` of this configuration has this port already"
    ] * 2


@pytest.mark.parametrize("key", ["transparent", "dns"])
def test_where_a_redirection_leads_another_port_is_no_help(key: str) -> None:
    """Who listens elsewhere would wait for nobody: the workload's traffic goes to the port that is taken."""
    fault = unbound(key, "localhost:15001", OSError(errno.EADDRINUSE, "taken"))
    assert fault.write == ""
    assert "this very port" in fault.expected
    assert unbound("http", "localhost:15001", OSError(errno.EADDRINUSE, "taken")).write == "http: localhost:15002"
