"""Where reports go, whoever wrote them: a file, or standard error, where nobody may be reading any more."""

import os
import sys
from typing import TextIO

from childproof.run.watch.trouble import say

from .reportfile import ReportFile

_LEAST, _MOST = 20, 1000  # columns, as the API takes them (`ReportQuery`)


def put(text: str, form: str, file: ReportFile | None) -> None:
    """Write a report, `text` or `json`, without its last line break. Never raises."""
    text += "\n"
    if file is not None:
        try:
            file.write(text)
        except OSError as error:
            say(f"{file.path}: the report could not be written: {error.strerror}; here it is")
        else:
            return
    _print(text if form == "json" else f"\n{text}")


def terminal(stream: TextIO | None = None) -> tuple[int | None, bool]:
    """The columns of a stream, standard error by default, and whether it shows colours; None and False where it is no terminal.

    Columns are as many as a report may have, here and over the API: a terminal may be narrower, or say nonsense.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        return None, False
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except OSError:
        columns = 0
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM", "dumb") == "dumb"
    return min(max(columns, _LEAST), _MOST) if columns else None, not plain


def _print(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody reads any more. Python would try again at its end, and exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
