"""Schemathesis over the whole OpenAPI document, through a real server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.client import Client

from .conftest import Server

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "8"))  # `make fuzz-api` takes its time
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")


def started(server: Server, phases: str) -> "subprocess.Popen[str]":
    """Some of its phases."""
    command = [
        sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{server.url}/v1/openapi.json",
        "--header", f"Authorization: Bearer {server.token}", "--max-examples", "2" if SECONDS == 8 else "100", "--phases", phases,
        "--continue-on-failure", "--request-timeout", "10", "--max-time", str(SECONDS), "--no-color", "--generation-database", "none",
    ]  # fmt: skip
    environ = {**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)}
    return subprocess.Popen(
        command, env=environ, cwd=server.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.timeout(120 + SECONDS)
def test_schemathesis_finds_nothing(server: Server) -> None:
    """What the document says holds: for data that fits it, for data that doesn't, and along its links from call to call."""
    with Client(server.url, token=server.token) as client:
        client.create("exported", seed=7, clock="frozen@2026-01-05T09:00:00Z")
        client.advance("exported", "1d")
        (server.folder / "exported.yaml").write_text(client.export("exported"))
    each, along = (started(server, phases) for phases in ("examples,coverage,fuzzing", "stateful"))
    try:
        told = [running.communicate(timeout=60 + SECONDS)[0] for running in (each, along)]
    finally:
        for running in (each, along):
            running.kill()
            running.wait()
    assert [each.returncode, along.returncode] == [0, 0], "\n".join(one[-6000:] for one in told)
    assert all("generated" in one for one in told), told
    assert re.search(r"API Links: +\d+ covered", told[1]), told[1]
