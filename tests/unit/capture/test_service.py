"""The front door for other namespaces: a connection goes where its client says, or nowhere."""

import asyncio
import contextlib
import random
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from childproof.capture.destination import UNKNOWN, Destination, Ingress
from childproof.capture.frontdoor import Limits
from childproof.capture.mitm.naming import name_in_hello
from childproof.capture.names import NameTable
from childproof.capture.service import LARGEST, ServiceDoor, Unnamed, http_destination, tls_destination
from childproof.capture.smtp import smtp_protocol_factory
from childproof.capture.tcp import wind_up
from childproof.model import Call, Protocol


def hello(name: str | None) -> bytes:
    """What OpenSSL says first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def test_the_name_in_a_client_hello_is_where_it_goes() -> None:
    """Whole or in pieces, however they are cut: the same, and nothing before the last byte."""
    data = hello("API.Stripe.com")
    assert tls_destination(data, 0, name_in_hello) == Destination("api.stripe.com", 443)
    assert tls_destination(data, 8443, name_in_hello) == Destination("api.stripe.com", 8443)
    assert {tls_destination(data[:cut], 0, name_in_hello) for cut in range(1, len(data))} == {None}
    split = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in (data[5:50], data[50:]))
    assert tls_destination(split, 0, name_in_hello) == Destination("api.stripe.com", 443)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (hello(None), "without a name"),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", "ClientHello"),
        (hello("a.example").replace(b"a.example", b"127.0.0.1"), "address"),
        (hello("a.example").replace(b"a.example", b"a\0example"), "the name in the ClientHello"),
        (hello("a.example").replace(b"a.example", b"a..xample"), "the name in the ClientHello"),
    ],
)
def test_a_client_hello_that_names_no_host_goes_nowhere(data: bytes, why: str) -> None:
    with pytest.raises(Unnamed, match=why):
        tls_destination(data, 0, name_in_hello)


def test_no_bytes_break_the_reading_of_a_client_hello() -> None:
    """Whatever comes is a destination, a request for more, or a refusal; never another exception."""
    dice = random.Random(7)
    sound = hello("api.stripe.com")
    for _ in range(2000):
        data = bytearray(sound)
        for _ in range(dice.randrange(1, 8)):
            data[dice.randrange(5, len(data))] = dice.randrange(256)
        with contextlib.suppress(Unnamed):
            found = tls_destination(bytes(data[: dice.randrange(6, len(data) + 1)]), 0, name_in_hello)
            assert found is None or found.port == 443


@pytest.mark.parametrize(
    ("head", "port", "found"),
    [
        ("Host: a.example", 0, Destination("a.example", 80)),
        ("Host: A.EXAMPLE:8080", 0, Destination("a.example", 8080)),
        ("Host: a.example:8080", 80, Destination("a.example", 80)),
        ("Host: 192.0.2.7", 0, Destination("192.0.2.7", 80, "192.0.2.7")),
        ("Host: [2001:db8::7]:81", 0, Destination("2001:db8::7", 81, "2001:db8::7")),
    ],
)
def test_the_host_of_a_first_request_is_where_it_goes(head: str, port: int, found: Destination) -> None:
    """With the port that is known, else with its own; what disagrees is denied by who reads it next."""
    data = f"GET / HTTP/1.1\r\n{head}\r\n\r\n".encode()
    assert http_destination(data, port) == found
    assert {http_destination(data[:cut], port) for cut in range(1, len(data))} == {None}


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example:0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example:25\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example:+80\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example@b.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * LARGEST,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_a_request_that_names_no_host_goes_nowhere(data: bytes) -> None:
    with pytest.raises(Unnamed):
        http_destination(data, 0)


class Http:
    def __init__(self) -> None:
        self.adopted: list[tuple[Destination, bytes]] = []

    def adopt(self, sock: socket.socket, destination: Destination, ingress: Ingress) -> None:
        del ingress
        self.adopted.append((destination, sock.recv(40)))
        sock.close()


@contextlib.asynccontextmanager
async def door(judge: Any, certificates: Any, **others: Any) -> AsyncIterator[tuple[Http, Callable[[bytes], Any]]]:
    http = Http()
    made = ServiceDoor(
        Ingress("w"),
        name_of=name_in_hello,
        names=NameTable(lambda: 0.0),
        judge=judge,
        http=http,
        tls_context=certificates.server,
        limits=Limits(first_byte=0.1, http_first_byte=0.1),
        **others,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(made.serve(listener))

    async def say(*parts: bytes) -> bytes:
        with contextlib.suppress(ConnectionError):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            for part in parts:
                writer.write(part)
                await asyncio.sleep(0.02)
            return await reader.read()
        return b"reset"

    try:
        yield http, say
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.close()


def test_connections_go_where_they_say_with_all_their_bytes(judge: Any, certificates: Any) -> None:
    """TLS and HTTP are handed on untouched; what names nobody is reset, with an entry that says why."""

    async def main() -> None:
        data = hello("api.stripe.com")
        request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
        async with door(judge, certificates) as (http, say):
            await say(data[:3], data[3:90], data[90:])
            await say(request[:20], request[20:])
            refused = [hello(None), b"SSH-2.0-x\r\n", b"", b"GET / HTTP/1.1\r\n\r\n"]
            for bytes_ in refused:
                assert await say(bytes_) == b"reset"
            assert http.adopted == [
                (Destination("api.stripe.com", 443), data[:40]),
                (Destination("a.example", 80), request[:40]),
            ]
            calls: list[Call] = judge.calls
            assert [(call.protocol, call.host) for call in calls] == [(Protocol.TCP, UNKNOWN)] * len(refused)
            assert all(call.violation is not None for call in calls)

    asyncio.run(main())


def test_who_is_not_among_the_sources_is_refused_with_an_entry(judge: Any, certificates: Any) -> None:
    async def main() -> None:
        async with door(judge, certificates, sources=(ip_network("10.0.0.0/8"),)) as (http, say):
            assert await say(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n") == b"reset"
            assert http.adopted == []
            [call] = judge.calls
            assert "127.0.0.1 is not among those" in call.violation.reason

    asyncio.run(main())


def test_mail_is_answered_by_its_port_with_a_certificate_for_the_name_that_is_asked_for(
    judge: Any, certificates: Any
) -> None:
    """Nobody knows the host; STARTTLS says whom the client means to reach, and the entry doesn't take its word."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        served = smtp_protocol_factory(Ingress("w"), Destination(UNKNOWN, 587), judge, certificates.server)
        server = await loop.create_server(lambda: served, "127.0.0.1", 0)

        def send() -> None:
            with smtplib.SMTP(*server.sockets[0].getsockname()) as client:
                client._host = "smtp.mail.example"  # type: ignore[attr-defined]  # whom it means; it dialled an address
                client.starttls(context=certificates.client())
                client.sendmail("a@x.example", ["b@y.example"], "Subject: hi\r\n\r\nho")

        await loop.run_in_executor(None, send)
        server.close()
        assert [call.host for call in judge.calls if call.violation is None] == [UNKNOWN]

    asyncio.run(main())


def test_an_idle_mail_session_is_told_that_the_process_stops(judge: Any, certificates: Any) -> None:
    """And one with a mail under way goes on."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        made = []

        def serve() -> asyncio.Protocol:
            made.append(smtp_protocol_factory(Ingress("w"), Destination("m.example", 25), judge, certificates.server))
            return made[-1]

        server = await loop.create_server(serve, "127.0.0.1", 0)
        talks = [await asyncio.open_connection(*server.sockets[0].getsockname()) for _ in range(2)]
        for reader, _ in talks:
            await reader.readline()
        reader, writer = talks[1]
        for line in (b"HELO me\r\n", b"MAIL FROM:<a@x.example>\r\n"):
            writer.write(line)
            await reader.readline()
        for one in made:
            wind_up(one.transport)  # type: ignore[attr-defined]  # aiosmtpd's own
        assert await talks[0][0].read() == b"421 4.3.2 Service shutting down\r\n"
        for line in (b"RCPT TO:<b@y.example>\r\n", b"DATA\r\n", b"Subject: hi\r\n\r\nho\r\n.\r\n"):
            writer.write(line)
            answer = await reader.readline()
        assert answer.startswith(b"250")
        writer.close()
        server.close()

    asyncio.run(main())
