"""Whether this machine can seal a command, found out once and without a fork of this process, which may have threads."""

import subprocess
import sys
from functools import cache

_TRY = "from childproof.sandbox.support import sealing_refusal; print(sealing_refusal())"
_OF_RUN = " Run it with `--mode env`"  # what the command line offers instead, from here on


@cache
def why_unsealed() -> str:
    """Why this machine can't seal a command; empty where it can. Some 100 ms."""
    done = subprocess.run([sys.executable, "-c", _TRY], capture_output=True, text=True, check=False)  # noqa: S603 (our own program)
    if done.returncode:
        return f"Whether this machine can seal a command can't be told: {done.stderr.strip().rpartition(chr(10))[2]}"
    said = done.stdout.strip().partition(_OF_RUN)[0]
    return said and f"{said} `intercepted` works here, and is no fence."
