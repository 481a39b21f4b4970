"""A word from commands that don't ask the server which the environment names: whoever set it would look for them there."""

import os
import sys

SERVER = "CHILDPROOF_SERVER"


def say_unasked(instead: str, write: str) -> None:
    """One line on standard error, where that variable is set. `instead` is where the command looks, `write` what to write."""
    if server := os.environ.get(SERVER):
        from childproof.model.text import printable  # noqa: PLC0415 (nobody has set it as a rule)

        print(f"childproof: {instead}, not at {SERVER} ({printable(server)}); {write}", file=sys.stderr, flush=True)
