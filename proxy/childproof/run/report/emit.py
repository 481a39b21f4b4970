"""Printing reports where they belong: standard error by default, so that a command's own output stays clean."""

import json
import os
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from childproof.errors import StoreError
from childproof.run.compose import Parts
from childproof.run.watch.trouble import say

from .printing import put, terminal
from .report import Report, to_json, to_text, unpainted
from .reportfile import ReportFile

_COLOURS = {"head": "1", "allowed": "33", "denied": "31", "gaps": "33", "errors": "1;31", "ledger": "2"}
_SERVICE = "32"


class Reporting(msgspec.Struct, frozen=True):
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
    width, coloured = (None, False) if reporting.file is not None else terminal()
    paint = painted if coloured else unpainted
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
            texts.append(worded(report, ledger, width, paint))
    put("\n".join(texts), reporting.form, reporting.file)


def worded(
    report: Report,
    ledger: str,
    width: int | None = None,
    paint: Callable[[str, str], str] = unpainted,
    *,
    option: str | None = None,
) -> str:
    """A report as people read it. `ledger` is the database as they name it, `option` what leads `childproof log` there."""
    if option is None:
        option = "" if ledger == "childproof.db" else f" --db {ledger}"
    log = f"childproof log --world {report.world}{option}"
    return to_text(report, ledger=ledger, log_command=log, width=width, paint=paint)


def painted(kind: str, text: str) -> str:
    """A text in the colour of its kind."""
    return f"\x1b[{_COLOURS.get(kind, _SERVICE)}m{text}\x1b[0m"


def _shown(store: str) -> str:
    """The database as a user would name it from here."""
    here = os.path.relpath(store)
    return store if here.startswith("..") else here
