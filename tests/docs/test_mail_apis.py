"""docs/mail-apis.md: its story runs from the first command to the last, and says what it shows."""

import re
from pathlib import Path

import pytest

from .story import DOCS, blocks, environment, follow

TEXT = (DOCS / "mail-apis.md").read_text()
FILES = {"python": "agent.py", "yaml": "rules.yaml"}


@pytest.mark.sealed
def test_the_stories_go_as_the_page_says(tmp_path: Path) -> None:
    """Each command's output holds the lines that stand below it; a file is as it was last shown."""
    environ = environment()
    for kind, file, text in blocks(TEXT):
        if kind == "console":
            follow(text, tmp_path, environ)
        elif kind in FILES and not file:
            (tmp_path / FILES[kind]).write_text(text)


def test_every_stub_of_a_mail_api_is_on_the_page() -> None:
    """A stub that says who keeps its mail and has an API for it."""
    stubs = Path(__file__).parents[2] / "stubs"
    for manifest in stubs.glob("*/stub.yaml"):
        text = manifest.read_text()
        if re.search(r"^mail: email$", text, re.MULTILINE) and "all mail in the one mailbox" in text:
            assert f"stubs/{manifest.parent.name}/README.md" in TEXT
