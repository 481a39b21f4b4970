"""Printing reports where they belong: standard error by default, so that a command's own output stays clean."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from childproof.errors import StoreError

from .compose import Parts
from .report import to_json, to_text, unpainted
from .reportfile import ReportFile
from .trouble import say

_COLOURS = {"head": "1", "allowed": "33", "denied": "31", "gaps": "33", "errors": "1;31", "ledger": "2"}
_SERVICE = "32"


@dataclass(frozen=True, slots=True)
class Reporting:
    """How to report, and where: a file, or standard error where `file` is None."""

    form: Literal["text", "json", "none"] = "text"
    file: ReportFile | None = None


def emit_reports(parts: Parts, worlds: Sequence[str], after: int, reporting: Reporting) -> None:
    """Print one report per world, over what was recorded since `after`, a `Ledger.position()`.

    Never raises for a place that can't be written any more, or a record that can't be read: the exit code is the
    command's own.
    """
    if reporting.form == "none":
        return
    width, paint = (None, unpainted) if reporting.file is not None else _terminal()
    texts = []
    ledger = _shown(parts.config.store)
    for world in worlds:
        try:
            report = parts.report(world, after=after)
        except StoreError as error:
            say(f"world {world} can't be reported on: {error}")
            continue
        if reporting.form == "json":
            texts.append(json.dumps(to_json(report, ledger=ledger)))
        else:
            option = "" if ledger == "childproof.db" else f" --db {ledger}"
            log = f"childproof log --world {world}{option}"
            texts.append(to_text(report, ledger=ledger, log_command=log, width=width, paint=paint))
    text = "\n".join(texts) + "\n"
    if reporting.file is not None:
        try:
            reporting.file.write(text)
        except OSError as error:
            say(f"{reporting.file.path}: the report could not be written: {error.strerror}; here it is")
        else:
            return
    _print(text if reporting.form == "json" else f"\n{text}")


def _print(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody reads any more. Python would try again at its end, and exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _terminal() -> tuple[int | None, Callable[[str, str], str]]:
    """The columns of standard error and how to colour there; None and not at all where it is no terminal."""
    if not sys.stderr.isatty():
        return None, unpainted
    try:
        width = os.get_terminal_size(sys.stderr.fileno()).columns or None
    except OSError:
        width = None
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM", "dumb") == "dumb"
    return width, unpainted if plain else _painted


def _painted(kind: str, text: str) -> str:
    return f"\x1b[{_COLOURS.get(kind, _SERVICE)}m{text}\x1b[0m"


def _shown(store: str) -> str:
    """The database as a user would name it from here."""
    here = os.path.relpath(store)
    return store if here.startswith("..") else here
