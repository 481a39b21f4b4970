"""docs/testing.md: its tests and its harness are run as they stand there."""

from pathlib import Path

from .story import goes_as_written


def test_the_page_does_what_it_says(tmp_path: Path) -> None:
    goes_as_written("testing.md", tmp_path)
