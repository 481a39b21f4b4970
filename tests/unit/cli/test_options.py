"""Texts on the command line become values, or a message that says what to write."""

import os
from pathlib import Path

import click
import pytest

from childproof.cli.options import Clock, NewFile, Span
from childproof.world import REAL, ClockSettings

NINE = 1_767_603_600_000  # 2026-01-05T09:00:00Z


@pytest.mark.parametrize(
    ("text", "clock"),
    [
        ("real", REAL),
        ("@2026-01-05T09:00:00Z", ClockSettings(start=NINE, run="real")),
        ("@2026-01-05T10:00:00+01:00", ClockSettings(start=NINE, run="real")),
        ("frozen@2026-01-05T09:00:00", ClockSettings(start=NINE, run="frozen")),
        ("step@2026-01-05T09:00:00Z", ClockSettings(start=NINE, run="step", step=1000)),
        ("step:250ms@2026-01-05T09:00:00Z", ClockSettings(start=NINE, run="step", step=250)),
        ("step:2h", ClockSettings(start=None, run="step", step=7_200_000)),
    ],
)
def test_clocks(text: str, clock: ClockSettings) -> None:
    assert Clock().convert(text, None, None) == clock


@pytest.mark.parametrize("text", ["tomorrow", "step:5", "step:fast@2026-01-05", "real:1s", "frozen@yesterday", "@"])
def test_what_is_no_clock_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2026-01-05T09:00:00Z"):
        Clock().convert(text, None, None)


def test_spans_are_seconds_or_have_a_unit() -> None:
    """Anything else is refused with how they are written."""
    assert [Span().convert(text, None, None) for text in ("600", "90s", "10m", "2h", "3d")] == [
        600,
        90,
        600,
        7200,
        259_200,
    ]
    for text in ("", "-1", "1w", "1.5h", "soon"):
        with pytest.raises(click.BadParameter, match="600, 90s, 10m, 2h or 3d"):
            Span().convert(text, None, None)


def test_a_file_to_write_may_exist_or_be_new(tmp_path: Path) -> None:
    (tmp_path / "old").touch()
    assert NewFile().convert(str(tmp_path / "new"), None, None) == tmp_path / "new"
    assert NewFile().convert(str(tmp_path / "old"), None, None) == tmp_path / "old"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "message"), [(".", "is a folder; write for example"), ("no/report", "there is no folder")]
)
def test_a_file_that_can_not_be_written_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(click.BadParameter, match=message):
        NewFile().convert(str(tmp_path / name), None, None)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old").touch(mode=0o444)
    with pytest.raises(click.BadParameter, match="may not be written"):
        NewFile().convert(str(tmp_path / "old"), None, None)
    tmp_path.chmod(0o555)
    with pytest.raises(click.BadParameter, match="may not be written"):
        NewFile().convert(str(tmp_path / "new"), None, None)
