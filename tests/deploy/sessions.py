"""Runs a session of a set-up in a process of its own, and gives what it saw."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
# Its user, no capability, its own /tmp; the certificate read-only; no file of the proxy's, and no key.
CONFINED = {
    "user": 10001, "proxys user": "EPERM", "raw": "EPERM", "certificate": "EROFS", "root": "EROFS", "tmp": "written",
    "proxys files": [], "keys": [],
}  # fmt: skip


def session(module: str, folder: Path, *words: str) -> dict[str, Any]:
    """The JSON of `python -m tests.deploy.MODULE FOLDER WORDS…`. Skips where it can't be run."""
    if os.getuid() != 0:
        pytest.skip("containers of several users take a real root")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CHILDPROOF_", "SANDBOX"))}
    command = [sys.executable, "-m", f"tests.deploy.{module}", str(folder), *words]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def confinement(visitor: Mapping[str, Any]) -> dict[str, Any]:
    """Of what a visitor saw, what CONFINED is of."""
    return {name: visitor[name] for name in CONFINED}


def denied(answer: Any, status: int = 403) -> bool:
    """Whether an answer is a denial of ours, in the contract's form."""
    code, body = answer
    return bool(code == status and body["error"]["type"] == "childproof_denied")
