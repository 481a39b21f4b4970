"""First bytes: what goes to the HTTP side, and what can't be HTTP."""

import asyncio
import socket

import pytest

from childproof.capture.peek import First, classify, first_bytes


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n", b"POST /v1/charges", b"OPTIONS * HTTP/1.1", b"CONNECT a.example:443 HTTP/1.1",
        b"GET http://a.example/ HTTP/1.1", b"get /", b"M-SEARCH * HTTP/1.1", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x03\x00\x05\x01",
    ],
)  # fmt: skip
def test_http_and_tls(data: bytes) -> None:
    assert classify(data) is First.HTTP


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n", b"EHLO me\r\n", b"*1\r\n$4\r\nPING\r\n", b"PING\r\n", b"NICK me\r\nUSER x", b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"\x16\x03\x01\x00\x05\x02", b"\x16\x02", b"\x17\x03\x03", b"a001 LOGIN x y", b"\x12\x01\x00", b'CONNECT {"verbose":false}',
        b"SET a b\r\n", b"\x05\x01\x00", b"\n", b" GET / ", b"X" * 40,
    ],
)  # fmt: skip
def test_anything_else(data: bytes) -> None:
    assert classify(data) is First.OTHER


@pytest.mark.parametrize(
    "data", [b"", b"G", b"GET", b"GET ", b"GET ht", b"GET https:/", b"\x16", b"\x16\x03\x01", b"CONNECT "]
)
def test_too_short_to_tell(data: bytes) -> None:
    assert classify(data) is First.MORE


def look(seconds: float, *sends: bytes, close: bool = False) -> tuple[First, bytes]:
    async def main() -> tuple[First, bytes]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            task = asyncio.create_task(first_bytes(ours, seconds))
            for data in sends:
                theirs.send(data)
                await asyncio.sleep(0.02)
            if close:
                theirs.shutdown(socket.SHUT_WR)
            found = await task
            ours.setblocking(False)
            return found, ours.recv(100) if sends else b""

    return asyncio.run(asyncio.wait_for(main(), 10))


def test_what_was_looked_at_stays_in_the_socket() -> None:
    assert look(10, b"GE", b"T / HTTP/1.1\r\n") == (First.HTTP, b"GET / HTTP/1.1\r\n")


def test_silence_and_the_end_are_told_as_such() -> None:
    assert look(0.01)[0] is First.SILENCE
    assert look(10, close=True)[0] is First.SILENCE


def test_half_a_word_is_not_waited_for_for_ever() -> None:
    assert look(0.05, b"GE", close=True) == (First.OTHER, b"GE")
