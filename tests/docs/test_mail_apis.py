"""docs/mail-apis.md: its story runs from the first command to the last, and says what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

TEXT = (Path(__file__).parents[2] / "docs" / "mail-apis.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
FILES = {"python": "agent.py", "yaml": "rules.yaml"}


@pytest.mark.sealed
def test_the_stories_go_as_the_page_says(tmp_path: Path) -> None:
    """Each command's output holds the lines that stand below it; a file is as it was last shown."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    for kind, text in BLOCKS:
        if kind in FILES:
            (tmp_path / FILES[kind]).write_text(text)
        elif kind == "console":
            _told(text, tmp_path, environ)


def _told(story: str, folder: Path, environ: dict[str, str]) -> None:
    for command, *expected in (part.splitlines() for part in re.split(r"^\$ ", story, flags=re.MULTILINE) if part):
        done = subprocess.run(command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{printed}"
        assert [line for line in expected if line not in printed] == [], f"{command}\n{printed}"


def test_every_stub_of_a_mail_api_is_on_the_page() -> None:
    """A stub that says who keeps its mail and has an API for it."""
    stubs = Path(__file__).parents[2] / "stubs"
    for manifest in stubs.glob("*/stub.yaml"):
        text = manifest.read_text()
        if re.search(r"^mail: email$", text, re.MULTILINE) and "all mail in the one mailbox" in text:
            assert f"stubs/{manifest.parent.name}/README.md" in TEXT
