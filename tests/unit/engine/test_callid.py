"""The trace that a call belongs to: its own, or the one that the agent's telemetry says it is part of."""

import pytest

from childproof.engine.callid import brought_trace
from childproof.ledger import trace_of
from childproof.model import replace

from .test_engine import POST, STUB, Bench

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("written", "trace"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f" 00-{TRACE}-{PARENT}-00 ", TRACE),
        (f"01-{TRACE}-{PARENT}-01-more", TRACE),  # a later version may say more
        (f"00-{TRACE}-{PARENT}-01-more", ""),
        (f"ff-{TRACE}-{PARENT}-01", ""),
        (f"00-{TRACE.upper()}-{PARENT}-01", ""),
        (f"00-{'0' * 32}-{PARENT}-01", ""),
        (f"00-{TRACE}-{'0' * 16}-01", ""),
        (f"00-{TRACE}-{PARENT}", ""),
        (f"00-{TRACE[:-1]}-{PARENT}-01", ""),
        ("", ""),
        ("00-\n-", ""),
    ],
)
def test_a_valid_traceparent_gives_its_trace_and_an_invalid_one_none(written: str, trace: str) -> None:
    """W3C Trace Context, section 3.2."""
    assert brought_trace(replace(POST, headers=(("Traceparent", written),))) == trace


def test_a_call_begins_a_trace_of_its_own_or_goes_on_with_the_one_that_it_brings() -> None:
    bench = Bench(STUB)
    alone = bench.engine.handle(POST)
    joined = bench.engine.handle(replace(POST, headers=(("traceparent", f"00-{TRACE}-{PARENT}-01"),)))
    first, second = bench.entries()
    assert (first.id, first.trace, first.cause) == (alone.call_id, trace_of(alone.call_id), None)
    assert (second.id, second.trace, second.cause) == (joined.call_id, TRACE, None)


def test_the_same_call_of_the_same_world_begins_the_same_trace() -> None:
    traces = []
    for _ in range(2):
        bench = Bench(STUB)
        bench.engine.handle(POST)
        traces.append(bench.entries()[0].trace)
    assert traces[0] == traces[1]
    assert len(traces[0]) == 32
