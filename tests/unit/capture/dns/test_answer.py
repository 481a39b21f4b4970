"""Queries through real sockets: every name gets an address of ours, every query leaves an entry."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from mitmproxy import dns as independent

from childproof.capture import dns
from childproof.capture.destination import Ingress
from childproof.capture.names import TTL, NameTable
from childproof.model import Action, Call, Outcome, Protocol, Reply, Verdict

INGRESS = Ingress("w", "s")


def query(name: str, kind: int = 1, ident: int = 7) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack("!6H", ident, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", kind, 1)


def read(raw: bytes) -> independent.DNSMessage:
    return independent.DNSMessage.unpack(raw)


@pytest.fixture
def names() -> NameTable:
    return NameTable(lambda: 0.0)


@pytest.fixture
def ask(judge: Any, names: NameTable) -> Callable[[bytes], independent.DNSMessage]:
    answerer = dns.Answerer(INGRESS, names, judge)

    def run(data: bytes) -> independent.DNSMessage:
        raw = answerer.answer(data).data
        assert raw is not None
        return read(raw)

    return run


def test_a_and_aaaa_lead_back_to_the_name(ask: Any, judge: Any, names: NameTable) -> None:
    four = ask(query("api.stripe.com")).answers[0]
    six = ask(query("API.stripe.com", 28)).answers[0]
    assert names.name_for(str(four.ipv4_address)) == names.name_for(str(six.ipv6_address)) == "api.stripe.com"
    assert four.ttl == TTL
    assert [(call.protocol, call.method, call.host, call.port, call.world, call.sandbox) for call in judge.calls] == [
        (Protocol.DNS, "A", "api.stripe.com", 53, "w", "s"),
        (Protocol.DNS, "AAAA", "api.stripe.com", 53, "w", "s"),
    ]


@pytest.mark.parametrize("kind", [15, 16, 64, 65, 10, 255, 2, 6, 33, 65280])
def test_other_types_get_an_empty_answer(ask: Any, judge: Any, kind: int) -> None:
    """TXT, NULL, SVCB and HTTPS carry nothing out and bring no ECH keys in; the attempt is recorded."""
    answer = ask(query("example.com", kind))
    assert (answer.response_code, answer.answers) == (0, [])
    assert len(judge.calls) == 1


def test_a_denied_query_is_nxdomain_without_an_address(denying: Any, names: NameTable) -> None:
    raw = dns.Answerer(INGRESS, names, denying).answer(query("secret.exfil.example")).data
    assert raw is not None
    assert (read(raw).response_code, read(raw).answers) == (3, [])


def test_a_denial_never_reads_as_an_answer(judge_of: Any, names: NameTable) -> None:
    judge = judge_of(lambda _: Outcome("c", Verdict(Action.DENY), Reply(0)))
    raw = dns.Answerer(INGRESS, names, judge).answer(query("a.example")).data
    assert raw is not None
    assert read(raw).response_code == 3


def test_localhost_is_loopback(ask: Any) -> None:
    assert str(ask(query("localhost")).answers[0].ipv4_address) == "127.0.0.1"
    assert str(ask(query("localhost", 28)).answers[0].ipv6_address) == "::1"


def test_reverse_lookups_give_our_names_only(ask: Any) -> None:
    address = str(ask(query("api.stripe.com")).answers[0].ipv4_address)
    backwards = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    assert ask(query(backwards, 12)).answers[0].domain_name == "api.stripe.com"
    assert ask(query("8.8.8.8.in-addr.arpa", 12)).answers == []
    assert ask(query("1.0.0.127.in-addr.arpa", 12)).answers[0].domain_name == "localhost"


@pytest.mark.parametrize(
    "name", [b"\x03a b\x07example", b"\x0dx\x00.google.com", b"\x011\x012\x013\x014", b"\x07\xfcnicode", b"\x01-", b""]
)
def test_what_is_no_host_name_does_not_exist(judge: Any, names: NameTable, name: bytes) -> None:
    raw = dns.Answerer(INGRESS, names, judge).answer(query("x").replace(b"\x01x", name)).data
    assert raw is not None
    assert raw[3] & 0xF == 3
    assert judge.violations == ["bad_host"]
    assert len(names) == 0


def test_malformed_messages_get_an_error_and_an_entry(ask: Any, judge: Any) -> None:
    assert ask(query("a.example")[:-1]).response_code == 1
    assert judge.violations == ["malformed"]


def test_a_response_gets_no_answer_but_an_entry(judge: Any, names: NameTable) -> None:
    """Or two servers would talk to each other for ever."""
    data = bytearray(query("a.example"))
    data[2] |= 0x80
    assert dns.Answerer(INGRESS, names, judge).answer(bytes(data)).data is None
    assert judge.violations == ["malformed"]


def test_a_full_table_is_servfail_and_an_entry(judge: Any) -> None:
    answerer = dns.Answerer(INGRESS, NameTable(lambda: 0.0, capacity=1), judge)
    answerer.answer(query("a.example"))
    raw = answerer.answer(query("b.example")).data
    assert raw is not None
    assert read(raw).response_code == 2
    assert judge.violations == ["unsupported"]


def test_an_exception_of_ours_is_servfail(judge_of: Any, names: NameTable) -> None:
    def broken(call: Call) -> Outcome:
        raise RuntimeError("bug")

    judge = judge_of(broken)
    raw = dns.Answerer(INGRESS, names, judge).answer(query("a.example")).data
    assert raw is not None
    assert read(raw).response_code == 2
    assert judge.violations == ["internal"]


def test_a_fault_is_silence(judge_of: Any, names: NameTable) -> None:
    judge = judge_of(lambda _: Outcome("c", Verdict(Action.REPLY), None, None, 0.0, "timeout"))
    assert dns.Answerer(INGRESS, names, judge).answer(query("a.example")).data is None


def test_udp_on_a_ready_socket(judge_of: Any, names: NameTable) -> None:
    """Garbage in between ends nothing, and a delayed answer does not hold up the next."""

    def slow_first(call: Call) -> Outcome:
        return Outcome("c", Verdict(Action.REPLY), Reply(0), None, 0.05 if call.host == "slow.example" else 0.0)

    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        transport = await dns.serve_datagrams(server, INGRESS, names, judge_of(slow_first))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(server.getsockname())
            for data in (b"garbage", query("slow.example", ident=1), query("fast.example", ident=2)):
                client.send(data)
            answers = [read(await loop.sock_recv(client, 1500)) for _ in range(2)]
        transport.close()
        return [answer.id for answer in answers]

    assert asyncio.run(asyncio.wait_for(main(), 10)) == [2, 1]


def test_out_of_memory_for_one_query_is_not_the_end_of_names(names: NameTable) -> None:
    """An asyncio transport would close for good; the loop reports the error and the next query is answered."""

    class Failing:
        def handle(self, call: Call) -> Outcome:
            if call.host == "first.example":
                raise MemoryError
            return Outcome("c", Verdict(Action.REPLY), Reply(0))

    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda *_: None)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("127.0.0.1", 0))
        answering = await dns.serve_datagrams(server, INGRESS, names, Failing())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            client.connect(server.getsockname())
            client.send(query("first.example", ident=1))
            await asyncio.sleep(0)
            client.send(query("second.example", ident=2))
            found = 0
            while found != 2:
                found = read(await loop.sock_recv(client, 1500)).id
        answering.close()
        return found

    assert asyncio.run(asyncio.wait_for(main(), 10)) == 2


def test_tcp_answers_pipelined_queries_in_order(judge: Any, names: NameTable) -> None:
    async def main() -> list[int]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await dns.serve_stream(reader, writer, dns.Answerer(INGRESS, names, judge))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            for ident in (1, 2):
                data = query("a.example", ident=ident)
                writer.write(struct.pack("!H", len(data)) + data)
            answers = []
            for _ in range(2):
                (length,) = struct.unpack("!H", await reader.readexactly(2))
                answers.append(read(await reader.readexactly(length)).id)
            writer.write(b"\x00\x05ab")  # cut off
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()
            return answers

    assert asyncio.run(asyncio.wait_for(main(), 10)) == [1, 2]
    assert judge.violations == ["malformed"]
