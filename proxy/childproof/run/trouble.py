"""Where childproof says that something of its own went wrong: standard error, one line each, never twice the same."""

import contextlib
import sys
from typing import TextIO

from childproof.model.text import printable

MAX_LINES = 20


class Trouble:
    """A callable that prints its first lines and counts the rest, so that a broken stub can't flood a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._seen: set[str] = set()
        self.count = 0

    def __call__(self, message: str) -> None:
        """Print `message` unless it was printed before or there have been too many."""
        self.count += 1
        if message in self._seen or len(self._seen) >= MAX_LINES:
            return
        self._seen.add(message)
        say(message, self._stream)


def say(message: str, stream: TextIO | None = None) -> None:
    """One line from childproof itself, on standard error unless told otherwise; lost where nobody reads that any more."""
    with contextlib.suppress(OSError, ValueError):
        print(f"childproof: {printable(message, lines=True)}", file=stream or sys.stderr, flush=True)
