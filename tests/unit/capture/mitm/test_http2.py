"""HTTP/2 that is only answered: many requests at once, replies at the client's pace, and an end to what only costs us."""

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
import pytest

from childproof.capture.mitm.answer2 import MAX_STREAMS, Answer2Layer
from childproof.capture.mitm.wire import ODD_FRAMES
from childproof.model import Part, Reply

HEADERS = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/x")]


class Speaker:
    """An HTTP/2 client over a wire; `events` is all that it heard."""

    def __init__(self, line, **settings):
        self.line = line
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        values = {getattr(h2.settings.SettingCodes, name): value for name, value in settings.items()}
        self.h2.local_settings = h2.settings.Settings(client=True, initial_values=values)
        self.h2.initiate_connection()
        self.events = []
        self.taken = 0
        self.hear()
        self.say()

    def say(self):
        self.line.feed(self.h2.data_to_send())
        self.hear()

    def hear(self):
        data, self.taken = self.line.sent[self.taken :], len(self.line.sent)
        self.events += self.h2.receive_data(data)

    def ask(self, stream=1, body=None, headers=HEADERS, **pseudo):
        given = [(name, pseudo.get(name.lstrip(":"), value)) for name, value in headers]
        self.h2.send_headers(stream, given, end_stream=body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=True)
        self.say()

    def wake(self):
        self.line.wake()
        self.hear()

    def of(self, kind, stream=None):
        return [
            event
            for event in self.events
            if isinstance(event, kind) and stream in (None, getattr(event, "stream_id", None))
        ]

    def status(self, stream=1):
        [received] = self.of(h2.events.ResponseReceived, stream)
        return int(dict(received.headers)[":status"])

    def body(self, stream=1):
        return b"".join(event.data for event in self.of(h2.events.DataReceived, stream))

    def ended(self, stream=1):
        return bool(self.of(h2.events.StreamEnded, stream))


@pytest.fixture
def speak(wire, judging):
    def make(reply, *, settings=None, **judge):
        return Speaker(wire(judging(reply, **judge), Answer2Layer), **(settings or {}))

    return make


def test_a_request_is_one_call_and_its_reply_one_write(speak):
    client = speak(lambda _: Reply(201, (("Content-Type", "text/plain"), ("Connection", "close")), b"hello"))
    before = len(client.line.writes)
    client.ask(body=b"a body", headers=[*HEADERS, ("cookie", "a=1"), ("x-team", "blue"), ("cookie", "b=2")])
    [call] = client.line.judge.calls
    assert (call.method, call.scheme, call.host, call.path, call.body) == (
        "GET",
        "https",
        "api.example",
        "/x",
        b"a body",
    )
    assert (call.http_version, call.header("cookie"), call.header("x-team")) == ("2.0", "a=1; b=2", "blue")
    assert (client.status(), client.body(), client.ended()) == (201, b"hello", True)
    [response] = client.of(h2.events.ResponseReceived)
    assert dict(response.headers) == {":status": "201", "content-type": "text/plain", "content-length": "5"}
    assert len(client.line.writes) == before + 1


def test_several_requests_are_answered_side_by_side(speak, stream):
    """A stream with a pause holds up nobody else."""
    replies = {"/slow": lambda: stream(Part(b"a"), Part(b"b", 3.0)), "/quick": lambda: Reply(200, (), b"quick")}
    client = speak(lambda call: replies[call.path]())
    client.ask(1, path="/slow")
    client.ask(3, path="/quick")
    assert (client.body(1), client.ended(1)) == (b"a", False)
    assert (client.body(3), client.ended(3)) == (b"quick", True)
    client.wake()
    assert (client.body(1), client.ended(1)) == (b"ab", True)


def test_trailers_end_a_stream(speak, stream):
    client = speak(lambda _: stream(Part(b"a"), trailers=(("grpc-status", "0"),)))
    client.ask()
    [trailers] = client.of(h2.events.TrailersReceived)
    assert dict(trailers.headers) == {"grpc-status": "0"}
    assert client.ended()


def test_a_reply_larger_than_the_windows_waits_for_them(speak):
    client = speak(lambda _: Reply(200, (), b"x" * 200_000), settings={"INITIAL_WINDOW_SIZE": 1000})
    client.ask()
    assert len(client.body()) == 1000
    client.h2.increment_flow_control_window(150_000)
    client.h2.increment_flow_control_window(199_000, 1)
    client.say()
    assert (len(client.body()), client.ended()) == (200_000, True)


def test_nothing_is_made_while_the_window_is_shut(speak):
    made = []

    def endless():
        while True:
            made.append(1)
            yield Part(b"x" * 1000)

    client = speak(lambda _: Reply(200, stream=endless()), settings={"INITIAL_WINDOW_SIZE": 500})
    client.ask()
    first = len(made)
    client.wake()
    assert len(made) == first <= 64
    client.h2.increment_flow_control_window(100_000, 1)
    client.say()
    assert len(client.body()) == 65_535  # the connection's own window
    client.wake()
    assert len(made) == 2 * first


