"""One POST to whoever listens: what answers may be hostile, and is bounded in every way."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from childproof.capture.webhooks import client
from childproof.capture.webhooks.client import ExchangeError, Traffic, post
from childproof.model import Reply

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HEADERS = (("Host", "localhost:1"), ("Content-Type", "application/json"))


def answering(raw: bytes) -> Behaviour:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return behave


def asked(behave: Behaviour, body: bytes = b"{}", target: str = "/hook", headers=HEADERS) -> tuple[Reply, Traffic]:
    async def run() -> tuple[Reply, Traffic]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await behave(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            traffic = Traffic()
            try:
                async with asyncio.timeout(10):
                    return await post(reader, writer, target, headers, body, traffic), traffic
            finally:
                writer.transport.abort()

    return asyncio.run(run())


def test_a_reply_comes_back_as_it_is() -> None:
    """Status, headers in their spelling, body; and how much went either way."""
    raw = b"HTTP/1.1 202 Fine\r\nX-Shop: Yes\r\nContent-Length: 2\r\n\r\nok"
    reply, traffic = asked(answering(raw))
    assert (reply.status, reply.body, reply.headers) == (202, b"ok", (("X-Shop", "Yes"), ("Content-Length", "2")))
    assert traffic.back == len(raw)
    assert traffic.out > len(b"{}")


@pytest.mark.parametrize("value", ["é", "a\r\nX: y", "a\x00"])
def test_a_header_that_is_none_is_not_sent(value: str) -> None:
    """What stands in it may come from the sandbox: the attempt fails, once, with its reason."""
    with pytest.raises(ExchangeError, match="no request can be made"):
        asked(answering(b""), headers=(*HEADERS, ("X-Event", value)))


def test_the_request_is_whole_and_asks_for_no_other() -> None:
    """One message with its length, after which the connection ends."""
    seen = bytearray()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.extend(await reader.readexactly(5))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    reply, _ = asked(behave, b"12345")
    assert (reply.status, bytes(seen)) == (204, b"12345")


def test_a_redirect_is_a_reply_like_any_other() -> None:
    """It has a status, and nobody looks where it points to."""
    raw = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    assert asked(answering(raw))[0].status == 302


def test_a_body_without_end_is_cut_off() -> None:
    """The beginning is kept, and the status counts."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    reply, traffic = asked(behave)
    assert (reply.status, len(reply.body)) == (200, client.KEPT)
    assert traffic.back < client.KEPT + 4 * 65536


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head has said it all."""
    monkeypatch.setattr(client, "BODY_SECONDS", 0.05)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        await writer.drain()
        await reader.readexactly(1000)  # which never come

    assert asked(behave)[0].body == b"abc"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "no HTTP"),
        (b"\x16\x03\x01\x00\x00", "no HTTP|closed"),
        (b"HTTP/1.1 99999 What\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "no HTTP"),
        (b"HTTP/1.1 200 OK\r\n: nameless\r\n\r\n", "no HTTP"),
        (b"", "closed|no HTTP"),
        (b"HTTP/1.1 200 OK\r\nX-Half", "closed|no HTTP"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, "interim"),
    ],
)
def test_what_is_no_reply_fails(raw: bytes, reason: str) -> None:
    """Nothing of it is taken for one."""
    with pytest.raises(ExchangeError, match=reason):
        asked(answering(raw))


def test_headers_without_end_fail() -> None:
    """They are read up to a bound, and no further."""
    sent = 0

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 1000 + b"\r\n")
            sent += 1000
            await writer.drain()

    with pytest.raises(ExchangeError, match="no HTTP"):
        asked(behave)


def test_a_listener_that_says_nothing_is_left_to_the_callers_clock() -> None:
    """The caller bounds the time of the whole."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(1000):
            writer.write(b"H")
            await asyncio.sleep(0.05)

    async def run() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await behave(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        try:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.2):
                    await post(reader, writer, "/", HEADERS, b"", Traffic())
        finally:
            writer.transport.abort()
            server.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a\r\nX: y", HEADERS),
        ("/a b", HEADERS),
        ("/", (*HEADERS, ("X", "a\r\nY: b"))),
        ("/", (*HEADERS, ("X\n", "a"))),
    ],
)
def test_a_request_that_would_be_two_is_none(target: str, headers: tuple[tuple[str, str], ...]) -> None:
    """Line breaks in a path or header are refused before a byte is sent."""
    with pytest.raises(ExchangeError, match="no request"):
        asked(answering(b"HTTP/1.1 200 OK\r\n\r\n"), target=target, headers=headers)
