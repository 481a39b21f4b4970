"""Schemathesis over the whole OpenAPI document, through a real server."""

import os
import subprocess
import sys
from pathlib import Path

from .conftest import Server

SECONDS = int(os.environ.get("SCHEMATHESIS_SECONDS", "10"))  # `make fuzz-api` takes its time
CONFIG = Path(__file__).with_name("schemathesis.toml")


def test_schemathesis_finds_nothing(server: Server) -> None:
    """What the document says holds: for data that fits it, for data that doesn't, and for calls in a row."""
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", f"{server.url}/v1/openapi.json",
            "--header", f"Authorization: Bearer {server.token}", "--max-examples", "2" if SECONDS == 10 else "100", "--continue-on-failure",
            "--request-timeout", "10", "--max-time", str(SECONDS), "--no-color", "--generation-database", "none",
        ],
        cwd=server.folder, capture_output=True, text=True, timeout=60 + SECONDS, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr
    assert "generated" in ran.stdout
