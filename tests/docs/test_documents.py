"""docs/documents.md is true: its files are written, its commands run, and what it shows is what comes."""

import contextlib
import re
from pathlib import Path

import pytest

from childproof.cli.main import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "documents.md"
BLOCK = re.compile(r"^```(\w+)(?: (file|shown)=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(line: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What a command prints, spaces as one."""
    program, *arguments = line.split()
    assert program == "childproof"
    with contextlib.suppress(SystemExit):
        main(arguments)
    out, err = capsys.readouterr()
    return [" ".join(line.split()) for line in (out + err).splitlines()]


def test_the_page_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Block by block, in the page's order."""
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, role, file, text in BLOCK.findall(PAGE.read_text()):
        if role == "file":
            Path(file).write_text(text)
        elif role == "shown":
            assert text in Path(file).read_text()
        elif language == "console":
            first, *expected = text.splitlines()
            shown = run(first.removeprefix("$ "), capsys)
            missing = [line for line in expected if " ".join(line.split()) not in shown]
            assert not missing, "\n".join(["the page says", *missing, "but it was", *shown])
            commands += 1
    assert commands == 4
