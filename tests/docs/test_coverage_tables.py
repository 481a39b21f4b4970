"""The tables of coverage in README.md and docs are what `childproof stubs coverage` counts."""

import json
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


def test_the_list_of_stubs_counts_the_same(counted: list[str]) -> None:
    """Without loading a stub, `stubs list` tells as many operations, and as many modelled ones."""
    listed = [json.loads(line) for line in CliRunner().invoke(cli, ["stubs", "list", "--json"]).stdout.splitlines()]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in counted]
    assert [(one["name"], one["modelled"], one["operations"]) for one in listed] == [
        (name, int(modelled), int(operations)) for name, modelled, _, _, operations in cells
    ]


def test_the_list_of_stubs_is_no_wall_of_host_names() -> None:
    """A stub with a host in each region is listed with some of them."""
    listed = CliRunner().invoke(cli, ["stubs", "list"]).stdout
    assert " and 38 more; --json has all\n" in listed
    assert max(map(len, listed.splitlines())) < 200
