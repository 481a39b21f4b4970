"""docs/stubs.md is true: its files are written, its commands run, and their output is what the page shows."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from childproof import stubkit
from childproof.cli.main import main
from childproof.stubkit import Context
from childproof.stubkit.errors import KINDS
from childproof.stubkit.manifest import stub_schema

PAGE = Path(__file__).parents[2] / "docs" / "stubs.md"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(line: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    program, *arguments = line.split()
    assert program == "childproof"
    with contextlib.suppress(SystemExit):
        main(arguments)
    out, err = capsys.readouterr()
    return [" ".join(line.split()) for line in (out + err).splitlines()]


def test_the_page_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    commands = 0
    for language, file, text in BLOCK.findall(PAGE.read_text()):
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            Path(file).write_text(text)
        elif language == "console":
            first, *expected = text.splitlines()
            assert first.startswith("$ ")
            shown = run(first[2:], capsys)
            missing = [line for line in expected if " ".join(line.split()) not in shown]
            assert not missing, "\n".join(["the page says", *missing, "but it was", *shown])
            commands += 1
    assert commands == 5


def keys(schema: Any) -> set[str]:
    """Every property name in a JSON Schema."""
    if isinstance(schema, list):
        return {key for item in schema for key in keys(item)}
    if not isinstance(schema, dict):
        return set()
    named = schema.get("properties", {})
    return set(named) | {key for value in (*schema.values(), *named.values()) for key in keys(value)}


def test_the_page_names_every_key_kind_and_method() -> None:
    page = PAGE.read_text()
    schema = stub_schema()
    kinds = schema["$defs"]["errors"]["properties"]["kinds"]["propertyNames"]["enum"]
    methods = [name for name in vars(Context) if not name.startswith("_")]
    wanted = {*keys(schema["properties"]), *keys(schema["$defs"]), *kinds, *methods, *stubkit.__all__}
    assert [word for word in sorted(wanted) if not re.search(rf"`[^`]*\b{word}\b[^`]*`", page)] == []
    assert set(kinds) == set(KINDS)
