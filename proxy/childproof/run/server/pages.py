"""A few pages over HTTP on listeners of their own: counts and health, outside the sandbox, and on no proxy's port."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import h11
import msgspec

from childproof.capture.binding import is_here

PATIENCE = 5.0  # seconds for a request, and for its reply to be taken
MOST = 64  # connections at once: a sandbox may reach these ports too, and must not use up our descriptors
# Of those, from this network namespace itself: a workload beside us must not keep out the probes that come from outside, for
# whoever probes would end us.
MOST_FROM_HERE = 32
_LARGEST = 16 * 1024
_BACKLOG = 128
PLAIN = "text/plain; charset=utf-8"


class Page(msgspec.Struct, frozen=True):
    """What one path answers."""

    text: str
    media: str = PLAIN
    status: int = 200


Pages = Mapping[str, Callable[[], Page]]


@asynccontextmanager
async def answering(sockets: Sequence[socket.socket], pages: Pages) -> AsyncIterator[None]:
    """Answer GET and HEAD of these paths on bound sockets while the block runs. Raises OSError where they can't listen.

    `pages` is looked at for each request: what it holds may change meanwhile.
    """
    live: dict[asyncio.StreamWriter, bool] = {}  # and whether it is from here

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_here = _from_here(writer)
        if len(live) >= MOST or (from_here and sum(live.values()) >= MOST_FROM_HERE):
            writer.transport.abort()
            return
        live[writer] = from_here
        try:
            with suppress(OSError, TimeoutError, h11.ProtocolError):
                async with asyncio.timeout(PATIENCE):
                    await _answer(reader, writer, pages)
            writer.close()
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await writer.wait_closed()
        finally:
            live.pop(writer, None)
            writer.transport.abort()

    servers = [await asyncio.start_server(serve, sock=sock, backlog=_BACKLOG) for sock in sockets]
    try:
        yield
    finally:
        for server in servers:
            server.close()
        for writer in live:
            writer.transport.abort()


def _from_here(writer: asyncio.StreamWriter) -> bool:
    peer = writer.get_extra_info("peername")
    return not peer or is_here(peer[0].partition("%")[0].removeprefix("::ffff:"))


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pages: Pages) -> None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await reader.read(_LARGEST))
    except h11.RemoteProtocolError as error:
        await _send(connection, writer, Page("this is no HTTP request\n", status=error.error_status_hint))
        return
    if not isinstance(event, h11.Request):
        return
    page = pages.get(event.target.partition(b"?")[0].decode("latin-1"))
    if page is None:
        known = ", ".join(pages)
        found = Page(f"the metrics are at {known}\n" if known == "/metrics" else f"there is {known}\n", status=404)
    elif event.method not in (b"GET", b"HEAD"):
        found = Page("only GET and HEAD\n", status=405)
    else:
        try:
            found = page()
        except Exception as error:  # noqa: BLE001 (whatever it is: whoever asks is told, and the next one is answered)
            found = Page(f"{type(error).__name__}\n", status=500)
    await _send(connection, writer, found)


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, page: Page) -> None:
    body = page.text.encode()
    headers = [("content-type", page.media), ("content-length", str(len(body))), ("connection", "close")]
    if page.status == 405:
        headers.append(("allow", "GET, HEAD"))
    for event in (h11.Response(status_code=page.status, headers=headers), h11.Data(body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
