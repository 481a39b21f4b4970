"""Expectations that are weighed: a value, and why it isn't more."""

import json
from typing import Any

import pytest

from childproof.testing.score import Score


class Scripted:
    """A world whose expectations hold, or don't, as their first argument says."""

    def must_have(self, holds: object, **_: Any) -> None:
        if not holds:
            raise AssertionError("expected a call; it was not made\n\n  a table")

    must_not = must_only_change = must_not_have = must_have

    @property
    def mail(self) -> "Scripted":
        return self


def test_the_value_is_the_weight_of_what_was_met() -> None:
    """Milestones by weight; nothing asked for is all that was asked for."""
    score = Score(Scripted())  # type: ignore[arg-type]
    assert (score.value, score.passed, score.reasons) == (1.0, True, [])
    assert score.must_have(True, weight=3)
    missed = score.must_have(False, amount=...)
    assert (missed.kind, missed.what, missed.reason) == (
        "milestone", "must_have(False, amount=...)", "expected a call; it was not made"
    )  # fmt: skip
    assert missed.text.endswith("a table")
    assert (score.value, score.passed, repr(score)) == (0.75, False, "<score 0.75: 1 of 2 hold>")


@pytest.mark.parametrize(("kind", "name"), [("minefield", "must_not"), ("collateral", "must_only_change")])
def test_what_must_not_be_takes_all_of_it(kind: str, name: str) -> None:
    """A mine isn't stepped on a little."""
    score = Score(Scripted())  # type: ignore[arg-type]
    score.must_have(True)
    getattr(score, name)(True)
    assert score.value == 1.0
    getattr(score, name)(False)
    assert (score.value, score.reasons) == (0.0, [f"{kind}: expected a call; it was not made"])
    told = json.loads(json.dumps(score.as_dict()))
    assert [check["held"] for check in told["checks"]] == [True, True, False]


def test_no_weight_is_less_than_none_and_other_errors_are_no_misses() -> None:
    """A typing mistake in the harness must not look like an agent's failure."""
    score = Score(Scripted())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="0 or more"):
        score.must_have(True, weight=-1)
    with pytest.raises(TypeError):
        score.must_have()
    assert score.checks == []
