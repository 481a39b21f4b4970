"""The mail that stubs keep in a world, as everybody reads it: the API, and the command line from a file or a server."""

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

SERVICE = "email"
Json = dict[str, Any]
Held = Callable[[str], Iterable[Json]]  # the entities of one of the service's kinds, oldest first


def boxes(held: Held) -> Iterator[tuple[str, str, int]]:
    """Address, owner and number of messages: first those that the world was seeded with, then those that came with a message."""
    counts = Counter(row["mailbox"] for row in held("delivery"))
    known = {box["address"]: str(box["name"]) for box in held("mailbox")}
    for address in [*known, *(address for address in counts if address not in known)]:
        yield address, known.get(address, ""), counts[address]


def messages(held: Held, to: str | None = None) -> Iterator[tuple[int, Json]]:
    """Messages in the order in which they came, numbered from 1 in the world; `to`: only what lies there, whatever its case."""
    if to is None:
        yield from enumerate(held("message"), 1)
        return
    wanted = to.casefold()
    mine = {row["message"] for row in held("delivery") if row["mailbox"].casefold() == wanted}
    if mine:
        yield from ((number, value) for number, value in enumerate(held("message"), 1) if value["id"] in mine)


def source(stored: Json) -> bytes:
    """A message as it came, from the entity that keeps it."""
    content: str = stored["content"]
    return content.encode() if stored["encoding"] == "utf-8" else base64.b64decode(content)
