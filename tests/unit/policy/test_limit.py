"""What limits count, and when they refuse: pure, over counters in memory."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from childproof.model import Call, Protocol, replace
from childproof.policy.condition import compile_expression
from childproof.policy.facts import Facts
from childproof.policy.limit import Counted, Limit, MemoryCounters, Spent, amount, count, size

CALL = Call(Protocol.HTTP, "api.example", 443, method="POST", scheme="https", path="/a", query="b=1")


def body(text: str) -> Call:
    return replace(CALL, headers=(("content-type", "application/json"),), body=text.encode())


def limit(kind: Counted, text: str, most: float, per_ms: int | None = None) -> Limit:
    return Limit(most, per_ms, kind, compile_expression(text, (Protocol.HTTP,), kind))


class Clock(MemoryCounters):
    """Counters whose time the test sets."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000_000

    def now(self) -> int:
        return self.time


def test_a_window_opens_with_its_first_call_and_lasts_for_the_period() -> None:
    """The third call is refused until the period of the first is over, to the millisecond."""
    counters, limits = Clock(), (Limit(2, 10_000),)
    assert [count("r", limits, CALL, counters) for _ in range(2)] == [None, None]
    counters.time += 9_999
    spent = count("r", limits, CALL, counters)
    assert isinstance(spent, Spent)
    assert spent.retry_after == 1
    counters.time += 1
    assert count("r", limits, CALL, counters) is None


def test_without_a_period_a_limit_holds_for_good() -> None:
    """There is nothing to wait for, and it says so."""
    counters, limits = Clock(), (Limit(1),)
    assert count("r", limits, CALL, counters) is None
    counters.time += 10**12
    spent = count("r", limits, CALL, counters)
    assert spent is not None
    assert (spent.reason, spent.retry_after) == ("the limit of 1 call is used up", 0)


def test_a_call_that_one_limit_refuses_counts_in_none() -> None:
    """Else a refused call would use up the others' room."""
    counters = Clock()
    limits = (Limit(3), limit(Counted.SUM, "call.json.n", 10))
    assert count("r", limits, body('{"n": 11}'), counters) is not None
    assert [count("r", limits, body('{"n": 1}'), counters) for _ in range(3)] == [None] * 3
    assert count("r", limits, body('{"n": 1}'), counters) is not None


def test_a_call_above_the_whole_limit_is_not_told_to_wait() -> None:
    """It would never fit."""
    spent = count("r", (limit(Counted.SUM, "call.json.n", 10, 1000),), body('{"n": 11}'), Clock())
    assert spent is not None
    assert spent.retry_after == 0


def test_fractions_add_up_exactly() -> None:
    """Ten times 0.1 is 1, not a little less, which an eleventh could slip through."""
    counters, limits = Clock(), (limit(Counted.SUM, "call.json.n", 1),)
    assert [count("r", limits, body('{"n": 0.1}'), counters) for _ in range(10)] == [None] * 10
    assert count("r", limits, body('{"n": 0.000001}'), counters) is not None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", "no n"),
        ('{"n": null}', "nothing, not a number"),
        ('{"n": "5"}', "a text, not a number"),
        ('{"n": true}', "true or false, not a number"),
        ('{"n": [5]}', "a list, not a number"),
        ('{"n": -1}', "from 0 on"),
        ('{"n": 1e999}', ""),
        ("no json", "no JSON"),
    ],
)
def test_what_is_no_number_is_refused(text: str, why: str) -> None:
    """Closed: a value that can't be counted doesn't pass uncounted."""
    spent = count("r", (limit(Counted.SUM, "call.json.n", 10**9),), body(text), Clock())
    assert spent is not None
    assert "can't count this call" in spent.reason
    assert why in spent.reason


def test_different_values_are_counted_once_each_and_each_window_anew() -> None:
    """Of a list each item counts; numbers, texts and truth are different things."""
    counters, limits = Clock(), (limit(Counted.DISTINCT, "call.json.v", 3, 1000),)
    assert count("r", limits, body('{"v": ["a", "b", "a"]}'), counters) is None
    assert count("r", limits, body('{"v": "a"}'), counters) is None
    assert count("r", limits, body('{"v": 1}'), counters) is None
    refused = count("r", limits, body('{"v": "1"}'), counters)
    assert refused is not None
    assert "3 counted so far, 1 more" in refused.reason
    counters.time += 1000
    assert count("r", limits, body('{"v": ["a", "1", "c"]}'), counters) is None
    assert count("r", limits, body('{"v": "b"}'), counters) is not None


@pytest.mark.parametrize("text", ["{}", '{"v": null}', '{"v": {"a": 1}}', '{"v": [["a"]]}'])
def test_what_is_no_value_is_refused(text: str) -> None:
    """Mappings and nothing can't be told apart from others."""
    assert count("r", (limit(Counted.DISTINCT, "call.json.v", 9),), body(text), Clock()) is not None


def test_values_are_kept_as_hashes_only() -> None:
    """What people count by (addresses, tokens) stands in no row."""
    counters = Clock()
    count("r", (limit(Counted.DISTINCT, "call.json.v", 9),), body('{"v": "secret-value"}'), counters)
    assert "secret-value" not in repr(vars(counters))


def test_bytes_are_those_that_the_call_carries() -> None:
    """Nothing can be carried past the limit in a header or a query."""
    call = replace(CALL, headers=(("x-a", "12345"),), body=b"12")
    assert size(call) == len("POST" + "/a" + "b=1" + "x-a" + "12345") + 2


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(0, 200))
def test_a_sum_never_exceeds_its_limit_and_takes_all_that_fits(numbers: list[int], most: int) -> None:
    """For any calls in any order: what passed is within the limit, and what was refused would not have been."""
    counters, limits = Clock(), (limit(Counted.SUM, "call.json.n", most),)
    passed = 0
    for number in numbers:
        if count("r", limits, body(f'{{"n": {number}}}'), counters) is None:
            passed += number
            assert passed <= most
        else:
            assert passed + number > most


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (Limit(50, 3_600_000), "50 calls per 1h"),
        (Limit(10 * 1024**2, None, Counted.BYTES), "10MiB"),
        (Limit(1000, 1000, Counted.BYTES), "1000 bytes per 1s"),
        (limit(Counted.SUM, "call.form.amount", 0.5, 86_400_000), "0.5 of call.form.amount per 1d"),
        (limit(Counted.DISTINCT, "call.host", 20), "20 different call.host"),
    ],
)
def test_a_limit_reads_as_people_say_it(one: Limit, text: str) -> None:
    """In reasons and in explanations."""
    assert str(one) == text


def test_only_parts_that_the_limit_reads_are_evaluated() -> None:
    """A body that is no JSON is no trouble for a limit that asks for a header."""
    facts = Facts(replace(CALL, headers=(("x-n", "7"),), body=b"{no json"))
    value: Any = amount(limit(Counted.SUM, 'int(call.headers["x-n"])', 10), facts)
    assert value == Decimal(7)
    assert not {"json", "form"} & set(vars(facts))
