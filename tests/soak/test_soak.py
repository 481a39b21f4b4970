"""A short share of the soak in every run of the tests: `make soak MINUTES=10` is the long one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.escape.beside import entries, sealed
from tests.soak.soak import MAY_GROW, Beside, soak

SECONDS = 16
SEALED_SECONDS = 6


@pytest.mark.slow
def test_under_load_and_a_kill_nothing_leaks_and_nothing_answered_is_lost(tmp_path: Path) -> None:
    """Many protocols, bad clients, a flood over the cap, `kill -9` half-way; then the books are compared."""
    findings = soak(tmp_path, SECONDS)
    assert findings.wrong == []
    assert findings.leaked == 0
    kinds = {"allowed", "customers", "h2 denied", "half open", "https denied", "mail", "raw", "sentinel denied", "slow"}
    assert kinds <= set(findings.answers)
    assert findings.floods >= 1
    quiet, end = findings.descriptors
    assert end <= quiet
    assert findings.memory[-1] - findings.warm < MAY_GROW


@pytest.mark.slow
@pytest.mark.sealed
def test_from_a_sealed_sandbox_under_load_nothing_leaks_either(tmp_path: Path) -> None:
    """The same clients without a proxy to be told of, and attempts at a listener on the machine's own loopback."""
    beside = Beside()
    inside = ("env", f"PYTHONPATH={os.pathsep.join(sys.path)}", sys.executable, "-m", "tests.soak.inside")
    command = sealed(*inside, str(SEALED_SECONDS), str(beside.server_address[1]), options=["--report", "none"])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    beside.shutdown()
    if "unshare" in done.stderr or "namespaces" in done.stderr:
        pytest.skip(f"this kernel gives no user namespaces: {done.stderr.strip()[:300]}")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["wrong"] == []
    assert {"customers", "dns", "h2 denied", "https denied", "mail", "outwards", "raw"} <= set(told["answers"])
    assert beside.allowed == 0
    assert beside.others == []
    found = entries(tmp_path / "box.db")
    assert set(told["calls"]) <= {entry.id for entry in found}
    made = {change.id for entry in found for change in entry.changes if change.before is None}
    assert set(told["created"]) <= made
    assert sum(entry.upstream.connections for entry in found if entry.upstream) == 0
