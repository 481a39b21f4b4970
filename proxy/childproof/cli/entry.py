"""Where the `childproof` script begins and ends: quietly, also when it is interrupted or nobody reads on."""

import os
import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from .main import main as run  # noqa: PLC0415 (what is imported here can be interrupted)

        run()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        _flush()


def _flush() -> None:
    """Write what is left; where the reader is gone, leave nothing for the interpreter to complain about."""
    if sys.__stdout__ is None:
        return
    try:
        sys.__stdout__.flush()  # the stream itself: click may have put another in its place
    except (BrokenPipeError, ValueError):  # a full disk is an error, and stays one
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
