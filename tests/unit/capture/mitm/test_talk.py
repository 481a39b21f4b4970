"""A WebSocket that a stub answers: messages both ways, in time, bounded, and with a clean end."""

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.connection import Connection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Ping,
    Pong,
    Request,
    TextMessage,
)
from wsproto.extensions import PerMessageDeflate

from childproof.capture.mitm.talk import CROWD, LOOK_SECONDS, MOST_FRAGMENTS, TalkLayer
from childproof.model import Frame, Reply, Talk


def text(data, delay=0.0):
    return Frame("text", data.encode(), delay=delay)


class Visitor:
    """A WebSocket client over a wire; `events` is what it was told."""

    def __init__(self, line, extensions=()):
        self.line = line
        self.taken = 0
        self.events = []
        self.ws = WSConnection(ConnectionType.CLIENT)
        line.feed(self.ws.send(Request("api.example", "/live", extensions=list(extensions))))
        self.hear()

    def hear(self):
        data, self.taken = self.line.sent[self.taken :], len(self.line.sent)
        if data:  # none would be the end
            self.ws.receive_data(data)
            self.events += self.ws.events()

    def say(self, *events):
        self.line.feed(b"".join(self.ws.send(event) for event in events))
        self.hear()

    def wake(self):
        self.line.wake()
        self.hear()

    def raw(self, data):
        self.line.feed(data)
        self.hear()

    @property
    def told(self):
        return [event.data for event in self.events if isinstance(event, TextMessage | BytesMessage)]

    @property
    def goodbye(self):
        return next((event.code for event in self.events if isinstance(event, CloseConnection)), None)


class Stub:
    """Answers with `answer(frame)`; remembers what it heard."""

    def __init__(self, answer=lambda frame: (frame,), greeting=(), look=None):
        self.heard, self.answer, self.greeting, self.look = [], answer, greeting, look

    def reply(self, _call):
        talk = Talk(self.greeting, self.hear, self.look)
        return Reply(101, (("X-Room", "blue"), ("Connection", "close")), stream=talk)

    def hear(self, frame):
        self.heard.append(frame)
        return self.answer(frame) if frame.kind != "close" else ()


@pytest.fixture
def visit(wire, judging):
    def make(stub, extensions=(), **judge):
        return Visitor(wire(judging(stub.reply, **judge)), extensions)

    return make


def test_a_handshake_is_accepted_with_the_stubs_headers(visit):
    client = visit(Stub(greeting=(text("welcome"),)))
    assert isinstance(client.events[0], AcceptConnection)
    assert client.line.judge.calls[0].upgrade == "websocket"
    assert (b"x-room", b"blue") in client.events[0].extra_headers
    assert b"Connection: close" not in client.line.sent
    assert client.told == ["welcome"]


def test_messages_are_heard_whole_and_answered(visit):
    stub = Stub()
    client = visit(stub)
    client.say(TextMessage("he", message_finished=False), TextMessage("llo €"), BytesMessage(b"\0\xff"))
    assert [(frame.kind, frame.data) for frame in stub.heard] == [("text", "hello €".encode()), ("bytes", b"\0\xff")]
    assert client.told == ["hello €", bytearray(b"\0\xff")]


def test_what_came_with_the_handshake_is_heard_after_the_greeting(wire, judging):
    """A client may send before it has read the 101."""
    stub = Stub(greeting=(text("first"),))
    line = wire(judging(stub.reply))
    ws = WSConnection(ConnectionType.CLIENT)
    frames = Connection(ConnectionType.CLIENT).send(TextMessage("early"))
    line.feed(ws.send(Request("api.example", "/live")) + frames)
    ws.receive_data(line.sent)
    assert [event.data for event in ws.events() if isinstance(event, TextMessage)] == ["first", "early"]


def test_who_follows_the_world_is_told_without_asking(visit):
    news = [(text("one"),), (), (text("two"), Frame("close", b"bye", 4000))]
    client = visit(Stub(greeting=(text("hello"),), look=lambda: news.pop(0)))
    assert client.told == ["hello"]
    for said in (["hello", "one"], ["hello", "one"], ["hello", "one", "two"]):
        client.line.wakeups.sort(key=lambda wakeup: wakeup.delay)
        assert client.line.waits[0] == LOOK_SECONDS
        client.wake()
        assert client.told == said
    assert client.goodbye == 4000
    assert LOOK_SECONDS not in client.line.waits  # nobody is there to be told


def test_a_crowd_that_follows_looks_less_often(visit, monkeypatch):
    """All together look as often as a few do, or nobody else would be answered; who leaves doesn't count."""
    monkeypatch.setattr(TalkLayer, "following", 10 * CROWD - 1)
    client = visit(Stub(greeting=(text("hello"),), look=lambda: (Frame("close", b"bye", 4000),)))
    assert 10 * LOOK_SECONDS in client.line.waits
    client.line.wakeups.sort(key=lambda wakeup: wakeup.delay)
    client.wake()
    client.line.leave()
    assert TalkLayer.following == 10 * CROWD - 1


def test_messages_wait_for_their_time_and_others_are_answered_meanwhile(visit):
    client = visit(Stub(lambda frame: (text("now"), text("later", 2.0), text("at once after"))))
    client.say(TextMessage("x"))
    assert client.told == ["now"]
    assert 2.0 in client.line.waits
    client.say(Ping(b"still there?"))
    assert any(isinstance(event, Pong) and event.payload == b"still there?" for event in client.events)
    while client.line.waits[0] != 2.0:
        client.line.wakeups.append(client.line.wakeups.pop(0))
    client.wake()
    assert client.told == ["now", "later", "at once after"]


