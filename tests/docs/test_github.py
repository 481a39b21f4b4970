"""docs/github.md: its commands run, and say what it shows."""

from pathlib import Path

import pytest

from .story import goes_as_written


@pytest.mark.slow
@pytest.mark.sealed
def test_the_pages_commands_say_what_it_shows(tmp_path: Path) -> None:
    """Each command's output holds the lines that stand below it."""
    assert goes_as_written("github.md", tmp_path)
