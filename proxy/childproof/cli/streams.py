"""Standard input, output and errors as the rest may take them for granted: open, and able to say everything."""

import codecs
import contextlib
import errno
import io
import os
import sys

# A device's own words for "no more": a full disk or quota, a file as large as it may be, a broken disk, a reader that left.
OUTPUT_REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)
_HANDLER = "childproof-plain"
# What we print beyond ASCII, for terminals and files that can't show it.
_PLAIN = str.maketrans({"·": "-", "…": "...", "✓": "ok", "✗": "no", "→": "->", "“": '"', "”": '"', "µ": "u", "—": "-"})


def prepare_streams() -> None:
    """Open what the caller closed, and let nothing fail for a character that an encoding doesn't have.

    A closed descriptor would be given to the next file that is opened: what the command then writes to its standard
    error would end in our database.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free: this one
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (for the process's whole life)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (likewise)
    codecs.register_error(_HANDLER, _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):
                stream.reconfigure(errors=_HANDLER)


def _plainly(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end].translate(_PLAIN)
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end
