"""Server-sent events (WHATWG HTML, 9.2): lines into events, and a stream that goes on where it broke off."""

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from .errors import ControlError
from .wire import Wire

PATIENCE = 60.0  # seconds without so much as a heartbeat, which a server sends more often
_PAUSES = (0.1, 0.5, 1.0, 2.0)  # seconds before another try


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `id` resumes after it, `kind` is its type, `data` what its JSON says."""

    id: str
    kind: str
    data: Any


def follow(
    wire: Wire, path: str, refused: Callable[[http.client.HTTPResponse], Exception], after: str | None
) -> Iterator[Event]:
    """Events until the caller stops reading. Raises ControlError where the server is gone for good."""
    fails = 0
    while True:
        try:
            for event in _once(wire, path, refused, after):
                after, fails = event.id or after, 0
                yield event
        except ControlError as error:
            if error.status or fails >= len(_PAUSES) or after is None:
                raise
        if fails >= len(_PAUSES):
            raise ControlError(0, "unreachable", f"{wire.url} ends each stream of events at once")
        time.sleep(_PAUSES[fails])
        fails += 1


def _once(
    wire: Wire, path: str, refused: Callable[[http.client.HTTPResponse], Exception], after: str | None
) -> Iterator[Event]:
    headers = {"accept": "text/event-stream", **({"last-event-id": after} if after is not None else {})}
    connection, response = wire.stream(path, headers, timeout=PATIENCE)
    try:
        if response.status != 200:
            raise refused(response)
        yield from parse(line.decode() for line in response)
    except (OSError, http.client.HTTPException):
        return  # broken off: whoever follows asks again
    finally:
        connection.close()


def parse(lines: Iterator[str]) -> Iterator[Event]:
    """Events of lines; comments, which keep a connection alive, are none."""
    number, kind, data = "", "message", list[str]()
    for line in lines:
        name, _, value = line.rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if not name and not value:
            if data:
                yield Event(number, kind, msgspec.json.decode("\n".join(data)))
            kind, data = "message", []
        elif name == "data":
            data.append(value)
        elif name == "id":
            number = value
        elif name == "event":
            kind = value
