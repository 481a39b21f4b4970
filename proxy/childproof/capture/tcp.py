"""Raw TCP: whatever is neither HTTP, SMTP nor DNS. One connection is one call; a denial is a reset at once.

Where a rule allows it, bytes are relayed to the one address that the dialer checked, and counted.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from childproof.model import Call, Forward, Outcome, Protocol, Upstream, Violation

from .destination import Destination, Ingress, Judge
from .dialer import Dialed, DialError, dial

Dial = Callable[[Forward], Awaitable[Dialed]]
_CHUNK = 64 * 1024
_FLUSH = 10.0  # seconds for the last bytes to leave
_HOLD = 300.0  # seconds that a connection is held by a `timeout` fault


def reset(sock: socket.socket) -> None:
    """Close a socket with RST instead of FIN, so that the client sees a refusal and not an empty answer."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def serve_tcp(
    sock: socket.socket,
    ingress: Ingress,
    destination: Destination,
    judge: Judge,
    *,
    dial: Dial = dial,
    violation: Violation | None = None,
) -> None:
    """Judge an accepted connection as a TCP call, then relay or reset it. Owns `sock` from here on."""
    try:
        outcome = judge.handle(tcp_call(ingress, destination, violation))
        if outcome.delay > 0:
            await asyncio.sleep(outcome.delay)
        if outcome.forward is not None and not outcome.fault:
            await _relay(sock, outcome, outcome.forward, judge, dial)
        elif outcome.fault == "timeout":
            await _silence(sock)
    finally:
        # TCP has no words: whatever else the outcome is, the answer is a reset (nothing happens after a clean relay)
        reset(sock)


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


@dataclass(slots=True)
class _Count:
    bytes: int = 0


async def _relay(sock: socket.socket, outcome: Outcome, forward: Forward, judge: Judge, dial: Dial) -> None:
    try:
        far = await dial(forward)
    except DialError as error:
        judge.settle(outcome, error.upstream, None, error.reason)
        return
    sent, received = _Count(), _Count()
    trouble = "the connection was cut"
    try:
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            trouble = await _both_ways(
                asyncio.gather(_pump(reader, far.writer, sent), _pump(far.reader, writer, received))
            )
        finally:
            await _close(writer, abort=bool(trouble))
    finally:
        await _close(far.writer, abort=bool(trouble))
        judge.settle(outcome, _sum(far.upstream, sent, received), None, trouble)


async def _both_ways(pumps: "asyncio.Future[tuple[None, None]]") -> str:
    """Wait until both directions have ended; what broke them, empty where nothing did."""
    try:
        await pumps
    except OSError as error:
        pumps.cancel()
        return f"the connection broke: {error}"
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
        writer.transport.abort()
        return
    writer.close()
    with contextlib.suppress(OSError):
        try:
            async with asyncio.timeout(_FLUSH):
                await writer.wait_closed()
        except TimeoutError:
            writer.transport.abort()


async def _silence(sock: socket.socket) -> None:
    """Hold the connection without an answer, until the client gives up or `_HOLD` is over."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_HOLD):
            while await loop.sock_recv(sock, _CHUNK):
                pass


def _sum(upstream: Upstream, sent: _Count, received: _Count) -> Upstream:
    return replace(upstream, bytes_out=sent.bytes, bytes_in=received.bytes)
