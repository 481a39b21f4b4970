"""What uvicorn leaves open: heads that never end, more connections than anybody needs, and what is no HTTP."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from childproof.control.auth import ELSEWHERE
from childproof.run.sandboxes import answering as subject

REQUEST = b"GET /a HTTP/1.1\r\nhost: localhost\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the path and the state."""
    del receive
    body = f"{scope['path']} {sorted(scope['state'])}".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


class Connection:
    """One connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, *pieces: bytes) -> bytes:
        """What comes back within ten seconds, up to the end of a body or the connection's end."""
        for piece in pieces:
            self.writer.write(piece)
        async with asyncio.timeout(10):
            try:
                head = await self.reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError as error:
                return error.partial
            except ConnectionError:
                return b""
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return head + await self.reader.readexactly(length)


@contextlib.asynccontextmanager
async def served(count: int = 1) -> AsyncIterator[list[Connection]]:
    """So many connections to a server on the loopback."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        async with subject.answering(app, [sock]):
            opened = [Connection(*await asyncio.open_connection(*sock.getsockname())) for _ in range(count)]
            try:
                yield opened
            finally:
                for one in opened:
                    one.writer.close()


@pytest.mark.parametrize("sent", [b"", b"GET /a HT", REQUEST[:-2]], ids=["nothing", "a line", "headers"])
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the first one nor one after a request; who sends whole ones stays."""
    monkeypatch.setattr(subject, "HEAD_SECONDS", 0.2)

    async def asked() -> None:
        async with served(3) as (slow, later, quick):
            assert (await later.ask(REQUEST)).endswith(b"/a []")
            assert (await quick.ask(REQUEST)).endswith(b"/a []")
            assert await slow.ask(sent) == b""
            if sent:
                assert await later.ask(sent) == b""
            assert (await quick.ask(REQUEST, REQUEST)).endswith(b"/a []")

    asyncio.run(asked())


def test_a_connection_too_many_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that ends makes room."""
    monkeypatch.setattr(subject, "MOST", 2)

    async def asked() -> None:
        async with served(3) as (first, second, third):
            refused = await third.ask()
            assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert json.loads(refused.partition(b"\r\n\r\n")[2])["type"] == "/v1/problems#too_many"
            for one in (first, second):
                assert (await one.ask(REQUEST)).endswith(b"/a []")
            host, port = first.writer.get_extra_info("peername")
            second.writer.close()
            await second.writer.wait_closed()
            async with asyncio.timeout(10):
                while not (
                    await (again := Connection(*await asyncio.open_connection(host, port))).ask(REQUEST)
                ).endswith(b"/a []"):
                    again.writer.close()
            again.writer.close()

    asyncio.run(asked())


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01 nonsense\r\n\r\n", b"GET /a HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", b"GET / HTTP/1.1\r\nx-a: " + b"a" * 70_000],
    ids=["TLS", "no host", "two hosts", "a long head"],
)  # fmt: skip
def test_what_is_no_request_is_told_so(sent: bytes) -> None:
    """As a problem like all others, and the connection ends."""

    async def asked() -> None:
        async with served() as [connection]:
            said = await connection.ask(sent)
            assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
            assert json.loads(said.partition(b"\r\n\r\n")[2])["type"] == "/v1/problems#http"
            assert await connection.reader.read() == b""

    asyncio.run(asked())


def test_who_asks_out_of_another_network_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a unix socket: a TCP port of ours isn't in that network."""
    monkeypatch.setattr(subject, "is_elsewhere", lambda _: True)

    async def asked() -> None:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind("")  # an abstract name that the kernel chooses
            sock.listen()
            async with subject.answering(app, [sock]):
                connection = Connection(*await asyncio.open_unix_connection(sock.getsockname()))
                assert (await connection.ask(REQUEST)).endswith(f"/a ['{ELSEWHERE}']".encode())
                connection.writer.close()
        async with served() as [connection]:
            assert (await connection.ask(REQUEST)).endswith(b"/a []")

    asyncio.run(asked())
