"""docs/testing.md: its tests and its harness are run as they stand there."""

from pathlib import Path

import pytest

from .story import goes_as_written


def test_the_page_does_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the plugins that it needs, and without what else is installed here, which takes a second to import."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p childproof.pytest_plugin -p anyio -p no:cacheprovider")
    assert goes_as_written("testing.md", tmp_path)
