"""Where childproof says that something of its own went wrong: standard error, one line each, never twice the same."""

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import TextIO

MAX_LINES = 20
INCOMPLETE = 1  # the exit code, instead of 0, of a run whose record lacks something


class Trouble:
    """A callable that prints its first lines and counts the rest, so that a broken stub can't flood a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._seen: set[str] = set()
        self.count = 0

    def __call__(self, message: str) -> None:
        """Print `message` unless it was printed before or there have been too many."""
        from childproof.ledger.redaction import redact  # noqa: PLC0415 (nothing goes wrong as a rule; its patterns cost)

        self.count += 1
        message = redact(message)  # a stub's own error may quote what it was sent
        if message in self._seen or len(self._seen) >= MAX_LINES:
            return
        self._seen.add(message)
        say(message, self._stream)
        if len(self._seen) == MAX_LINES:
            say("what else goes wrong is not shown here any more; childproof log has it", self._stream)


def ending(code: int, missing: Mapping[str, object], tell: Callable[[str], None] | None = None) -> int:
    """The exit code of a run that ended with `code`, given what each world's record lacks; says aloud what it does."""
    for world, what in missing.items():
        if what:
            (tell or say)(f"the record of world {world} is incomplete: {what}")
            code = code or INCOMPLETE
    return code


def say(message: str, stream: TextIO | None = None) -> None:
    """One line from childproof itself, on standard error unless told otherwise; lost where nobody reads that any more."""
    from childproof.model.text import printable  # noqa: PLC0415 (a start that says nothing needs none of it)

    with contextlib.suppress(OSError, ValueError):
        print(f"childproof: {printable(message, lines=True)}", file=stream or sys.stderr, flush=True)
