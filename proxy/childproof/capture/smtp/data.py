"""A message on the wire, up to its final dot (RFC 5321, sections 4.1.1.4 and 4.5.2).

aiosmtpd reads it line by line, at 18 µs a line: seconds for a large attachment, in which nothing else is served, and
it refuses lines above a fixed length that real providers take. Here the end is searched for as a whole.
"""

import asyncio

_END = b"\r\n.\r\n"
_PREFIXES = tuple(_END[:length] for length in range(1, len(_END)))


async def read_message(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    """The message that follows, its transparency dots removed; None if it had more than `limit` bytes.

    The stream stands behind the final dot afterwards, in both cases. Only CR LF ends a line: a dot between bare line
    feeds is text (accepting it as the end is how SMTP smuggling works). Raises IncompleteReadError where the stream
    ends first.
    """
    # as if a line had just ended: then an empty message needs no case of its own
    read = bytearray(b"\r\n")
    while not read.endswith(_END) and read.endswith(_PREFIXES):
        read += await reader.readexactly(1)
    discarding = False
    while not read.endswith(_END):
        try:
            chunk = await reader.readuntil(_END)
        except asyncio.LimitOverrunError as overrun:
            # what may be the beginning of the end stays in the reader
            chunk = await reader.readexactly(overrun.consumed)
        if discarding or len(read) + len(chunk) > limit + len(_END):
            discarding = True
            read.clear()
            if chunk.endswith(_END):
                return None
        else:
            read += chunk
    return None if discarding else bytes(read[:-3]).replace(b"\r\n.", b"\r\n")[2:]
