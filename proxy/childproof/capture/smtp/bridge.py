"""A transport without a socket: SMTP inside a tunnel that somebody else reads and writes (CONNECT, SOCKS5)."""

import asyncio
from collections.abc import Callable
from typing import Any

MAX_WAITING = 32 * 1024 * 1024  # bytes that may wait while the protocol has paused reading; beyond it we hang up


class Bridge(asyncio.Transport):
    """Gives a protocol bytes through `feed` and its own bytes to `write`.

    `closed` is called once, when the protocol ends the connection itself; the tunnel's owner calls `lost` when the
    other side does. Single-threaded: everything happens in the loop's thread.
    """

    def __init__(
        self,
        protocol: asyncio.BaseProtocol,
        write: Callable[[bytes], None],
        closed: Callable[[], None],
        *,
        peer: tuple[str, int] = ("", 0),
    ) -> None:
        super().__init__({"peername": peer})
        self._protocol = protocol
        self._write = write
        self._closed = closed
        self._waiting = bytearray()
        self._paused = False
        self._ended = False
        self._eof = False

    def start(self) -> None:
        """Begin the conversation: the server's greeting goes out."""
        self._protocol.connection_made(self)

    def feed(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._ended:
            return
        if self._paused:
            self._waiting += data
            if len(self._waiting) > MAX_WAITING:
                self.abort()
            return
        self._deliver(data)

    def feed_eof(self) -> None:
        """The client will send nothing more."""
        if self._ended or self._eof:
            return
        self._eof = True
        if not self._paused:
            self._deliver_eof()

    def lost(self, error: Exception | None = None) -> None:
        """The client is gone."""
        self._end(error, tell_owner=False)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes to the client."""
        if not self._ended and data:
            self._write(bytes(data))

    def close(self) -> None:
        """The protocol's own end."""
        self._end(None, tell_owner=True)

    def abort(self) -> None:
        """Likewise: nothing is buffered here that could still be sent."""
        self._end(None, tell_owner=True)

    def _force_close(self, error: BaseException) -> None:
        """What asyncio's TLS layer calls on a fatal error, as it would on a socket's transport."""
        del error
        self.abort()

    def is_closing(self) -> bool:
        """Whether either side has ended it."""
        return self._ended

    def pause_reading(self) -> None:
        """Hold what is fed from now on."""
        self._paused = True

    def resume_reading(self) -> None:
        """Deliver what was held."""
        self._paused = False
        if self._waiting:
            data, self._waiting = bytes(self._waiting), bytearray()
            self._deliver(data)
        if self._eof and not self._paused:
            self._deliver_eof()

    def is_reading(self) -> bool:
        """Whether bytes are delivered at once."""
        return not self._paused and not self._ended

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Another protocol takes over (STARTTLS)."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol in charge."""
        return self._protocol

    def can_write_eof(self) -> bool:
        """A tunnel is closed as a whole."""
        return False

    def get_write_buffer_size(self) -> int:
        """Nothing is kept here."""
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accepted, without an effect."""
        del high, low

    def _deliver(self, data: bytes) -> None:
        protocol: Any = self._protocol
        if not isinstance(protocol, asyncio.BufferedProtocol):
            protocol.data_received(data)
            return
        rest = memoryview(data)
        while rest and not self._ended:
            buffer = memoryview(protocol.get_buffer(len(rest)))
            count = min(len(buffer), len(rest))
            buffer[:count] = rest[:count]
            protocol.buffer_updated(count)
            rest = rest[count:]

    def _deliver_eof(self) -> None:
        protocol: Any = self._protocol
        if not protocol.eof_received():
            self.close()

    def _end(self, error: Exception | None, *, tell_owner: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._waiting.clear()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, error)
        if tell_owner:
            self._closed()