def test_a_client_that_never_opens_its_window_is_given_up(speak):
    client = speak(lambda _: Reply(200, (), b"x" * 5000), settings={"INITIAL_WINDOW_SIZE": 10})
    client.ask()
    client.line.now = 59.0
    assert not client.line.patience.exhausted(59.0)
    assert client.line.patience.exhausted(61.0)


def test_a_request_that_is_never_finished_is_given_up(speak):
    client = speak(lambda _: Reply(200))
    client.h2.send_headers(1, HEADERS)
    client.say()
    client.line.now = 20.0
    client.ask(3)
    assert client.line.patience.exhausted(31.0)
    client.h2.end_stream(1)
    client.say()
    assert client.line.patience.since is None


def test_the_socket_is_asked_for_room_before_much_is_handed_to_it(speak):
    windows = {"INITIAL_WINDOW_SIZE": 2**31 - 1}
    client = speak(lambda _: Reply(200, (), b"x" * 1_500_000), settings=windows)
    client.h2.increment_flow_control_window(2**31 - 1 - 65_535)
    client.ask()
    assert 1_000_000 < len(client.body()) < 1_100_000
    assert client.line.wants_room
    client.wake()
    assert (len(client.body()), client.ended()) == (1_500_000, True)


def test_a_cancelled_stream_closes_its_generator(speak, stream):
    log: list[str] = []
    client = speak(lambda _: stream(Part(b"one"), Part(b"two", 5.0), log=log))
    client.ask()
    client.h2.reset_stream(1)
    client.say()
    assert log == ["closed"]
    assert [error for _, error in client.line.judge.settled] == ["the client cancelled; 3 bytes had been sent"]
    client.wake()


def test_a_client_that_leaves_is_recorded_for_each_stream(speak, stream):
    client = speak(lambda _: stream(Part(b"one"), Part(b"two", 5.0)))
    client.ask(1)
    client.ask(3)
    client.line.leave()
    assert [error[:15] for _, error in client.line.judge.settled] == ["the client left"] * 2


def test_a_client_that_leaves_during_a_delay_leaves_no_open_record(speak, stream):
    client = speak(lambda _: stream(Part(b"one")), delay=3.0)
    client.ask()
    client.line.leave()
    assert [error for _, error in client.line.judge.settled] == ["the client left; 0 bytes had been sent"]


def test_a_generator_that_raises_resets_its_stream_only(speak, stream):
    replies = iter([stream(Part(b"one"), ValueError("a bug")), Reply(200, (), b"fine")])
    client = speak(lambda _: next(replies))
    client.ask(1)
    assert [event.error_code for event in client.of(h2.events.StreamReset, 1)] == [2]
    assert not client.ended(1)
    client.ask(3)
    assert client.body(3) == b"fine"


def test_head_has_no_body_and_begins_no_stream(speak, stream):
    log: list[str] = []
    client = speak(lambda _: stream(Part(b"a"), log=log))
    client.ask(method="HEAD")
    assert (client.status(), client.body(), client.ended(), log) == (200, b"", True, [])


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_before_it_is_whole(speak, announced):
    client = speak(lambda _: Reply(200), max_body=1000)
    client.h2.send_headers(1, [*HEADERS, ("content-length", "5000")] if announced else HEADERS)
    if not announced:
        client.h2.send_data(1, b"x" * 1001)
    client.say()
    assert (client.status(), client.line.judge.violations) == (413, ["body_too_large"])
    assert [event.error_code for event in client.of(h2.events.StreamReset)] == [0]
    client.ask(3)
    assert client.status(3) == 200


def test_bodies_under_way_are_bounded_together(speak):
    client = speak(lambda _: Reply(200), max_body=1000)
    for stream in range(1, 13, 2):
        client.h2.send_headers(stream, HEADERS)
        client.h2.send_data(stream, b"x" * 900)
        client.say()
    assert client.line.judge.violations == ["body_too_large"] * 2


def test_expect_100_continue_is_answered_before_the_body(speak):
    client = speak(lambda _: Reply(200))
    client.h2.send_headers(1, [*HEADERS, ("expect", "100-continue")])
    client.say()
    assert [dict(event.headers) for event in client.of(h2.events.InformationalResponseReceived)] == [{":status": "100"}]
    client.h2.send_data(1, b"body", end_stream=True)
    client.say()
    assert client.status() == 200


@pytest.mark.parametrize(
    ("pseudo", "kind", "status"),
    [
        ({"authority": "evil.example"}, "host_mismatch", 421),
        ({"authority": "api.example:8443"}, "host_mismatch", 421),
        ({"authority": "a b"}, "bad_host", 400),
        ({"scheme": "http"}, "host_mismatch", 421),
        ({"path": "no-slash"}, "malformed", 400),
    ],
)
def test_what_names_another_place_than_the_connection_is_refused(speak, pseudo, kind, status):
    """One connection isn't for several names: 421 (RFC 9110, section 15.5.20)."""
    client = speak(lambda _: Reply(200))
    client.ask(**pseudo)
    assert (client.status(), client.line.judge.violations) == (status, [kind])


