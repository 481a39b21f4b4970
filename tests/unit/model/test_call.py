"""Calls: their headers by name."""

from childproof.model import Call, Protocol, replace

HEADERS = (("X-Trace", "one"), ("Host", "a.test"), ("x-trace", "two"))
CALL = Call(Protocol.HTTP, "a.test", 443, headers=HEADERS)


def test_the_first_header_of_a_name_counts_whatever_its_case() -> None:
    """Servers differ about repeated headers; here the first one is what everybody sees."""
    assert CALL.header("X-TRACE") == "one"
    assert CALL.header("host") == "a.test"
    assert CALL.header("missing") is None


def test_a_copy_with_other_headers_has_those() -> None:
    """What was looked up in a call is not remembered by its copies, and makes no difference between equals."""
    assert CALL.header("host") == "a.test"
    assert replace(CALL, headers=(("Host", "b.test"),)).header("host") == "b.test"
    fresh = Call(Protocol.HTTP, "a.test", 443, headers=HEADERS)
    assert (fresh, hash(fresh), repr(fresh)) == (CALL, hash(CALL), repr(CALL))
