"""What a client speaks, by its first bytes, which stay in the socket for whoever takes it over."""

import asyncio
import re
import socket
from collections.abc import Callable
from enum import Enum, auto

_LENGTH = 64
_AGAIN = 0.01  # seconds between looks while the first line is still too short to tell
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}"
# A request line up to the beginning of its target: a path, an absolute URI, `*`, or CONNECT's authority (RFC 9112).
_HTTP = re.compile(rb"(?:CONNECT [^\s{]|" + _TOKEN + rb" (?:/|\*|https?://))", re.IGNORECASE)
_MAYBE = re.compile(rb"(?:" + _TOKEN + rb"(?: (?:h(?:t(?:t(?:ps?:?/?)?)?)?)?)?)?", re.IGNORECASE)
_TLS_HANDSHAKE = 0x16
_CLIENT_HELLO = 1


class First(Enum):
    """What the first bytes are."""

    HTTP = auto()  # a request line, or the TLS ClientHello that will carry one
    OTHER = auto()
    SILENCE = auto()  # nothing in time, or the end
    MORE = auto()  # could still become HTTP


def classify(data: bytes) -> First:
    """Judge a prefix of what the client sends."""
    if not data:
        return First.MORE
    if data[0] == _TLS_HANDSHAKE:
        # record type, version 3.x, length, then the handshake type (RFC 8446, section 5.1)
        if len(data) > 1 and data[1] != 3:
            return First.OTHER
        if len(data) < 6:
            return First.MORE
        return First.HTTP if data[5] == _CLIENT_HELLO else First.OTHER
    if _HTTP.match(data):
        return First.HTTP
    return First.MORE if _MAYBE.fullmatch(data) else First.OTHER


async def first_bytes(sock: socket.socket, seconds: float) -> First:
    """Wait for enough bytes to tell, at most `seconds`, without taking any. Never returns MORE."""
    sock.setblocking(False)
    seen = b""
    try:
        async with asyncio.timeout(seconds):
            while True:
                await _readable(sock)
                data = sock.recv(_LENGTH, socket.MSG_PEEK)
                if not data or (found := classify(data)) is not First.MORE:
                    return found if data else First.SILENCE
                if len(data) <= len(seen):
                    # the socket stays readable while the bytes stay in it: look again a little later
                    await asyncio.sleep(_AGAIN)
                seen = data
    except BlockingIOError:
        return First.SILENCE
    except TimeoutError:
        return First.OTHER if seen else First.SILENCE
    except OSError:
        return First.SILENCE


async def looked_at[T](sock: socket.socket, read: Callable[[bytes], T | None], most: int, seconds: float) -> T:
    """What `read` makes of all that has come, asked again with more of it as long as it says None; nothing is taken.

    Raises TimeoutError where that takes too long, or more than `most` bytes, or the client sends nothing more.
    """
    seen = b""
    async with asyncio.timeout(seconds):
        while True:
            await _readable(sock)
            try:
                data = sock.recv(most, socket.MSG_PEEK)
            except BlockingIOError:
                continue
            except OSError:
                raise TimeoutError from None
            if len(data) > len(seen):
                found = read(data)
                if found is not None:
                    return found
            if not data or len(data) >= most:
                raise TimeoutError
            if len(data) <= len(seen):
                await asyncio.sleep(_AGAIN)
            seen = data


async def _readable(sock: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(sock.fileno(), wake)
    try:
        await ready
    finally:
        loop.remove_reader(sock.fileno())
