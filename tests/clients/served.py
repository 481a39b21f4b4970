"""What the client tests see of a running `childproof serve`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Served:
    """A running explicit proxy: its ports, its CA, and where it keeps its records."""

    http: str
    socks: str
    ca: Path
    db: Path
    process: subprocess.Popen[str]

    def entries(self) -> list[dict[str, Any]]:
        """The ledger so far, as `childproof log --json` gives it."""
        done = subprocess.run(
            [sys.executable, "-m", "childproof", "log", "--db", str(self.db), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

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
