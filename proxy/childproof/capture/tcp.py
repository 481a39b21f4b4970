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
_HOLD = 300.0  # seconds that a connection is held by a `timeout` fault


def reset(sock: socket.socket) -> None:
    """Close a socket with RST instead of FIN, so that the client sees a refusal and not an empty answer."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


async def serve_tcp(  # noqa: PLR0913 (one connection's facts)
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
    error = ""
    try:
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, far.writer, sent))
                group.create_task(_pump(far.reader, writer, received))
        except* OSError as failures:
            error = f"the connection broke: {failures.exceptions[0]}"
            writer.transport.abort()
        finally:
            await _close(writer)
    except OSError as failure:
        error = f"the connection broke: {failure}"
    finally:
        await _close(far.writer)
        judge.settle(outcome, _sum(far.upstream, sent, received), None, error)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, count: _Count) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        count.bytes += len(chunk)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _silence(sock: socket.socket) -> None:
    """Hold the connection without an answer, until the client gives up or `_HOLD` is over."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_HOLD):
            while await loop.sock_recv(sock, _CHUNK):
                pass


def _sum(upstream: Upstream, sent: _Count, received: _Count) -> Upstream:
    return replace(upstream, bytes_out=sent.bytes, bytes_in=received.bytes)
