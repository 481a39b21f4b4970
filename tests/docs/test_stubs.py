"""docs/stubs.md is true: its files are written, its commands run, and their output is what the page shows; docs/mechanisms.md
has only what the loader takes."""

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest

from childproof import stubkit
from childproof.cli.main import main
from childproof.documents import parse_yaml, schema_faults
from childproof.stubkit import Context
from childproof.stubkit.declared.manifest import stub_schema
from childproof.stubkit.reply.errors import KINDS
from childproof.stubkit.request.older_rules import older_schema

PAGE = Path(__file__).parents[2] / "docs" / "stubs.md"
MECHANISMS = PAGE.with_name("mechanisms.md")
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
    assert commands == 6


def test_the_short_way_is_short() -> None:
    """From an OpenAPI document to a stub with a behaviour, an event and two cases: less than 60 lines to write."""
    start = PAGE.read_text().index("## A stub in less than 60 lines")
    section = PAGE.read_text()[start : PAGE.read_text().index("\n## ", start + 1)]
    files = {file: text for _, file, text in BLOCK.findall(section) if file}
    assert {Path(file).suffix for file in files} == {".yaml", ".py"}
    assert section.count("- case:") == 2
    assert sum(len(text.splitlines()) for text in files.values()) < 60


def test_every_part_of_a_stub_yaml_is_in_its_format() -> None:
    """The examples of mechanisms are what the loader takes."""
    parts = re.findall(r"^```yaml part\n(.*?)^```$", MECHANISMS.read_text(), re.MULTILINE | re.DOTALL)
    assert len(parts) > 8
    for text in parts:
        document = parse_yaml(f"stub: library\nhosts: [api.library.example]\n{text}", "stub.yaml")
        assert schema_faults(document, stub_schema()) == [], text


def test_the_example_of_earlier_versions_is_in_its_format() -> None:
    """The example of older.yaml is what the loader takes."""
    (text,) = re.findall(r"^```yaml older\n(.*?)^```$", MECHANISMS.read_text(), re.MULTILINE | re.DOTALL)
    assert schema_faults(parse_yaml(text, "older.yaml"), older_schema()) == []


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
