"""What the kernel tells of refused packets, read from bytes."""

import errno
import socket
import struct

import pytest

from childproof.sandbox.netfilter.netlink import attribute
from childproof.sandbox.netfilter.nflog import RefusalReader, Refused, parse, parse_packet


def ipv4(protocol, payload, address="203.0.113.7", options=b""):
    words = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH", 0x40 | words, 0, 0, 0, 0, 64, protocol, 0)
    return head + socket.inet_aton("192.0.2.1") + socket.inet_aton(address) + options + payload


def ipv6(protocol, payload, address="2606:4700::1"):
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64)
    own = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    return head + own + socket.inet_pton(socket.AF_INET6, address) + payload


PORTS = struct.pack("!HH", 40000, 443)


@pytest.mark.parametrize(
    ("packet", "flow"),
    [
        (ipv4(17, PORTS), Refused("udp", "203.0.113.7", 443, 40000)),
        (ipv4(17, PORTS, options=b"\1" * 8), Refused("udp", "203.0.113.7", 443, 40000)),
        (ipv4(1, b"\x08\0\0\0"), Refused("icmp", "203.0.113.7", 0)),
        (ipv4(132, PORTS), Refused("sctp", "203.0.113.7", 443, 40000)),
        (ipv4(99, PORTS), Refused("ip-99", "203.0.113.7", 0)),
        (ipv6(17, PORTS), Refused("udp", "2606:4700::1", 443, 40000)),
        (
            ipv6(0, bytes([60, 0]) + b"\0" * 6 + bytes([17, 0]) + b"\0" * 6 + PORTS),
            Refused("udp", "2606:4700::1", 443, 40000),
        ),
        (ipv6(44, bytes([17, 0]) + b"\0" * 6 + PORTS), Refused("udp", "2606:4700::1", 443, 40000)),
        (ipv4(17, b"\1"), Refused("udp", "203.0.113.7", 0)),
        (b"", None),
        (b"\x45\0", None),
        (ipv6(0, b""), None),
        (b"\x20" * 40, None),
    ],
)
def test_a_packets_head_tells_the_flow(packet, flow):
    assert parse_packet(packet) == flow


def message(packet, kind=0x400):
    body = b"\2\0\0\x43" + attribute(10, b"prefix\0") + attribute(9, packet)
    return struct.pack("=LHHLL", 16 + len(body), kind, 0, 0, 0) + body


def test_a_datagram_may_hold_several_messages_and_others_are_passed_over():
    data = message(ipv4(17, PORTS)) + message(b"", kind=2) + message(ipv6(17, PORTS))
    assert [flow.address for flow in parse(data)] == ["203.0.113.7", "2606:4700::1"]


class Socket:
    def __init__(self, *results):
        self.results = list(results)

    def recv(self, size):
        result = self.results.pop(0) if self.results else BlockingIOError()
        if isinstance(result, Exception):
            raise result
        return result


def read(*results):
    told = []
    reader = RefusalReader(Socket(*results), lambda *flow: told.append(flow), lambda: told.append("lost"))
    reader.read()
    return told


def test_a_flow_is_told_once_and_another_source_port_is_another_flow():
    other = ipv4(17, struct.pack("!HH", 40001, 443))
    told = read(message(ipv4(17, PORTS)) * 3, message(ipv4(17, PORTS)), message(other))
    assert told == [("udp", "203.0.113.7", 443)] * 2


def test_a_buffer_that_ran_over_is_told_and_reading_goes_on():
    told = read(OSError(errno.ENOBUFS, "No buffer space"), message(ipv4(17, PORTS)))
    assert told == ["lost", ("udp", "203.0.113.7", 443)]
