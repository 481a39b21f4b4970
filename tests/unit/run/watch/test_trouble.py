"""What goes wrong is said once and in few lines, and a run whose record lacks something is no success."""

import io

import pytest

from childproof.engine import Missing
from childproof.run.watch.trouble import MAX_LINES, Trouble, ending


def test_the_same_is_not_said_twice() -> None:
    stream = io.StringIO()
    trouble = Trouble(stream)
    for _ in range(3):
        trouble("the disk is full")
    assert stream.getvalue() == "childproof: the disk is full\n"
    assert trouble.count == 3


def test_a_flood_ends_with_a_line_that_says_where_the_rest_is() -> None:
    stream = io.StringIO()
    trouble = Trouble(stream)
    for number in range(100):
        trouble(f"call {number} was denied")
    lines = stream.getvalue().splitlines()
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == "childproof: what else goes wrong is not shown here any more; childproof log has it"


@pytest.mark.parametrize(("code", "expected"), [(0, 1), (3, 3), (137, 137)])
def test_an_incomplete_record_is_told_and_turns_success_into_1(
    code: int, expected: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failing command keeps its own code: it failed for its own reason first."""
    assert ending(code, {"main": Missing(2, 1), "other": Missing()}) == expected
    assert capsys.readouterr().err == (
        "childproof: the record of world main is incomplete: 2 calls denied without a record"
        " · 1 allowed call without a record of what left this machine\n"
    )


def test_a_complete_record_leaves_the_code_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert [ending(code, {"main": Missing()}) for code in (0, 5)] == [0, 5]
    assert capsys.readouterr().err == ""


def test_what_went_wrong_is_said_without_the_secrets_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A stub's own error may quote what it was sent."""
    Trouble()("the stub shop failed: ValueError: no good: sk_live_51CanaryOfTheTest51CanaryOfTheTest")
    said = capsys.readouterr().err
    assert "the stub shop failed" in said
    assert "CanaryOfTheTest51" not in said
