"""The table of calls, as wide as there is room."""

import pytest

from childproof.testing.tables import columns, cut, table

from .calls import call

LONG = call(
    1, "GET", f"api.example.com/{'x' * 200}", verdict="deny", stub=None, status=403, reason=f"no rule {'y' * 100}"
)
WIDE = call(2, "GET", "api.example.com/日本語/ü", verdict="reply", stub=None, rule="teapot", status=418)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_asked_for(width: int) -> None:
    """Both the target and the reason are cut, and both are there."""
    lines = table([LONG, WIDE], marked=LONG, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert "api.example.com/xx" in lines[1]
    assert "denied: no rule" in lines[1]
    assert lines[1].count("…") == 2


def test_columns_stand_below_each_other_whatever_is_written_in_them() -> None:
    """East Asian characters take two columns of a terminal."""
    head, long, wide = table([call(1, "GET", f"api.example.com/{'x' * 20}"), WIDE], width=120).splitlines()
    assert head.index("status") == long.index("200") == wide.index("418") + 3


def test_what_is_cut_says_so() -> None:
    """By columns, not by characters."""
    assert [cut("abcdef", 6), cut("abcdef", 4), cut("日本語", 4)] == ["abcdef", "abc…", "日…"]


@pytest.mark.parametrize(("said", "found"), [("40", 80), ("100", 100), ("999", 200)])
def test_the_width_is_what_the_terminal_says_within_reason(
    monkeypatch: pytest.MonkeyPatch, said: str, found: int
) -> None:
    """COLUMNS, as everywhere."""
    monkeypatch.setenv("COLUMNS", said)
    assert columns() == found


def test_what_is_no_http_is_told_by_its_protocol_and_address_once() -> None:
    """A connection has no method; a status of 0 is none."""
    mail = call(1, "MESSAGE", "smtp.example.com", protocol="smtp", target="SMTP smtp.example.com:587", status=250)
    dialled = call(2, "", "db.example.com", protocol="tcp", target="TCP db.example.com:5432", status=0, verdict="deny")
    assert [line.split()[1:4] for line in table([mail, dialled], width=120).splitlines()[1:]] == [
        ["MESSAGE", "smtp.example.com:587", "250"],
        ["TCP", "db.example.com:5432", "-"],
    ]
