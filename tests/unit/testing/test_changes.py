"""What calls changed beyond what they were to change."""

import pytest

from childproof.testing.changes import changed, message, outside

from .calls import changing

MADE = changing(1, "refund", "re_1", None, {"id": "re_1", "status": "pending"})
THEN = changing(2, "refund", "re_1", {"id": "re_1", "status": "pending"}, {"id": "re_1", "status": "done"})
PLAN = changing(3, "plan", "pl_1", {"id": "pl_1", "amount": 5}, {"id": "pl_1", "amount": 6})
BACK = changing(4, "plan", "pl_1", {"id": "pl_1", "amount": 6}, {"id": "pl_1", "amount": 5})
EVENT = changing(5, "event", "evt_1", None, {"id": "evt_1"})
GONE = changing(7, "plan~deleted", "pl_1", None, {"id": "pl_1"})
PART = changing(6, "delivery", "d_1", None, {"id": "d_1"}, service="email")


def test_an_entity_is_told_once_and_not_at_all_if_it_is_as_it_was() -> None:
    """From before the first change to after the last."""
    [refund] = changed([MADE, THEN, PLAN, BACK])
    assert (refund.id, refund.before, refund.how) == ("re_1", None, "made")


def test_what_is_allowed_and_what_a_service_writes_down_of_changes_is_no_collateral() -> None:
    """Kinds by name, `*` for all of a service, a mail's parts with the mail."""
    calls = [MADE, THEN, PLAN, EVENT, PART, GONE]
    assert [one.kind for one in outside(calls, {"stripe": ["refund"]})] == ["plan", "delivery"]
    assert outside(calls, {"stripe": "*", "email": ["message"]}) == []


@pytest.mark.parametrize("width", ["80", "200"])
def test_a_message_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, width: str) -> None:
    """What was changed and by which call are both cut, and both there."""
    monkeypatch.setenv("COLUMNS", width)
    long = changing(1, "plan", "pl_1", {"id": "pl_1", "x" * 90: 1}, {"id": "pl_1"})
    line = message([*outside([long], {})], {}).splitlines()[-1]
    assert len(line) <= int(width)
    assert "changed: xxx" in line
    assert "POST api" in line


def test_the_message_has_what_was_changed_and_by_which_call() -> None:
    """A line for each entity."""
    allowed = {"stripe": ["refund"]}
    assert message(outside([MADE, PLAN], allowed), allowed).splitlines() == [
        "expected no change but of stripe: refund; 1 other",
        "",
        "  service  kind  id    what           by",
        "  stripe   plan  pl_1  amount: 5 → 6  POST api.stripe.com/v1/plans",
    ]
