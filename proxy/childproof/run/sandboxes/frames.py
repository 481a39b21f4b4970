"""`sandbox.channel`'s frames in an event loop: read piece by piece, so that a slow or hostile writer holds up nobody."""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from childproof.sandbox.channel import Frame

LARGEST = 4 * 1024 * 1024  # bytes of a frame: an environment is the largest thing in one
_LENGTH = struct.Struct("!I")
_MOST_DESCRIPTORS = 16


class FramesError(Exception):
    """The other side is gone, or what came is no frame."""


class Frames:
    """Frames over one non-blocking unix socket, which is closed by `close`. One task reads; several may send."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sending = asyncio.Lock()

    async def next(self) -> tuple[Frame, list[int]]:
        """The next frame with its descriptors, which are the caller's to close. Raises FramesError."""
        descriptors: list[int] = []
        try:
            (length,) = _LENGTH.unpack(await self._exactly(_LENGTH.size, descriptors))
            frame = _frame(await self._exactly(length, descriptors))
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise
        return frame, descriptors

    async def send(self, frame: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
        """Send a frame whole. Raises FramesError where the other side is gone."""
        payload = json.dumps(frame, ensure_ascii=False).encode("utf-8", "surrogateescape")
        loop = asyncio.get_running_loop()
        async with self._sending:
            try:
                head = _LENGTH.pack(len(payload))
                if descriptors:
                    socket.send_fds(self._sock, [head], list(descriptors))
                else:
                    await loop.sock_sendall(self._sock, head)
                await loop.sock_sendall(self._sock, payload)
            except OSError as error:
                raise FramesError(str(error)) from None

    def hang_up(self) -> None:
        """Let the other side, and whoever reads here, see the end. Who has the frames closes them."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    async def _exactly(self, count: int, descriptors: list[int]) -> bytes:
        if count > LARGEST:
            raise FramesError(f"a frame of {count} bytes")
        content = bytearray()
        while len(content) < count:
            try:
                part, came, _, _ = socket.recv_fds(
                    self._sock, min(count - len(content), 1 << 16), _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
            except (BlockingIOError, InterruptedError):
                await self._readable()
                continue
            except OSError as error:
                raise FramesError(str(error)) from None
            descriptors += came
            if len(descriptors) > _MOST_DESCRIPTORS:
                raise FramesError("too many descriptors")
            if not part:
                raise FramesError("the other side has closed")
            content += part
        return bytes(content)

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        there = loop.create_future()

        def readable() -> None:
            if not there.done():
                there.set_result(None)

        loop.add_reader(self._sock, readable)
        try:
            await there
        finally:
            loop.remove_reader(self._sock)


def _frame(payload: bytes) -> Frame:
    try:
        frame = json.loads(payload.decode("utf-8", "surrogateescape"))
    except (RecursionError, ValueError):
        raise FramesError("a frame that is no JSON") from None
    if not isinstance(frame, dict):
        raise FramesError("a frame that is no object")
    return frame
