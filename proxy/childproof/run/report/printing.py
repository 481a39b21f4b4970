"""Where reports go, whoever wrote them: a file, or standard error, where nobody may be reading any more."""

import os
import sys
from typing import TextIO

from childproof.run.watch.trouble import say

from .reportfile import ReportFile


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
    """The columns of a stream, standard error by default, and whether it shows colours; None and False where it is no terminal."""
    stream = stream or sys.stderr
    if not stream.isatty():
        return None, False
    try:
        width = os.get_terminal_size(stream.fileno()).columns or None
    except OSError:
        width = None
    plain = "NO_COLOR" in os.environ or os.environ.get("TERM", "dumb") == "dumb"
    return width, not plain


def _print(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError):
        # Nobody reads any more. Python would try again at its end, and exit with a code of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
