"""What the client tests see of a running `childproof serve`."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click.testing

from childproof.cli.log import log as log_command


@dataclass
class Served:
    """A running explicit proxy: its ports, its CA, and where it keeps its records."""

    http: str
    socks: str
    ca: Path
    db: Path
    process: subprocess.Popen[str]
    head: str = ""  # on standard error before it was ready
    said: str = ""  # on standard error after it was ready; known when it is over

    def entries(self) -> list[dict[str, Any]]:
        """The ledger so far, as `childproof log --json` gives it."""
        told = click.testing.CliRunner().invoke(log_command, ["--db", str(self.db), "--json"])
        assert told.exit_code == 0, told.output
        return [json.loads(line) for line in told.stdout.splitlines()]

    def run(
        self, *command: str, env: dict[str, str] | None = None, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a client with the proxy's CA to trust."""
        trust = {
            name: str(self.ca)
            for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO", "CA")
        }
        return subprocess.run(
            command,
            env={**os.environ, **trust, "PROXY": f"http://{self.http}", **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextlib.contextmanager
def serving(
    folder: Path,
    *options: str,
    killed: bool = False,
    prefix: tuple[str, ...] = (),
    code: int = 0,
    listen: tuple[str, ...] = ("--http", "127.0.0.1:0", "--socks", "127.0.0.1:0"),
) -> Iterator[Served]:
    """`childproof serve` on ports that the kernel chose, in a folder of its own, until the block ends.

    `killed` says that the block ends it by itself, whatever its exit code is then; else that is `code`. `prefix` is a
    command that becomes the one it is given, as `env` and `unshare` do. Without `listen`, childproof.yaml in the folder
    says where: two listeners, whose addresses become `http` and `socks`.
    """
    command = [sys.executable, "-m", "childproof", "serve", *listen]
    process = subprocess.Popen(
        [*prefix, *command, *options],
        cwd=folder,
        env={**os.environ, "XDG_STATE_HOME": str(folder / "state")},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    lines: list[str] = []
    while "ready" not in (lines[-1] if lines else ""):
        line = process.stderr.readline()
        assert line, "".join(lines)
        lines.append(line)
    text = "".join(lines)
    http, socks = re.findall(r"(?:http|socks5) +(127\.0\.0\.1:\d+)", text)
    ca = re.search(r"CA +(\S+)", text)
    assert ca is not None
    served = Served(http, socks, Path(ca[1]), folder / "childproof.db", process, text)
    try:
        yield served
    finally:
        process.send_signal(signal.SIGINT)
        served.said = process.communicate(timeout=20)[1]
    assert killed or process.returncode == code, served.said
