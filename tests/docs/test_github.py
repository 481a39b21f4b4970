"""docs/github.md: its commands run, and say what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

TEXT = (Path(__file__).parents[2] / "docs" / "github.md").read_text()
BLOCKS: list[tuple[str, str, str]] = re.findall(
    r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE
)


@pytest.mark.slow
@pytest.mark.sealed
def test_the_pages_commands_say_what_it_shows(tmp_path: Path) -> None:
    """Each command's output holds the lines that stand below it."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    for _, file, text in BLOCKS:
        if file:
            (tmp_path / file).write_text(text)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    for block in [text for kind, _, text in BLOCKS if kind == "console"]:
        for command, *expected in (part.splitlines() for part in re.split(r"^\$ ", block, flags=re.MULTILINE) if part):
            done = subprocess.run(
                command, shell=True, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
            )
            printed = done.stdout + done.stderr
            assert done.returncode == 0, f"{command}\n{printed}"
            assert [line for line in expected if line not in printed] == [], f"{command}\n{printed}"
