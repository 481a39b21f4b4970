"""Outcomes of two sides compared in the words of their templates."""

import pytest

from childproof.model import Effect
from childproof.stubkit.outcome.outcome import compare_outcomes, compile_outcomes

OUTCOMES = compile_outcomes(
    {
        "charge": {
            "words": "charged {sum(amount) | money(currency)} to {distinct(customer) | plural('customer')}",
            "where": {"captured": True},
        },
        "refund": "refunded {sum(amount) | money(currency)}",
        "decline": {"note": "{count | plural('decline')}"},
        "mail": "sent {count | plural('message')} to {list(to)}",
        "reach": "reached {distinct(to) | plural('company')}",
        "odd": "did {first(what)}",
    }
)


def effects(*made: tuple[str, dict[str, object]]) -> list[Effect]:
    return [Effect("s", kind, str(number), data) for number, (kind, data) in enumerate(made)]


def usd(amount: int, **more: object) -> dict[str, object]:
    return {"amount": amount, "currency": "usd", **more}


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        ([("refund", usd(2000))], [("refund", usd(3000)), ("refund", usd(1000))], "$20.00 more refunded"),
        ([("refund", usd(2000))], [("refund", usd(1999))], "$0.01 less refunded"),
        ([("refund", usd(2000))], [("refund", usd(2000))], ""),
        ([], [("refund", usd(2000))], ""),
        (
            [("refund", usd(2000))],
            [("refund", usd(1000)), ("refund", {"amount": 500, "currency": "jpy"})],
            "$10.00 less refunded, ¥500 more refunded",
        ),
        (
            [("charge", usd(1, captured=True)), ("charge", usd(9, captured=False))],
            [("charge", usd(3, captured=True))],
            "$0.02 more charged",
        ),
        ([("decline", {})] * 3, [("decline", {})], "2 fewer declines"),
        ([("mail", {"to": ["a"]})], [("mail", {"to": ["a"]})] * 2, "1 more message sent"),
        ([("reach", {"to": "a"})], [("reach", {"to": name}) for name in "abc"], "2 more companies reached"),
        ([("odd", {"what": "a"})], [("odd", {"what": "b"})], ""),
        (
            [("refund", usd(100)), ("decline", {})],
            [("refund", usd(200)), ("decline", {}), ("decline", {})],
            "$1.00 more refunded, 1 more decline",
        ),
    ],
)
def test_the_right_side_is_measured_against_the_left(
    left: list[tuple[str, dict[str, object]]], right: list[tuple[str, dict[str, object]]], words: str
) -> None:
    assert compare_outcomes(OUTCOMES, effects(*left), effects(*right)) == words
