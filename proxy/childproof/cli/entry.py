"""Where the `childproof` script begins: an interrupt while modules are imported ends it quietly too."""

import sys


def main() -> None:
    """Import the command line and run it."""
    try:
        from .main import main as run  # noqa: PLC0415 (what is imported here can be interrupted)

        run()
    except KeyboardInterrupt:
        sys.exit(130)
