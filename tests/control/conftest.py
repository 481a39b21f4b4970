"""A server with its control API on a port of the loopback, with a token."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

TOKEN = "0123456789abcdef0123456789abcdef"


@dataclass(frozen=True)
class Server:
    """Where it is, and its process."""

    url: str
    token: str
    folder: Path
    process: "subprocess.Popen[str]"


def start(folder: Path, *arguments: str) -> Server:
    """Start one; wait until it is ready."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHILDPROOF_")}
    environ |= {"CHILDPROOF_STATE": str(folder / "state"), "CHILDPROOF_CONTROL_TOKEN": TOKEN}
    command = [sys.executable, "-m", "childproof", "serve", "--http", "127.0.0.1:0", "--report", "none", *arguments]
    process = subprocess.Popen(command, cwd=folder, env=environ, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "ready" in line:
            break
    found = re.search(r"control (\S+)", "".join(said))
    assert found, "".join(said)
    return Server(found[1], TOKEN, folder, process)


def stop(server: Server) -> int:
    """End one; its exit code."""
    server.process.terminate()
    code = server.process.wait(10)
    assert server.process.stderr is not None
    server.process.stderr.close()
    return code


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests of this folder."""
    started = start(tmp_path_factory.mktemp("control"), "--control", "127.0.0.1:0")
    yield started
    assert stop(started) == 0
