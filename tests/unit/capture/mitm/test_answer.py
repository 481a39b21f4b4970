"""HTTP/1.1 that is answered: one write for a reply, connections that stay, and clients that never finish."""

import pytest

from childproof.capture.mitm.wire import HEAD_SECONDS
from childproof.model import Reply

GET = b"GET /x HTTP/1.1\r\nhost: api.example\r\n\r\n"
POST = b"POST /x HTTP/1.1\r\nhost: api.example\r\n"


@pytest.fixture
def line(wire, judging):
    return wire(judging(lambda call: Reply(200, (("content-type", "text/plain"),), call.path.encode()), max_body=1000))


def test_a_reply_is_one_write(line):
    """Head and body in one piece: one TLS record, one packet."""
    line.feed(GET)
    assert line.writes == [b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n/x"]


def test_a_connection_stays_for_the_next_request(line):
    for _ in range(3):
        line.feed(GET)
    assert (len(line.judge.calls), line.closed, line.wakeups) == (3, False, [])


@pytest.mark.parametrize(
    "begun",
    [b"GET", GET[:-2], POST + b"content-length: 5\r\n\r\nab", POST + b"transfer-encoding: chunked\r\n\r\n5\r\nab"],
    ids=["request line", "head", "body", "chunk"],
)
def test_a_request_that_is_never_whole_is_given_up(line, begun):
    """Slowly sent bytes don't win time: it is counted from the first (slowloris)."""
    line.feed(begun)
    line.now = HEAD_SECONDS
    line.feed(b"a")
    assert not line.patience.exhausted(HEAD_SECONDS)
    assert line.patience.exhausted(HEAD_SECONDS + 1)


def test_a_connection_between_requests_is_in_no_hurry(line):
    line.feed(POST + b"content-length: 5\r\n\r\nab")
    line.feed(b"cde")
    assert line.patience.since is None


def test_a_chunked_body_is_bounded_as_it_comes(line):
    line.feed(POST + b"transfer-encoding: chunked\r\n\r\n")
    sent = line.feed(b"3e9\r\n" + b"x" * 1001)
    assert sent.startswith(b"HTTP/1.1 413 ")
    assert line.judge.violations == ["body_too_large"]


def test_trailers_of_a_request_are_read_and_left_out(line):
    line.feed(POST + b"transfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nab\r\n0\r\nx-sum: 1\r\n\r\n" + GET)
    first, second = line.judge.calls
    assert (first.body, first.header("x-sum"), second.method) == (b"ab", None, "GET")


def test_expect_is_answered_once_and_only_where_the_body_is_still_to_come(line):
    expecting = POST + b"expect: 100-continue\r\ncontent-length: 2\r\n\r\n"
    assert line.feed(expecting) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert line.feed(b"a") == b""
    assert line.feed(b"b").startswith(b"HTTP/1.1 200 ")
    assert line.feed(expecting + b"ab").startswith(b"HTTP/1.1 200 ")
