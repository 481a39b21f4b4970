"""Commands that run sealed, from any process: in a small one of their own, since sealing forks, which threads don't bear."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from .client import Client


def run_sealed(
    client: Client,
    command: Sequence[str | os.PathLike[str]],
    *,
    world: str | None = None,
    from_: str | None = None,
    input: str | None = None,  # noqa: A002 (as subprocess has it)
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> "subprocess.CompletedProcess[str]":
    """Run a command in a sealed sandbox that the server serves: what `childproof run --server` does, its exit codes included.

    `world` is joined, or made where there is none, and stays; `from_` is forked, and without a `world` to name it the fork is thrown
    away afterwards. `env` is the whole environment, by default this process's; `timeout` is in seconds. Output is text.
    Raises subprocess.TimeoutExpired, and then the command was ended. The server has to be on this machine, at a unix socket.
    """
    options = [word for name, value in (("--world", world), ("--from", from_)) if value for word in (name, value)]
    started = [sys.executable, "-m", "childproof", "run", "--server", client.url, "--report", "none", *options, "--"]
    environ = dict(os.environ if env is None else env)
    if client.token is not None:
        environ["CHILDPROOF_CONTROL_TOKEN"] = client.token  # which the command doesn't see
    return subprocess.run(  # noqa: S603 (running a command is what it is for)
        [*started, *(os.fspath(word) for word in command)], input=input, stdin=subprocess.DEVNULL if input is None else None, cwd=cwd,
        env=environ, capture_output=True, encoding="utf-8", errors="replace", timeout=timeout, check=False,
    )  # fmt: skip
