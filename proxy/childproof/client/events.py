"""Server-sent events (WHATWG HTML, 9.2): lines into events, and a stream that goes on where it broke off."""

import http.client
import time
from collections.abc import Callable, Generator, Iterator
from itertools import chain
from typing import Any

import msgspec

from .asking import UNREADABLE, foreign
from .errors import UNREACHABLE, ControlError, UnreachableError
from .wire import Wire

PATIENCE = 60.0  # seconds without so much as a heartbeat, which a server sends more often
LONGEST = 1 << 26  # bytes of a line: an entry has two bodies of some KiB each
ENTRY = "entry"  # the kind of an event that has an entry of the ledger
DELETED = "deleted"  # the kind of the last event of a world
_MARK = "mark"
_PAUSES = (0.1, 0.5, 1.0, 2.0, 4.0)  # seconds before another try: a server starts again in less than all of them


class Event(msgspec.Struct, frozen=True):
    """One event: `id` resumes after it, `kind` is its type, `data` what its JSON says."""

    id: str
    kind: str
    data: Any


def follow(
    wire: Wire, path: str, refused: Callable[[http.client.HTTPResponse, str], Exception], after: str | None
) -> Iterator[Event]:
    """Events until the world is deleted or the caller stops reading. What comes after this call is among them.

    Raises ControlError: at once for what can't be followed, later where the server is gone for good.
    """
    begun = _once(wire, path, refused, after)
    first = next(begun, None)
    return _followed(wire, path, refused, after, first=first, stream=begun)


def _followed(
    wire: Wire,
    path: str,
    refused: Callable[[http.client.HTTPResponse, str], Exception],
    after: str | None,
    *,
    first: Event | None,
    stream: Generator[Event],
) -> Generator[Event]:
    fails = 0
    while True:
        try:
            for event in stream if first is None else chain([first], stream):
                after, fails, first = event.id or after, 0, None
                if event.kind == _MARK:
                    continue
                yield event
                if event.kind == DELETED:
                    return
        except ControlError as error:
            if error.status or fails >= len(_PAUSES):
                raise
        finally:
            stream.close()
        if fails >= len(_PAUSES):
            raise UnreachableError(0, UNREACHABLE, f"{wire.url} ends each stream of events at once")
        time.sleep(_PAUSES[fails])
        fails += 1
        stream = _once(wire, path, refused, after)


def _once(
    wire: Wire, path: str, refused: Callable[[http.client.HTTPResponse, str], Exception], after: str | None
) -> Generator[Event]:
    headers = {"accept": "text/event-stream", **({"last-event-id": after} if after is not None else {})}
    connection, response = wire.stream(path, headers, timeout=PATIENCE)
    try:
        if response.status != 200:
            raise refused(response, wire.url)
        if response.getheader("content-type", "").partition(";")[0].strip() != "text/event-stream":
            raise foreign(200, f"{wire.url} gives no stream of events")
        yield from parse(_lines(response, wire.url))
    except UNREADABLE:
        raise foreign(200, f"{wire.url} gives events that aren't childproof's") from None
    except (OSError, http.client.HTTPException):
        return  # broken off: whoever follows asks again
    finally:
        connection.close()


def _lines(response: http.client.HTTPResponse, url: str) -> Iterator[str]:
    """What comes, line by line. Raises ControlError for what no server of ours sends."""
    while line := response.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise foreign(200, f"{url} gives a line of more than {LONGEST >> 20} MiB")
        yield line.decode(errors="replace")


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Events of lines, and where an id stands alone, from which a stream goes on; comments are nothing."""
    told, number, kind, data = "", "", "message", list[str]()
    for line in lines:
        name, _, value = line.rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if not name and not value:
            if data:
                yield Event(number, kind, msgspec.json.decode("\n".join(data)))
            elif number != told:
                yield Event(number, _MARK, None)
            told = number
            kind, data = "message", []
        elif name == "data":
            data.append(value)
        elif name == "id":
            number = value
        elif name == "event":
            kind = value
