"""What the commands share that read a database: finding it, opening it, and text that is safe to show."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from childproof.ledger import Ledger
from childproof.world import Store

# Control characters, and those that change the direction of what follows: a sandbox could draw on our terminal.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNSAFE_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def store_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--db, as the commands that write it have it."""
    return click.option("--db", metavar="FILE", help="The database of worlds and ledger [default: childproof.db].")(
        command
    )


@contextmanager
def open_ledger(db: str | None) -> Iterator[tuple[Store, Ledger]]:
    """The configured database, for reading, also while another process writes it. Raises StoreError."""
    from childproof.run.config import load_config  # noqa: PLC0415 (reads YAML: only where no file is named)

    path = db or load_config(os.environ, Path.cwd()).store
    with Store.open(path, wall=_no_clock, readonly=True) as store:
        yield store, Ledger(store.connection, lock=store.lock)


def printable(text: str, *, lines: bool = False) -> str:
    """Text from a sandbox as it may go to a terminal: control characters spelled out; line breaks kept if asked for."""
    return (_UNSAFE_IN_TEXT if lines else _UNSAFE).sub(_spelled, text.replace("\r\n", "\n") if lines else text)


def duration(microseconds: int) -> str:
    """Microseconds as people read them: `850 µs`, `1.4 ms`, `2.3 s`."""
    if microseconds < 1000:
        return f"{microseconds} µs"
    if microseconds < 1_000_000:
        return f"{microseconds / 1000:.1f} ms"
    return f"{microseconds / 1_000_000:.1f} s"


def _spelled(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _no_clock() -> int:
    """Reading what was recorded never asks for the time."""
    return 0
