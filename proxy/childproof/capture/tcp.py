"""Raw TCP: whatever is neither HTTP, SMTP nor DNS. One connection is one call; a denial is a reset at once.

Where a rule allows it, bytes are relayed to the one address that the dialer checked, and counted.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from childproof.model import Call, Forward, Outcome, Protocol, Violation, replace

from .destination import Destination, Ingress, Judge
from .dialer import Dialed, DialError, dial

log = logging.getLogger(__name__)
Dial = Callable[[Forward], Awaitable[Dialed]]
_CHUNK = 64 * 1024
_FLUSH = 10.0  # seconds for the last bytes to leave
_HOLD = 300.0  # seconds that a connection is held by a `timeout` fault
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, no time


def reset(sock: socket.socket) -> None:
    """Close a socket with RST instead of FIN, so that the client sees a refusal and not an empty answer."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


def reset_transport(transport: asyncio.WriteTransport) -> None:
    """The same for a connection that a transport owns. One without a socket is closed as it can."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def wind_up(transport: asyncio.BaseTransport) -> None:
    """The process stops: have what is spoken on a connection end, where it knows how; the rest ends with the process."""
    told = getattr(transport.get_protocol(), "wind_up", None) if isinstance(transport, asyncio.Transport) else None
    if told is not None:
        told()


def tcp_call(ingress: Ingress, destination: Destination, violation: Violation | None = None) -> Call:
    """The call that a raw connection is."""
    return Call(
        Protocol.TCP,
        destination.host,
        destination.port,
        ingress.world,
        ingress.sandbox,
        address=destination.address,
        violation=violation,
    )


def tcp_protocol_factory(
    ingress: Ingress,
    destination: Destination,
    judge: Judge,
    *,
    dial: Dial = dial,
    on_close: Callable[[], None] = lambda: None,
) -> asyncio.Protocol:
    """The protocol for one connection: judged as soon as it has a transport, then relayed or reset.

    `on_close` is called once, when the connection is over.
    """
    return _Connection(judge, tcp_call(ingress, destination), dial, on_close)


@dataclass(slots=True)
class _Count:
    bytes: int = 0


class _Connection(asyncio.StreamReaderProtocol):
    def __init__(self, judge: Judge, call: Call, dial: Dial, on_close: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(asyncio.StreamReader(loop=loop), self._serve, loop=loop)
        self._judge = judge
        self._call = call
        self._dial = dial
        self._on_close = on_close
        self._pumps: asyncio.Future[tuple[None, None]] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._pumps is not None:
            self._pumps.cancel()  # no effect where both directions have ended, as in a clean close

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            outcome = self._judge.handle(self._call)
            if outcome.delay > 0:
                await asyncio.sleep(outcome.delay)
            if outcome.forward is not None and not outcome.fault:
                await self._relay(reader, writer, outcome, outcome.forward)
            elif outcome.fault == "timeout":
                await _silence(reader)
        except Exception:
            log.exception("a TCP connection failed")
        finally:
            # TCP has no words: whatever else the outcome is, the answer is a reset (nothing, after a clean relay)
            reset_transport(writer.transport)
            self._on_close()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outcome: Outcome, forward: Forward
    ) -> None:
        try:
            far = await self._dial(forward)
        except DialError as error:
            self._judge.settle(outcome, error.upstream, None, error.reason)
            return
        sent, received = _Count(), _Count()
        trouble = "the connection was cut"
        self._pumps = asyncio.gather(_pump(reader, far.writer, sent), _pump(far.reader, writer, received))
        try:
            trouble = await _until_ended(self._pumps)
        finally:
            await _close(writer, abort=bool(trouble))
            await _close(far.writer, abort=bool(trouble))
            upstream = replace(far.upstream, bytes_out=sent.bytes, bytes_in=received.bytes)
            self._judge.settle(outcome, upstream, None, trouble)


async def _until_ended(pumps: "asyncio.Future[tuple[None, None]]") -> str:
    """Wait until both directions have ended; what broke them, empty where nothing did."""
    try:
        await pumps
    except OSError as error:
        pumps.cancel()
        return f"the connection broke: {error}"
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        return "the client cut the connection"
    return ""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: _Count) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        count.bytes += len(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter, *, abort: bool) -> None:
    """Close once all is sent; at once where there is no point in that, or nobody reads."""
    if abort:
        reset_transport(writer.transport)
        return
    writer.close()
    with contextlib.suppress(OSError):
        try:
            async with asyncio.timeout(_FLUSH):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()


async def _silence(reader: asyncio.StreamReader) -> None:
    """Hold the connection without an answer, until the client gives up or `_HOLD` is over."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_HOLD):
            while await reader.read(_CHUNK):
                pass
