"""The whole main job beside a sinkhole that all routes lead to: it sees nothing, and it was awake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
AGENT = HERE.parent.parent / "examples" / "checkout_agent.py"


def beside_a_sinkhole(folder: Path, *command: str) -> tuple[dict[str, object], str]:
    done = subprocess.run(
        [sys.executable, "-m", "childproof.escape.outside", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    if "outside: unshare" in done.stderr:
        pytest.skip(f"this kernel gives no user namespaces: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


@pytest.mark.sealed
@pytest.mark.slow
def test_nothing_leaves_during_the_whole_demo(tmp_path: Path) -> None:
    seen, text = beside_a_sinkhole(
        tmp_path, sys.executable, "-m", "childproof", "run", "--", sys.executable, str(AGENT)
    )
    assert seen["code"] == 0, text
    assert "would have charged $420.00 to 1 customer, refunded $20.00 · 1 decline" in text
    assert "0 bytes left this machine" in text
    assert seen["during"] == []
    assert seen["control"], "the sinkhole slept"


@pytest.mark.sealed
def test_the_sinkhole_would_have_seen_an_unsealed_agent(tmp_path: Path) -> None:
    code = "import socket; socket.getaddrinfo('api.stripe.com', 443)"
    seen, _ = beside_a_sinkhole(tmp_path, sys.executable, "-c", f"try:\n {code}\nexcept OSError: pass")
    assert "DNS api.stripe.com" in seen["during"]  # type: ignore[operator]
