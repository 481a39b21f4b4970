"""Where the `childproof` script begins and ends: quietly, also when it is interrupted or nobody reads on."""

import os
import sys

from .streams import OUTPUT_REFUSED


def main() -> None:
    """Import the command line and run it. Exit 1, with one line, where a full disk refuses the output."""
    if os.getpid() == 1:
        _can_be_stopped()
    try:
        try:
            from .main import main as run  # noqa: PLC0415 (what is imported here can be interrupted)

            run()
        except KeyboardInterrupt:
            sys.exit(130)
        finally:
            _flush()
    except OSError as error:
        if error.errno not in OUTPUT_REFUSED:
            raise
        _discard(1)
        from childproof.run.watch.trouble import say  # noqa: PLC0415 (only now)

        try:
            say(f"the output can't be written: {error.strerror}; what is there of it is cut short")
            if sys.__stderr__ is not None:
                sys.__stderr__.flush()
        except OSError:
            _discard(2)
        sys.exit(1)


def _can_be_stopped() -> None:
    """End at SIGTERM until a command has a way of its own: to a container's first process, the kernel brings only what it handles."""
    import signal  # noqa: PLC0415 (1 ms that nobody else pays)

    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


def _flush() -> None:
    """Write what is left; where the reader is gone, leave nothing for the interpreter to complain about."""
    if sys.__stdout__ is None:
        return
    try:
        sys.__stdout__.flush()  # the stream itself: click may have put another in its place
    except (BrokenPipeError, ValueError):
        _discard(1)


def _discard(descriptor: int) -> None:
    """What nobody takes is not tried again at the interpreter's end, which would complain and exit with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
