"""A real `childproof serve` per module, in a process of its own: what clients that we did not write talk to."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clients.served import Served

from childproof.sandbox.support import sealing_refusal


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`childproof serve` with the default rules, on ports that the kernel chose."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "childproof", "serve", "--http", "127.0.0.1:0", "--socks", "127.0.0.1:0"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines = []
    while "ready" not in (lines[-1] if lines else ""):
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)
    text = "".join(lines)
    http, socks = re.findall(r"(?:http|socks5) +(127\.0\.0\.1:\d+)", text)
    ca = re.search(r"CA +(\S+)", text)
    assert ca is not None
    yield Served(http, socks, Path(ca[1]), folder / "childproof.db", process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.fixture(scope="session")
def needs_sealing() -> None:
    """Skip, with the reason, where this machine can't seal a process."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
