"""What lasts, at hosts that a rule may allow: the streams and talks of stubs stay here."""

import contextlib
import time

import h2.connection
import h2.events
import httpx
import pytest
import websockets.exceptions
import websockets.sync.client
import websockets.sync.server

from childproof.capture.mitm.wire import ODD_FRAMES
from childproof.model import Action, Frame, Outcome, Part, Reply, Talk, Upstream, Verdict
from tests.escape.lasting import client, connect, settled

STUB = Verdict(Action.STUB, "stubbed", "says the test")


@pytest.fixture
def mixed(machine):
    """Hosts for which some rule might allow something, so that mitmproxy's layers serve them."""
    machine.judge.forwards = lambda _host: True
    return machine


BOTH = pytest.mark.parametrize("http2", [False, True], ids=["h1", "h2"])


def streaming(machine, *parts, log=None):
    def body():
        try:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            if log is not None:
                log.append("closed")

    reply = Reply(200, (("content-type", "text/event-stream"), ("content-length", "99")), stream=body())
    machine.judge.decide = lambda _call: Outcome("call_s", STUB, reply)


@BOTH
def test_a_stubs_stream_arrives_in_time_and_reaches_nobody(mixed, http2):
    streaming(mixed, Part(b"one"), Part(b"two", 0.1), Part(b"", 0.05), Part(b"three"))
    with client(mixed, http2) as http, http.stream("GET", "https://api.example/feed") as reply:
        assert b"".join(reply.iter_bytes()) == b"onetwothree"
    [(_, upstream, sent, error)] = settled(mixed)
    assert (sent.body, error, upstream) == (b"onetwothree", "", Upstream())
    assert mixed.sentinel.connections == 0


@BOTH
def test_a_stubs_stream_that_fails_is_broken_off(mixed, http2):
    streaming(mixed, Part(b"one"), ValueError("a bug"))
    with (
        client(mixed, http2) as http,
        pytest.raises(httpx.RemoteProtocolError),
        http.stream("GET", "https://api.example/feed") as reply,
    ):
        reply.read()
    assert "a bug" in settled(mixed)[0][3]


@BOTH
def test_a_client_that_leaves_a_stubs_stream_closes_it(mixed, http2):
    log = []
    streaming(mixed, Part(b"one"), *[Part(b"more", 0.05)] * 1000, log=log)
    with client(mixed, http2) as http, http.stream("GET", "https://api.example/feed") as reply:
        next(reply.iter_raw())
    assert "the client left" in settled(mixed)[0][3]
    assert log == ["closed"]


def test_a_client_that_does_not_open_its_window_is_not_sent_ahead_of(mixed):
    """HTTP/2 here would buffer without end."""
    made = []

    def endless():
        while True:
            made.append(1)
            yield Part(b"x" * 10_000)

    mixed.judge.decide = lambda _call: Outcome("call_s", STUB, Reply(200, stream=endless()))
    speaker = h2.connection.H2Connection()
    speaker.initiate_connection()
    headers = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/feed")]
    speaker.send_headers(1, headers, end_stream=True)
    with mixed.secure("api.example:443", "h2") as sock:
        sock.sendall(speaker.data_to_send())
        time.sleep(0.5)
        assert len(made) == 7  # one go, of which the window took 65,535 bytes
    assert "the client left" in settled(mixed)[0][3]


def test_a_stubs_websocket_talks_and_reaches_nobody(mixed):
    heard = []

    def hear(frame):
        heard.append(frame)
        return (frame, Frame("close", b"done", 4000)) if frame.data == b"bye" else (frame,)

    talk = Talk((Frame("text", b"welcome"),), hear)
    mixed.judge.decide = lambda _call: Outcome("call_t", STUB, Reply(101, (("x-room", "blue"),), stream=talk))
    with connect(mixed) as ws:
        assert ws.response.headers["x-room"] == "blue"
        assert ws.recv() == "welcome"
        ws.ping().wait(5)
        ws.send("bye")
        assert ws.recv() == "bye"
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            ws.recv()
    assert closed.value.rcvd.code == 4000
    assert settled(mixed)[0][3] == ""
    assert mixed.sentinel.connections == 0


def test_a_flood_of_pings_ends_the_connection_and_is_recorded(mixed):
    speaker = h2.connection.H2Connection()
    speaker.initiate_connection()
    with mixed.secure("api.example:443", "h2") as sock:
        sock.sendall(speaker.data_to_send())
        for _ in range(ODD_FRAMES + 500):
            speaker.ping(b"12345678")
        sock.sendall(speaker.data_to_send())
        events = speaker.receive_data(rest_of(sock))
    [goodbye] = [event for event in events if isinstance(event, h2.events.ConnectionTerminated)]
    assert goodbye.error_code.name == "ENHANCE_YOUR_CALM"
    assert mixed.judge.violations == ["malformed"]


def test_an_http_2_request_that_is_never_whole_is_given_up(mixed):
    speaker = h2.connection.H2Connection()
    speaker.initiate_connection()
    headers = [(":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", "/x")]
    speaker.send_headers(1, headers)
    with mixed.secure("api.example:443", "h2") as sock:
        sock.sendall(speaker.data_to_send())
        sock.settimeout(5)
        sock.recv(65536)
        mixed._loop.call_soon_threadsafe(mixed.capture._intake.sweep, time.monotonic() + 31)
        rest_of(sock)
    deadline = time.monotonic() + 5
    while not mixed.judge.violations and time.monotonic() < deadline:
        time.sleep(0.01)
    assert mixed.judge.violations == ["incomplete"]


def rest_of(sock):
    """What still comes until the end, or the reset."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while data := sock.recv(65536):
            got += data
    return got
