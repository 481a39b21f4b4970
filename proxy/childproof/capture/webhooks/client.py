"""One POST over a connection that is made already. What answers may be hostile: all of it is bounded, none interpreted.

Redirects aren't followed, cookies and all other headers mean nothing; of the body only the beginning is kept.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

import h11

from childproof.model import Reply

HEAD = 64 * 1024  # bytes of a reply's head
KEPT = 64 * 1024  # bytes of a reply's body that are read
INTERIM = 8  # replies with a 1xx status before the one that counts
BODY_SECONDS = 2.0  # for a reply's body, once its head is there
_CHUNK = 16 * 1024


class ExchangeError(Exception):
    """No reply that counts, and why."""


@dataclass(slots=True)
class Traffic:
    """Bytes that went over the connection, of the request and of the reply; TLS not counted."""

    out: int = 0
    back: int = 0


async def post(  # noqa: PLR0917 (the parts of one request)
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    target: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    traffic: Traffic,
) -> Reply:
    """Send the request and read the reply. Raises ExchangeError; OSError where the connection breaks.

    The caller bounds the time. `headers` hold Host; the length is added, and that the connection ends with the reply.
    """
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD)
    try:
        request = h11.Request(
            method="POST",
            target=target,
            headers=[*headers, ("Content-Length", str(len(body))), ("Connection", "close")],
        )
        raw = (connection.send(request) or b"") + (connection.send(h11.Data(data=body)) or b"")
        raw += connection.send(h11.EndOfMessage()) or b""
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        raise ExchangeError(f"no request can be made of this: {error}") from None
    writer.write(raw)
    traffic.out += len(raw)
    # Who answers early need not read it all: the reply counts, whatever became of the rest.
    sending = asyncio.ensure_future(writer.drain())
    try:
        events = _events(connection, reader, traffic)
        async with aclosing(events):
            head = await _head(events)
            kept, size = await _body(events)
    except h11.RemoteProtocolError as error:
        raise ExchangeError(f"the reply is no HTTP: {error}") from None
    finally:
        sending.cancel()
    told = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items())
    return Reply(head.status_code, told, kept, size=size)


type _Event = h11.Response | h11.InformationalResponse | h11.Data | h11.EndOfMessage


async def _events(connection: h11.Connection, reader: asyncio.StreamReader, traffic: Traffic) -> AsyncGenerator[_Event]:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_CHUNK)
            traffic.back += len(data)
            connection.receive_data(data)
        elif isinstance(event, h11.Response | h11.InformationalResponse | h11.Data):
            yield event
        elif isinstance(event, h11.EndOfMessage):
            yield event
            return
        else:
            raise ExchangeError("the connection was closed without a reply")


async def _head(events: AsyncIterator[_Event]) -> h11.Response:
    interim = 0
    async for event in events:
        if isinstance(event, h11.Response):
            return event
        interim += 1
        if interim > INTERIM:
            break
    raise ExchangeError(f"more than {INTERIM} interim replies")


async def _body(events: AsyncIterator[_Event]) -> tuple[bytes, int | None]:
    """The beginning of the body, and the length of the whole where it was read to its end and is longer."""
    kept = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for event in events:
                if isinstance(event, h11.EndOfMessage):
                    return bytes(kept), None
                if isinstance(event, h11.Data):
                    kept += event.data
                if len(kept) >= KEPT:
                    break
    except (TimeoutError, OSError, h11.RemoteProtocolError):
        pass  # the status is what counts
    return bytes(kept[:KEPT]), len(kept)
