"""docs/many.md: its commands run against a server, and say what it shows."""

import re
import shlex
from pathlib import Path

import pytest

from childproof.control.messages_sandboxes import NewSandbox
from tests.clients.served import serving

from .story import DOCS, blocks, environment, follow


@pytest.mark.slow
@pytest.mark.sealed
def test_the_pages_commands_say_what_it_shows(tmp_path: Path) -> None:
    """Each command's output holds the lines that stand below it; the server is started as the page says."""
    environ, found = environment(), blocks((DOCS / "many.md").read_text())
    for _, file, text in found:
        if file:
            (tmp_path / file).write_text(text)
    [started] = [text for kind, _, text in found if kind == "sh"]
    options = shlex.split(started)[2:]
    with serving(tmp_path, *options, "--socks", "127.0.0.1:0", listen=()):
        for kind, _, text in found:
            if kind == "console":
                follow(text, tmp_path, environ)


def test_every_field_of_a_sandbox_is_in_the_table() -> None:
    """What the API takes is on the page."""
    rows = re.findall(r"^\| (`.+?) \| ", (DOCS / "many.md").read_text(), re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(NewSandbox.__struct_encode_fields__)
