"""DNS over TCP (RFC 7766): the same answers, each message behind its length in two bytes."""

import asyncio
import struct

from .answer import Answerer

IDLE = 30.0  # seconds that a connection may stay silent between two queries
_LENGTH = struct.Struct("!H")


async def serve_stream(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answerer: Answerer, *, idle: float = IDLE
) -> None:
    """Answer the queries of one connection in their order until it ends, falls silent or breaks the framing."""
    try:
        while True:
            async with asyncio.timeout(idle):
                (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                message = await reader.readexactly(length)
            response = answerer.answer(message)
            if response.delay > 0:
                await asyncio.sleep(response.delay)
            if response.data is None:
                return  # silence on a stream would stall the queries behind it: end the connection instead
            writer.write(_LENGTH.pack(len(response.data)) + response.data)
            await writer.drain()
    except asyncio.IncompleteReadError as error:
        if error.partial:
            answerer.answer(error.partial)  # a cut-off message: recorded as malformed, there is nobody to answer
    except (TimeoutError, ConnectionError):
        pass
    except BaseException:
        writer.transport.abort()
        raise
    finally:
        writer.close()
