"""Reading a message to its final dot, whatever pieces it comes in."""

import asyncio

import pytest
from hypothesis import example, given, strategies

from childproof.capture.smtp.data import read_message


def read(
    wire: bytes, *, limit: int = 10_000, pieces: list[int] | None = None, buffer: int = 64
) -> tuple[bytes | None, bytes]:
    """What was read, and what stays in the stream."""

    async def main() -> tuple[bytes | None, bytes]:
        reader = asyncio.StreamReader(limit=buffer)

        async def feed() -> None:
            rest, sizes = wire, list(pieces or [])
            while rest:
                size = sizes.pop(0) if sizes else len(rest)
                reader.feed_data(rest[:size])
                rest = rest[size:]
                await asyncio.sleep(0)
            reader.feed_eof()

        feeding = asyncio.create_task(feed())
        message = await read_message(reader, limit)
        await feeding
        return message, await reader.read()

    return asyncio.run(main())


def line_by_line(wire: bytes) -> tuple[bytes, bytes]:
    """The RFC's own words, slowly."""
    lines = []
    rest = wire
    while True:
        line, _, rest = rest.partition(b"\r\n")
        if line == b".":
            return b"".join(lines), rest
        lines.append(line.removeprefix(b".") + b"\r\n")


@pytest.mark.parametrize(
    ("wire", "message", "rest"),
    [
        (b".\r\n", b"", b""),
        (b".\r\nQUIT\r\n", b"", b"QUIT\r\n"),
        (b"\r\n.\r\n", b"\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n", b""),
        (b"..\r\n.\r\n", b".\r\n", b""),
        (b".x\r\n.\r\n", b"x\r\n", b""),
        (b"..a\r\n...b\r\n.\r\n.\r\n", b".a\r\n..b\r\n", b".\r\n"),
        (b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", b""),
        (b"a\r\n.\nb\r.\r\n.\r\n", b"a\r\n\nb\r.\r\n", b""),
        (b"\r\r\n.\r\n", b"\r\r\n", b""),
        (b"x" * 1000 + b"\r\n.\r\nNOOP\r\n", b"x" * 1000 + b"\r\n", b"NOOP\r\n"),
    ],
)
def test_messages(wire: bytes, message: bytes, rest: bytes) -> None:
    assert read(wire) == (message, rest)
    assert read(wire, pieces=[1] * len(wire)) == (message, rest)


PIECES = strategies.lists(
    strategies.sampled_from([b".", b"\r\n", b"\r", b"\n", b"a", b"\r\n.", b"\r\n.\r", b"x" * 70]), max_size=40
)


@given(PIECES.map(b"".join), strategies.lists(strategies.integers(1, 9), max_size=60), strategies.integers(4, 40))
@example(b"\r\n.\r", [2, 1, 1], 4)
def test_the_fast_reader_reads_as_the_slow_one(text: bytes, pieces: list[int], buffer: int) -> None:
    wire = text + b"\r\n.\r\nQUIT\r\n"
    assert read(wire, limit=100_000, pieces=pieces, buffer=buffer) == line_by_line(wire)


@pytest.mark.parametrize("size", [98, 99, 1000, 100_000])
def test_what_is_too_large_is_read_away_and_not_kept(size: int) -> None:
    message, rest = read(b"x" * size + b"\r\n.\r\nQUIT\r\n", limit=100)
    assert rest == b"QUIT\r\n"
    assert (message is None) == (size + 2 > 100)


def test_a_stream_that_ends_first_is_an_error() -> None:
    for wire in (b"", b".", b"\r\n.", b"abc\r\n", b"abc\r\n."):
        with pytest.raises(asyncio.IncompleteReadError):
            read(wire)
