"""Events: one object on a line, without secrets, whoever reads or doesn't."""

import json
import logging
import os
from typing import Any

import pytest

from childproof.model import Upstream
from childproof.run.config.config import Log
from childproof.run.watch.journal import QUIET, Journal
from childproof.run.watch.lines import Lines
from tests.unit.run.report.test_report import ENTRY, STUBBED

KEY = "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc"


class Kept(Lines):
    """Lines that a test reads."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def put(self, line: str) -> None:
        self.kept.append(line)

    def close(self, within: float = 0) -> None:
        pass


def journal(log: Log, clock: Any = lambda: 0.0) -> tuple[Journal, list[str]]:
    lines = Kept()
    return Journal(log, lines=lines, wall=lambda: 1_767_225_600_000, clock=clock), lines.kept


def test_an_event_is_one_object_on_one_line_with_its_secrets_masked() -> None:
    told, lines = journal(Log())
    told.event("note", f"a\nb {KEY}", none=None, empty="", deep={"a": [KEY, 1]}, right="\u202eb")
    told.close()
    [line] = lines
    assert "\n" not in line
    assert "\u202e" not in line
    assert KEY not in line
    found = json.loads(line)
    assert list(found) == ["time", "level", "event", "message", "deep", "right"]
    assert (found["time"], found["level"]) == ("2026-01-01T00:00:00.000Z", "info")
    assert found["deep"]["a"][1] == 1


def test_text_is_the_same_as_words() -> None:
    told, lines = journal(Log("text"))
    told.event("listening", kind="http", address="127.0.0.1:1", world="a b")
    told.close()
    assert lines == ['2026-01-01T00:00:00.000Z info    listening kind=http address=127.0.0.1:1 world="a b"']


@pytest.mark.parametrize(("calls", "verdicts"), [("none", []), ("denied", ["deny"]), ("all", ["deny", "stub"])])
def test_calls_are_events_as_far_as_they_are_wanted(calls: Any, verdicts: list[str]) -> None:
    told, lines = journal(Log(calls=calls))
    told.recorded(ENTRY, ())
    told.recorded(STUBBED, ())
    told.settled("call_1", Upstream(bytes_out=5), 200, 7, None)
    told.close()
    found = [json.loads(line) for line in lines]
    assert [one["verdict"] for one in found if one["event"] == "call"] == verdicts
    ends = [one for one in found if one["event"] == "call_ended"]
    assert [end["upstream"]["bytes_out"] for end in ends] == ([5] if calls == "all" else [])


def test_the_same_trouble_is_said_once_in_a_while_and_counted() -> None:
    now = 0.0
    told, lines = journal(Log(), lambda: now)
    for _ in range(5):
        told.trouble("oh")
    now = QUIET
    told.trouble("oh")
    told.close()
    assert [json.loads(line).get("again") for line in lines] == [None, 4]


def test_what_libraries_log_is_trouble() -> None:
    told, lines = journal(Log())
    try:
        raise ValueError(KEY)
    except ValueError:
        logging.getLogger("some.library").exception("it broke")
    told.close()
    logging.getLogger("some.library").warning("nobody hears this")
    [found] = map(json.loads, lines)
    assert (found["event"], found["message"], found["logger"]) == ("trouble", "it broke", "some.library")
    assert "ValueError" in found["traceback"]
    assert KEY not in found["traceback"]


def accounted(got: bytes) -> tuple[int, int]:
    """How many lines came, and how many are told to be lost."""
    found = got[: got.rfind(b"\n") + 1].decode().splitlines()
    return sum(line.endswith("x") for line in found), sum(
        int(line.split()[1]) for line in found if line.startswith("lost")
    )


def test_lines_that_find_no_reader_are_counted_where_one_is_found() -> None:
    reading, writing = os.pipe()
    lines = Lines(writing, lambda count: f"lost {count}", most=1000)
    for number in range(5000):
        lines.put(f"{number} {'x' * 100}")  # more than a pipe holds, and than may wait
    got = b""
    while sum(accounted(got)) < 5000:  # "last" finds room then
        got += os.read(reading, 65536)
    lines.put("last")
    while not got.endswith(b"last\n"):
        got += os.read(reading, 65536)
    lines.close(5)
    whole, lost = accounted(got)
    assert whole + lost == 5000
    assert lost > 0
    os.close(reading)
    os.close(writing)


def test_lines_to_nobody_are_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    lines = Lines(writing, lambda count: f"lost {count}")
    lines.put("one")
    lines.close(5)
    os.close(writing)
