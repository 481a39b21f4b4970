"""The tables of coverage in README.md and docs are what `childproof stubs coverage` counts."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from childproof.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(ROOT / "docs" / name for name in ("slack.md", "github.md", "mail-apis.md"))]
HEAD = "| stub | modelled | generic | synthesized | operations |"
TABLE = re.compile(rf"^{re.escape(HEAD)}\n\|[-:|]+\|\n((?:\|.*\|\n)+)", re.MULTILINE)


@pytest.fixture(scope="module")
def counted() -> list[str]:
    head, _, *rows = CliRunner().invoke(cli, ["stubs", "coverage", "--markdown"]).stdout.splitlines()
    assert head == HEAD
    return rows


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_row_is_what_is_counted(page: Path, counted: list[str]) -> None:
    """README.md has all stubs that ship, below the command that prints it; a family's page has its own."""
    (table,) = TABLE.findall(page.read_text())
    assert [row for row in table.splitlines() if row not in counted] == []
    if page.name == "README.md":
        assert table.splitlines() == counted
