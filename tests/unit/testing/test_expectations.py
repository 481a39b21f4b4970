"""A call that was expected, or isn't as it was: the match is an empty difference."""

import re

import pytest

from childproof.testing.calls import chosen
from childproof.testing.expectations import Expected, nearest
from childproof.testing.tables import table

from .calls import call

REFUND = call(1, "POST", "api.stripe.com/v1/refunds", body="amount=2000&metadata[order]=7&reason=duplicate")
FAILED = call(2, "POST", "api.stripe.com/v1/refunds", body="amount=9", status=402)
DENIED = call(3, "GET", "example.com/admin?q=1", verdict="deny", stub=None, status=403, reason="no rule matched")
LOOKUP = call(4, "A", "api.stripe.com", protocol="dns")


@pytest.mark.parametrize(
    ("expected", "differs"),
    [
        (Expected("post", "api.stripe.com/v1/refunds", fields={"amount": 2000}), []),
        (Expected(target="/v1/*", fields={"metadata": {"order": 7}, "reason": re.compile("^dup")}), []),
        (Expected(target="api.stripe.com/**", fields={"amount": ...}), []),
        (Expected(service="stripe", status=200, verdict="stub", done=True), []),
        (Expected("GET", fields={"amount": 2001}), ["method: 'POST', expected 'GET'", "amount: '2000', expected 2001"]),
        (Expected(fields={"charge": ...}), ["charge: nothing, expected anything"]),
        (Expected(target="/v1/charges"), ["path: '/v1/refunds', expected '/v1/charges'"]),
        (Expected("POST", "https://api.stripe.com/v1/refunds"), []),
        (Expected("POST", "api.stripe.com"), []),
        (Expected("POST", "*.stripe.com"), []),
        (Expected(target="stripe.com"), ["host: 'api.stripe.com', expected 'stripe.com'"]),
        (Expected(service="slack"), ["service: 'stripe', expected 'slack'"]),
    ],
)
def test_a_call_is_told_where_it_differs(expected: Expected, differs: list[str]) -> None:
    """A form's texts are compared as texts, values within by their fields."""
    assert [str(one) for one in expected.differences(REFUND)] == differs


def test_what_was_refused_has_not_happened_unless_it_is_asked_for() -> None:
    """A milestone wants a call that succeeded; a status or verdict that is asked for says otherwise."""
    assert [str(one) for one in Expected(done=True).differences(FAILED)] == ["status: 402, expected one below 400"]
    assert Expected(done=True).differences(DENIED) != []
    assert Expected(done=True, status=402).differences(FAILED) == []
    assert Expected(done=True, verdict="deny").differences(DENIED) == []


def test_the_nearest_call_is_the_one_with_the_least_differences() -> None:
    """An amount is nearer than a method, and a method than another host."""
    calls = [REFUND, FAILED, DENIED]
    found = nearest(Expected("POST", "api.stripe.com/v1/refunds", fields={"amount": 2001}, done=True), calls)
    assert found is not None
    assert found[0] is REFUND
    assert nearest(Expected("POST", "smtp.example.org/x", service="email", fields={"a": 1, "b": 2}), [DENIED]) is None


def test_calls_are_chosen_by_what_they_are() -> None:
    """Name look-ups are nobody's calls, unless their protocol is asked for."""
    calls = [REFUND, FAILED, DENIED, LOOKUP]
    assert chosen(calls) == [REFUND, FAILED, DENIED]
    assert chosen(calls, service="stripe", status=402) == [FAILED]
    assert chosen(calls, path="/admin") == [DENIED]
    assert chosen(calls, protocol="dns") == [LOOKUP]
    assert chosen(calls, service="example.com", verdict="deny", method="get") == [DENIED]


def test_a_form_with_brackets_is_nested() -> None:
    """As Stripe and others write them."""
    assert REFUND.body == {"amount": "2000", "metadata": {"order": "7"}, "reason": "duplicate"}


def test_the_table_has_the_marked_call_and_says_how_many_came_before() -> None:
    """Lines that are read, in columns; control characters are spelled out."""
    odd = call(9, "GET", "api.stripe.com/\x1b[2J")
    shown = table([REFUND, FAILED, DENIED, odd], marked=REFUND, most=2).splitlines()
    assert shown[1:] == [
        "  … 2 others",
        "> 09:00:01  POST    api.stripe.com/v1/refunds  200     stripe (modelled)",
        "  09:00:09  GET     api.stripe.com/\\x1b[2J     200     stripe (modelled)",
    ]
