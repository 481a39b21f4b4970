"""What a report may draw on: as wide as the terminal, within what the API takes."""

import fcntl
import os
import pty
import struct
import termios
from pathlib import Path

import msgspec
import pytest

from childproof.control.messages_sandboxes import ReportQuery
from childproof.run.report.printing import terminal


@pytest.mark.parametrize(("columns", "width"), [(0, None), (5, 20), (132, 132), (4000, 1000)])
def test_a_terminal_s_width_is_one_that_a_server_takes(
    columns: int, width: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pane of five columns gets a report, too; one that doesn't know its width gets that of a file."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(master, "wb"), os.fdopen(slave, "w") as stream:
        assert terminal(stream) == (width, True)
    assert msgspec.convert({"width": width}, ReportQuery).width == width


def test_what_is_no_terminal_has_neither_columns_nor_colours() -> None:
    """A report into a pipe or a file is for whoever reads it later."""
    with Path(os.devnull).open("w") as stream:
        assert terminal(stream) == (None, False)
