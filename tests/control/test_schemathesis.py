"""Schemathesis over the whole OpenAPI document, through a real server."""

import os
import subprocess
import sys
from pathlib import Path

from childproof.client import Client

from .conftest import Server

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "10"))  # `make fuzz-api` takes its time
CONFIG = Path(__file__).with_name("schemathesis.toml")
HOOKS = Path(__file__).with_name("schemathesis_hooks.py")


def test_schemathesis_finds_nothing(server: Server) -> None:
    """What the document says holds: for data that fits it, for data that doesn't, and for calls in a row."""
    with Client(server.url, token=server.token) as client:
        client.create("exported", seed=7, clock="frozen@2026-01-05T09:00:00Z")
        (server.folder / "exported.yaml").write_text(client.export("exported"))
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{server.url}/v1/openapi.json",
            "--header", f"Authorization: Bearer {server.token}", "--max-examples", "2" if SECONDS == 10 else "100", "--continue-on-failure",
            "--request-timeout", "10", "--max-time", str(SECONDS), "--no-color", "--generation-database", "none",
        ],
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS), "PYTHONPATH": str(HOOKS.parent)},
        cwd=server.folder, capture_output=True, text=True, timeout=60 + SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr
    assert "generated" in ran.stdout
