"""docs/mail-apis.md: what it says of Amazon SES goes as it is written there."""

import re
from pathlib import Path

import pytest

from .story import DOCS, blocks, environment, follow

TEXT = (DOCS / "mail-apis.md").read_text()


@pytest.mark.sealed
def test_the_section_goes_as_it_is_written(tmp_path: Path) -> None:
    """A seeded account, boto3 sealed in, and what the report says."""
    for _, file, text in blocks(TEXT):
        if file:
            (tmp_path / file).write_text(text)
    environ = environment()
    stories = re.findall(r"^```console ses\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    assert stories
    for story in stories:
        follow(story, tmp_path, environ)
