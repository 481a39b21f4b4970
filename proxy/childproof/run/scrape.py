"""`GET /metrics` for Prometheus, on a listener of its own: outside the sandbox, and not a proxy's port."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import h11

from childproof.errors import InputError

from .compose import Parts
from .config import split_address

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PATIENCE = 5.0  # seconds for a request, and for its reply to be taken
_LARGEST = 16 * 1024


@asynccontextmanager
async def scraped(address: str, exposition: Callable[[], str]) -> AsyncIterator[str]:
    """Answer at `address` (host:port, port 0 for any) while the block runs; gives where. Raises InputError."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, h11.ProtocolError):
            async with asyncio.timeout(PATIENCE):
                await _answer(reader, writer, exposition)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    host, port = split_address(address)
    try:
        server = await asyncio.start_server(serve, host, port)
    except OSError as error:
        raise InputError.single(
            "metrics", f"{address} can't be listened on: {error.strerror or error}", "a free port"
        ) from None
    async with server:
        bound = server.sockets[0].getsockname()
        yield f"[{bound[0]}]:{bound[1]}" if ":" in bound[0] else f"{bound[0]}:{bound[1]}"


@asynccontextmanager
async def scraping(parts: Parts, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Let Prometheus ask while the block runs, where that is configured."""
    watching = parts.watching
    if watching is None or not parts.config.metrics:
        yield
        return
    async with scraped(parts.config.metrics, lambda: watching.exposition(parts.engine.missing())) as address:
        say(f"metrics http://{address}/metrics")
        yield


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exposition: Callable[[], str]) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(_LARGEST))
    except h11.RemoteProtocolError as error:
        await _send(connection, writer, error.error_status_hint, "this is no HTTP request\n")
        return
    if not isinstance(event, h11.Request):
        return
    path = event.target.partition(b"?")[0]
    if path != b"/metrics":
        await _send(connection, writer, 404, "the metrics are at /metrics\n")
    elif event.method not in (b"GET", b"HEAD"):
        await _send(connection, writer, 405, "only GET\n")
    else:
        await _send(connection, writer, 200, exposition())


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, status: int, text: str) -> None:
    body = text.encode()
    media = CONTENT_TYPE if status == 200 else "text/plain; charset=utf-8"
    headers = [("content-type", media), ("content-length", str(len(body))), ("connection", "close")]
    for event in (h11.Response(status_code=status, headers=headers), h11.Data(body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