def test_connect_is_refused(speak):
    client = speak(lambda _: Reply(200))
    client.ask(method="CONNECT")
    assert (client.status(), client.line.judge.violations) == (405, ["unsupported"])


def test_a_header_that_can_not_be_sent_is_a_denial(speak):
    client = speak(lambda _: Reply(200, (("x-bad", "a\r\nb: c"),)))
    client.ask()
    assert (client.status(), client.line.judge.violations) == (500, ["internal"])


def test_more_streams_than_announced_are_an_error(speak):
    client = speak(lambda _: Reply(200))
    client.h2.remote_settings.update({h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 1000})
    client.h2.remote_settings.acknowledge()
    for number in range(MAX_STREAMS + 1):
        client.h2.send_headers(2 * number + 1, HEADERS)
    client.say()
    assert client.line.closed
    assert client.line.judge.violations == ["malformed"]


def goodbye(client):
    [event] = client.of(h2.events.ConnectionTerminated)
    return event.error_code.name


def test_rapid_resets_end_the_connection(speak):
    """CVE-2023-44487: requests that are cancelled as they are made."""
    client = speak(lambda _: Reply(200))
    for number in range(ODD_FRAMES + 10):
        client.h2.send_headers(2 * number + 1, HEADERS)
        client.h2.reset_stream(2 * number + 1)
        if number % 50 == 0:
            client.line.feed(client.h2.data_to_send())
    client.line.feed(client.h2.data_to_send())
    client.hear()
    assert goodbye(client) == "ENHANCE_YOUR_CALM"
    assert client.line.closed
    assert "too many" in client.line.judge.calls[-1].violation.reason


@pytest.mark.parametrize("flood", ["ping", "settings", "empty data", "window"])
def test_floods_of_frames_that_only_cost_us_end_the_connection(speak, flood):
    client = speak(lambda _: Reply(200))
    client.h2.send_headers(1, HEADERS)
    frames = {
        "ping": b"\x00\x00\x08\x06\x00\x00\x00\x00\x00" + bytes(8),
        "settings": b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x40\x00",
        "empty data": b"\x00\x00\x00\x00\x00\x00\x00\x00\x01",
        "window": b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x01",
    }
    client.line.feed(client.h2.data_to_send() + frames[flood] * (ODD_FRAMES + 1))
    client.hear()
    assert goodbye(client) == "ENHANCE_YOUR_CALM"


def test_pings_now_and_then_are_forgiven(speak):
    client = speak(lambda _: Reply(200))
    for second in range(2 * ODD_FRAMES):
        client.line.now = float(second)
        client.h2.ping(b"12345678")
        client.say()
    assert not client.line.closed


@pytest.mark.parametrize(
    "frames",
    [
        # a HEADERS frame that goes on in CONTINUATION frames without end (CVE-2024-27983 and its kin)
        b"\x00\x00\x00\x01\x00\x00\x00\x00\x01" + b"\x00\x00\x00\x09\x00\x00\x00\x00\x01" * 70,
        b"\x00\x00\x04\x01\x05\x00\x00\x00\x01" + b"\xff" * 4,
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x07",
        b"GET / HTTP/1.1\r\nhost: api.example\r\n\r\n" + bytes(20_000),
    ],
    ids=["continuation flood", "no header block", "data on an idle stream", "HTTP/1.1"],
)
def test_what_is_no_http_2_ends_the_connection_and_is_recorded(speak, frames):
    client = speak(lambda _: Reply(200))
    client.line.feed(frames)
    assert client.line.closed
    assert client.line.judge.violations == ["malformed"]


def test_a_frame_that_is_never_whole_is_given_up(speak):
    client = speak(lambda _: Reply(200))
    client.line.feed(b"\x00\x00\x08\x06")
    assert client.line.patience.exhausted(31.0)
    client.line.feed(b"\x00\x00\x00\x00\x00" + bytes(8))
    assert client.line.patience.since is None


def test_a_header_list_over_the_limit_is_refused(speak):
    client = speak(lambda _: Reply(200))
    client.h2.remote_settings.update({h2.settings.SettingCodes.MAX_HEADER_LIST_SIZE: 10**9})
    client.h2.send_headers(1, [*HEADERS, *[(f"x-{number}", "y" * 1000) for number in range(70)]], end_stream=True)
    client.line.feed(client.h2.data_to_send())
    assert client.line.closed
    assert client.line.judge.violations == ["malformed"]


def test_a_judge_that_fails_is_a_denial(speak):
    def explode(_call):
        raise ValueError("a bug")

    client = speak(explode)
    client.ask()
    assert client.status() == 500
