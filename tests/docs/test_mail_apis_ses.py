"""docs/mail-apis.md: what it says of Amazon SES goes as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

TEXT = (Path(__file__).parents[2] / "docs" / "mail-apis.md").read_text()
FILES: list[tuple[str, str]] = re.findall(r"^```\w+ file=(\S+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.sealed
def test_the_section_goes_as_it_is_written(tmp_path: Path) -> None:
    """A seeded account, boto3 sealed in, and what the report says."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    [story] = re.findall(r"^```console ses\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    for command, *expected in (part.splitlines() for part in re.split(r"^\$ ", story, flags=re.MULTILINE) if part):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
        )
        printed = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{printed}"
        assert [line for line in expected if line not in printed] == [], f"{command}\n{printed}"
