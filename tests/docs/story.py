"""Pages whose commands are followed as a reader would: in a folder with the page's files, sealed in."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from childproof.sandbox.support import sealing_refusal

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """A page's blocks: their language, the file that they are ("" for none), their text."""
    return BLOCK.findall(text)


def environment() -> dict[str, str]:
    """That of the tests without what configures childproof, which is on its path. Skips where nothing can be sealed."""
    reason = sealing_refusal()
    if reason:
        pytest.skip(reason)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CHILDPROOF_")}
    return {**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"}


def follow(story: str, folder: Path, environ: Mapping[str, str], *, fails: str = "") -> list[str]:
    """Run each `$ command` of a block; its output has to hold the lines that stand below it. Gives those lines.

    A command with the text `fails` in it may end with 1.
    """
    held: list[str] = []
    for command, *expected in (part.splitlines() for part in re.split(r"^\$ ", story, flags=re.MULTILINE) if part):
        done = subprocess.run(command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        printed = done.stdout + done.stderr
        wanted = (0, 1) if fails and fails in command else (0,)
        assert done.returncode in wanted, f"{command}\n{printed}"
        assert [line for line in expected if line not in printed] == [], f"{command}\n{printed}"
        held += expected
    return held


def goes_as_written(page: str, folder: Path) -> list[str]:
    """Write a page's files, then follow all its blocks of commands. Gives the lines that were printed as they stand there."""
    held: list[str] = []
    environ, found = environment(), blocks((DOCS / page).read_text())
    for _, file, text in found:
        if file:
            (folder / file).write_text(text)
    for kind, _, text in found:
        if kind == "console":
            held += follow(text, folder, environ)
    return held