def test_a_rules_delay_comes_before_the_handshake(visit):
    client = visit(Stub(greeting=(text("hi"),)), delay=3.0)
    assert client.events == []
    client.wake()
    assert client.told == ["hi"]


def test_the_clients_close_is_told_and_answered_and_the_record_completed(visit):
    stub = Stub()
    client = visit(stub)
    client.say(CloseConnection(4001, "done"))
    assert stub.heard == [Frame("close", b"done", 4001)]
    assert (client.goodbye, client.line.closed) == (4001, True)
    assert [error for _, error in client.line.judge.settled] == [""]


def test_the_stub_closes_and_waits_for_the_answer(visit):
    client = visit(Stub(lambda _: (text("bye"), Frame("close", b"enough", 1000), text("never said"))))
    client.say(TextMessage("x"))
    assert (client.told, client.goodbye, client.line.closed) == (["bye"], 1000, False)
    client.say(CloseConnection(1000))
    assert client.line.closed
    assert [error for _, error in client.line.judge.settled] == [""]


def test_a_client_that_never_answers_the_close_is_left(visit):
    client = visit(Stub(lambda _: (Frame("close"),)))
    client.say(TextMessage("x"))
    client.line.wakeups = client.line.wakeups[-1:]
    client.wake()
    assert client.line.closed
    assert [error for _, error in client.line.judge.settled] == ["the client did not answer the close"]


def test_a_client_that_leaves_without_a_word_is_told_and_recorded(visit):
    stub = Stub()
    client = visit(stub)
    client.line.leave()
    assert stub.heard == [Frame("close", code=1006)]
    assert [error for _, error in client.line.judge.settled] == ["the client left without a close"]


def test_a_half_open_client_is_pinged_and_then_given_up(visit):
    client = visit(Stub())
    client.wake()
    assert any(isinstance(event, Ping) for event in client.events)
    client.say(Pong())
    client.wake()
    assert not client.line.closed
    client.wake()
    client.wake()
    assert client.line.closed
    assert [error for _, error in client.line.judge.settled] == ["the client has fallen silent"]


def test_a_message_over_the_limit_ends_it_before_it_is_whole(visit):
    stub = Stub()
    client = visit(stub, max_body=1000)
    client.say(TextMessage("x" * 1001, message_finished=False))
    assert (client.goodbye, stub.heard) == (1009, [])
    client.say(CloseConnection(1009))
    assert client.line.closed


def test_fragments_of_one_message_are_bounded(visit):
    client = visit(Stub())
    client.say(*[TextMessage("", message_finished=False) for _ in range(MOST_FRAGMENTS + 1)])
    assert client.goodbye == 1009


def test_a_flood_of_pings_ends_it(visit):
    client = visit(Stub())
    client.say(*[Ping() for _ in range(1001)])
    assert client.goodbye == 1008


def test_no_compression_is_negotiated_and_none_is_taken(visit):
    """So nothing is ever unpacked: no bomb goes off."""
    stub = Stub()
    client = visit(stub, extensions=[PerMessageDeflate()])
    assert client.events[0].extensions == []
    client.raw(b"\xc1\x85\x00\x00\x00\x00" + b"hello")  # RSV1: a packed message (RFC 7692, section 6)
    assert (client.goodbye, stub.heard[0].kind) == (1002, "close")
    assert client.line.closed


@pytest.mark.parametrize(
    "frame",
    [b"\x81\x05hello", b"\x83\x80\0\0\0\0", b"\x81\x81\0\0\0\0\xff", b"\x09\x80\0\0\0\0", b"\x88\x81\0\0\0\0x"],
    ids=["unmasked", "reserved opcode", "no UTF-8", "fragmented ping", "close with half a code"],
)
def test_frames_that_are_none_end_it(visit, frame):
    client = visit(Stub())
    client.raw(frame)
    assert client.goodbye in (1002, 1007)
    assert client.line.closed


def test_a_stub_that_says_too_much_too_late_is_cut_off(visit):
    client = visit(Stub(lambda _: tuple(text("x", 9.0) for _ in range(600))))
    client.say(*[TextMessage("x") for _ in range(20)])
    assert client.goodbye == 1008


def test_a_header_that_can_not_be_sent_is_a_denial(wire, judging):
    reply = Reply(101, (("x-bad", "a\r\nb"),), stream=Talk((), lambda _: ()))
    line = wire(judging(lambda _: reply))
    ws = WSConnection(ConnectionType.CLIENT)
    assert line.feed(ws.send(Request("api.example", "/live"))).startswith(b"HTTP/1.1 500 ")
    assert line.judge.violations == ["internal"]


def test_a_denied_handshake_is_an_answer_in_http(wire, judging):
    line = wire(judging(lambda _: Reply(403, (("x-childproof", "deny"),), b"{}")))
    ws = WSConnection(ConnectionType.CLIENT)
    assert line.feed(ws.send(Request("api.example", "/live"))).startswith(b"HTTP/1.1 403 ")
    assert line.feed(b"GET / HTTP/1.1\r\nhost: api.example\r\n\r\n").startswith(b"HTTP/1.1 403 ")
