"""DNS on an address that others reach: who isn't among those it serves is refused, with an entry."""

import asyncio
import socket
from ipaddress import ip_network
from typing import Any

import pytest

from childproof.capture.admission import admitted
from childproof.capture.destination import Ingress
from childproof.capture.dns import serve_datagrams
from childproof.capture.names import NameTable

QUERY = bytes.fromhex("000701000001000000000000") + b"\1a\7example\0\0\1\0\1"


@pytest.mark.parametrize(
    ("sources", "address", "expected"),
    [
        ((), "192.0.2.1", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "11.1.2.3", False),
        (("10.0.0.0/8", "fd00::/8"), "fd00::7%eth0", True),
        (("fd00::/8",), "10.1.2.3", False),
        (("0.0.0.0/0",), "", False),
        (("0.0.0.0/0", "::/0"), "a connection that is gone already", False),
    ],
)
def test_ranges_admit_addresses_however_they_are_written(sources: Any, address: str, expected: bool) -> None:  # noqa: FBT001
    assert admitted(tuple(map(ip_network, sources)), address) is expected


@pytest.mark.parametrize(("allowed", "code"), [("127.0.0.0/8", 0), ("10.0.0.0/8", 5)])
def test_a_query_from_elsewhere_is_refused_and_recorded(judge: Any, allowed: str, code: int) -> None:
    async def main() -> bytes:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        names = NameTable(lambda: 0.0)
        serving = await serve_datagrams(sock, Ingress("w"), names, judge, (ip_network(allowed),))
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            await loop.sock_sendto(client, QUERY, sock.getsockname())
            answer = await loop.sock_recv(client, 512)
        serving.close()
        return answer

    answer = asyncio.run(main())
    assert answer[:2] == QUERY[:2]
    assert answer[3] & 0xF == code
    [call] = judge.calls
    assert call.host == "a.example"
    assert (call.violation is not None) == bool(code)
    if code:
        assert call.violation.reason == "127.0.0.1 is not among those that this listener takes"
