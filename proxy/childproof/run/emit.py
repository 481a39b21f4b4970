"""Printing reports where they belong: standard error by default, so that a command's own output stays clean."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .compose import Parts
from .report import to_json, to_text


@dataclass(frozen=True, slots=True)
class Reporting:
    """How to report, and where: a file, or standard error where `file` is None."""

    form: Literal["text", "json", "none"] = "text"
    file: Path | None = None


def emit_reports(parts: Parts, before: Mapping[str, int], reporting: Reporting) -> None:
    """Print one report per world, over the calls after its number in `before`."""
    if reporting.form == "none":
        return
    texts = []
    ledger = _shown(parts.config.store)
    for world, after in before.items():
        report = parts.report(world, after=after)
        if reporting.form == "json":
            texts.append(json.dumps(to_json(report, ledger=ledger)))
        else:
            option = "" if ledger == "childproof.db" else f" --db {ledger}"
            texts.append(to_text(report, ledger=ledger, log_command=f"childproof log --world {world}{option}"))
    text = "\n".join(texts) + "\n"
    if reporting.file is not None:
        reporting.file.write_text(text, encoding="utf-8")
    else:
        if reporting.form == "text":
            text = "\n" + text
        sys.stderr.write(text)
        sys.stderr.flush()


def _shown(store: str) -> str:
    """The database as a user would name it from here."""
    here = os.path.relpath(store)
    return store if here.startswith("..") else here
