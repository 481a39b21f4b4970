"""A reply that goes on after its head: parts with pauses between them, or the talk of an accepted WebSocket.

Values and generators only: who waits, sends and gives up is the capture side's business, what a step does in the world
the engine's. So the same stream can be read by a test without a clock.
"""

from collections.abc import Callable, Generator
from typing import Any, Literal

import msgspec


class Part(msgspec.Struct, frozen=True):
    """A piece of a body, to be sent `delay` seconds after the one before it. Without data it is only the pause."""

    data: bytes
    delay: float = 0.0


class Step(msgspec.Struct, frozen=True):
    """Work in the world between two parts: `work` is given a transaction of its own and gives (value, effects).

    The engine runs it, records it if it changed anything, and sends the value back into the stream.
    """

    work: Callable[[Any], tuple[Any, tuple[Any, ...]]]
    name: str


# What it returns are trailers (RFC 9110, section 6.5): pairs of name and value, or nothing.
Stream = Generator[Part | Step, Any, tuple[tuple[str, str], ...] | None]


class Frame(msgspec.Struct, frozen=True):
    """One message of a WebSocket, in or out, or its end (RFC 6455). `delay` (seconds) counts from the one before it.

    A `close` has `code`, and its reason in `data`.
    """

    kind: Literal["text", "bytes", "ping", "close"]
    data: bytes = b""
    code: int = 1000
    delay: float = 0.0


class Talk[Heard](msgspec.Struct, frozen=True):
    """An accepted WebSocket: what is said first, and what is answered to each message and to the client's close.

    A stub's `hear` gives a `Step` whose value are the frames to say; the engine's gives the frames, and never raises:
    a failure is a close with code 1011.
    `look` is there for who follows the world: asked again and again, it gives likewise what is to be said unasked.
    """

    greeting: tuple[Frame, ...]
    hear: Callable[[Frame], Heard]
    look: Callable[[], Heard] | None = None
