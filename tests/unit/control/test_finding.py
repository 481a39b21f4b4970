"""Calls as requests name them: by number, id, the beginning of one, or a time of the world."""

import pytest

from childproof.control.finding import call_number, call_of
from childproof.control.problems import Problem

from .conftest import Api


def test_a_call_is_named_in_several_ways(api: Api) -> None:
    """All lead to its number."""
    api.made("named", clock="step:1s@2026-01-05T09:00:00Z")
    api.mailed("named", "a@shop.example", b"Subject: a\r\n\r\n")
    api.mailed("named", "b@shop.example", b"Subject: b\r\n\r\n")
    second = call_of(api.desk, "named", "2")
    assert call_of(api.desk, "named", second.id) == second == call_of(api.desk, None, second.id)
    for at in (
        2,
        "2",
        second.id,
        second.id.removeprefix("call_"),
        second.id[:12],
        "2027-01-01",
        "2027-01-01T00:00:00+01:00",
    ):
        assert call_number(api.desk, "named", at, "/at") == 2, at
    assert call_number(api.desk, "named", 0, "/at") == 0  # what it began with


def test_what_names_none_says_why(api: Api) -> None:
    """What isn't there is a conflict, and so is what may mean several; what is no name at all doesn't fit."""
    api.made("unnamed")
    api.pass_time("unnamed", 20)
    for at, status, kind in (
        (99, 409, "no_such_call"), ("9" * 30, 409, "no_such_call"), ("call_ffff", 409, "no_such_call"), ("1999-01-01", 409, "no_such_call"),
        ("call_", 409, "ambiguous"), ("what?", 422, "invalid"), ("", 422, "invalid"), ("2026-13-01", 422, "invalid"),
    ):  # fmt: skip
        with pytest.raises(Problem) as refused:
            call_number(api.desk, "unnamed", at, "/at")
        assert (refused.value.status, refused.value.kind) == (status, kind), at
        assert refused.value.mistakes[0].pointer == "/at"
        assert api.desk.store.path not in refused.value.detail or not api.desk.store.path.startswith("/")
    for name in ("99", "0", "9" * 30, "call_", ""):
        with pytest.raises(Problem, match="isn't there"):
            call_of(api.desk, "unnamed", name)
