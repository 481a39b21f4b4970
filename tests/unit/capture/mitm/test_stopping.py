"""The process stops: what is idle ends at once, what is under way with its reply, and every client is told."""

import h2.config
import h2.connection
import h2.events
import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import Frame, GoAwayFrame, RstStreamFrame
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request

from childproof.capture.mitm.answer2 import Answer2Layer
from childproof.model import Part, Reply, Talk

GET = b"GET /one HTTP/1.1\r\nHost: api.example\r\n\r\n"
HEADERS = [(":method", "GET"), (":path", "/"), (":scheme", "https"), (":authority", "api.example")]


def ok(_call):
    return Reply(200, (), b"here")


@pytest.mark.parametrize("before", [b"", GET])
def test_an_idle_connection_ends_at_once(wire, judging, before):
    """Whether it was never used or between two requests."""
    line = wire(judging(ok))
    if before:
        line.feed(before)
    line.stop()
    assert line.closed
    assert not line.reset


def test_a_request_that_is_half_here_is_still_answered_and_is_the_last_one(wire, judging):
    line = wire(judging(ok))
    line.feed(GET[:20])
    line.stop()
    assert not line.closed
    line.feed(GET[20:])
    assert b"HTTP/1.1 200" in line.sent
    assert b"connection: close" in line.sent.lower()
    assert line.closed


def test_a_reply_that_is_still_to_come_is_the_last_one(wire, judging):
    line = wire(judging(ok, delay=3.0))
    line.feed(GET)
    line.stop()
    assert not line.closed
    line.wake()
    assert line.sent.endswith(b"here")
    assert line.closed


def test_a_reply_that_goes_on_ends_before_its_connection_does(wire, judging, stream):
    line = wire(judging(lambda _: stream(Part(b"a"), Part(b"b", delay=1.0))))
    line.feed(GET)
    line.stop()
    assert not line.closed
    while line.wakeups and not line.closed:
        line.wake()
    assert line.sent.endswith(b"0\r\n\r\n")
    assert line.closed
    assert [error for _, error in line.judge.settled] == [""]


def test_a_websocket_is_told_goodbye(wire, judging):
    """1001, going away (RFC 6455, section 7.4.1); its answer ends it."""
    line = wire(judging(lambda _: Reply(101, (), stream=Talk((), lambda _frame: (), None))))
    client = WSConnection(ConnectionType.CLIENT)
    line.feed(client.send(Request("api.example", "/live")))
    line.stop()
    client.receive_data(line.sent)
    [goodbye] = [event for event in client.events() if isinstance(event, CloseConnection)]
    assert goodbye.code == 1001
    assert not line.closed
    line.feed(client.send(goodbye.response()))
    assert line.closed


class Speaker:
    """An HTTP/2 client over a wire."""

    def __init__(self, line):
        self.line, self.taken = line, 0
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.exchange()

    def exchange(self):
        data = self.h2.data_to_send()
        if data and not self.line.closed:
            self.line.feed(data)
        sent, self.taken = self.line.sent[self.taken :], len(self.line.sent)
        return self.h2.receive_data(sent)

    def ask(self, stream):
        self.h2.send_headers(stream, HEADERS, end_stream=True)
        return self.exchange()


def test_http_2_says_which_stream_is_the_last_and_answers_it(wire, judging):
    """GOAWAY (RFC 9113, section 6.8); a later request is refused for somebody else to answer, unjudged."""
    client = Speaker(wire(judging(ok, delay=3.0), Answer2Layer))
    client.ask(1)
    client.line.stop()
    assert not client.line.closed
    client.h2.send_headers(3, HEADERS, end_stream=True)
    client.line.feed(client.h2.data_to_send())
    [goodbye, refused] = frames(client.line.sent[client.taken :])
    assert isinstance(goodbye, GoAwayFrame)
    assert (goodbye.last_stream_id, goodbye.error_code) == (1, ErrorCodes.NO_ERROR)
    assert isinstance(refused, RstStreamFrame)
    assert (refused.stream_id, refused.error_code) == (3, ErrorCodes.REFUSED_STREAM)
    assert len(client.line.judge.calls) == 1
    client.line.wake()
    assert b"here" in client.line.sent
    assert client.line.closed


def frames(data):
    """Whole frames, which h2 reads no more of once a goodbye was among them."""
    found = []
    while data:
        frame, length = Frame.parse_frame_header(memoryview(data[:9]))
        frame.parse_body(memoryview(data[9 : 9 + length]))
        found.append(frame)
        data = data[9 + length :]
    return found


def test_an_idle_http_2_connection_ends_with_a_goodbye(wire, judging):
    client = Speaker(wire(judging(ok), Answer2Layer))
    client.ask(1)
    client.line.stop()
    assert [type(event) for event in client.exchange()] == [h2.events.ConnectionTerminated]
    assert client.line.closed
