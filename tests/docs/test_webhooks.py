"""docs/webhooks.md: its story runs from the first command to the last, and says what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.run.config import load_config
from childproof.sandbox.support import sealing_refusal

TEXT = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
BLOCKS: list[tuple[str, str, str]] = re.findall(
    r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    named = iter(("shop.yaml", "shop.py"))
    for kind, file, text in BLOCKS:
        if kind == "console":
            continue
        path = tmp_path / (file or next(named))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.slow
@pytest.mark.sealed
def test_the_story_goes_as_the_page_says(folder: Path) -> None:
    """Each command's output holds the lines that stand below it."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    (folder / "childproof.yaml").unlink()
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    for block in [text for kind, _, text in BLOCKS if kind == "console"]:
        for command, *expected in (part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part):
            done = subprocess.run(
                command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, check=False
            )
            printed = done.stdout + done.stderr
            wanted = 1 if " 500 " in command else 0
            assert done.returncode in (0, wanted), f"{command}\n{printed}"
            missing = [line for line in expected if line not in printed]
            assert missing == [], f"{command}\n{printed}"


@pytest.mark.parametrize("file", ["childproof.yaml", "pod.yaml"])
def test_the_configurations_are_accepted(folder: Path, file: str) -> None:
    """And mean what the page says."""
    webhooks = load_config({"HOME": str(folder)}, folder, folder / file).webhooks
    if file == "pod.yaml":
        assert (webhooks.loopback, webhooks.deliver) == (True, {})
        return
    assert {name: (one.port, one.tls) for name, one in webhooks.deliver.items()} == {
        "shop.example": (3000, False),
        "api.shop.example:8443": (3443, True),
    }
