"""Replies that go on over HTTP/1: in time, only as fast as they are read, and ended or broken off honestly."""

from childproof.model import Part, Reply

GET = b"GET /feed HTTP/1.1\r\nhost: api.example\r\n\r\n"


def body_of(sent: bytes) -> bytes:
    """The chunks of a response, joined; what follows the last one is left out."""
    rest, out = sent.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if int(size, 16) == 0:
            break
        out, rest = out + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return out


def test_a_short_stream_is_one_write_with_head_and_end(judging, wire, stream):
    """Parts without pauses go out together, so that they cost no more than a plain reply."""
    line = wire(judging(lambda _: stream(Part(b"a"), Part(b"b"))))
    sent = line.feed(GET)
    assert b"\r\ntransfer-encoding: chunked\r\n" in sent
    assert b"content-length" not in sent
    assert sent.endswith(b"\r\n\r\n2\r\nab\r\n0\r\n\r\n")
    assert len(line.writes) == 1
    assert line.judge.settled == [(Reply(200, line.judge.settled[0][0].headers, b"ab", size=2), "")]


def test_a_pause_is_waited_for_before_its_part(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"now"), Part(b"later", 1.5), Part(b"and then", 0.25))))
    assert line.feed(GET).endswith(b"3\r\nnow\r\n")
    assert (line.waits, line.wants_room) == ([1.5], True)
    assert line.wake() == b"5\r\nlater\r\n"
    assert line.waits == [0.25]
    assert line.wake() == b"8\r\nand then\r\n0\r\n\r\n"
    assert line.waits == []
    assert body_of(line.sent) == b"nowlaterand then"


def test_a_pause_without_data_sends_no_chunk(judging, wire, stream):
    """An empty chunk would be the reply's end (RFC 9112, section 7.1)."""
    line = wire(judging(lambda _: stream(Part(b"a"), Part(b"", 1.0), Part(b"b"))))
    line.feed(GET)
    assert line.wake() == b"1\r\nb\r\n0\r\n\r\n"


def test_nothing_is_made_for_a_client_that_does_not_read(judging, wire, stream):
    """The generator is asked again only when there is room."""
    made = []

    def endless():
        while True:
            made.append(1)
            yield Part(b"x" * 10_000)

    line = wire(judging(lambda _: Reply(200, stream=endless())))
    line.feed(GET)
    assert (len(made), line.wants_room) == (7, True)
    line.wake()
    assert len(made) == 14
    line.leave()
    [(reply, error)] = line.judge.settled
    assert (reply.size, error) == (140_000, "the client left; 140000 bytes had been sent")
    assert len(reply.body) == 72 * 1024


def test_endless_empty_parts_do_not_keep_the_loop(judging, wire):
    def empty():
        while True:
            yield Part(b"")

    line = wire(judging(lambda _: Reply(200, stream=empty())))
    line.feed(GET)
    assert line.wants_room


def test_a_client_that_leaves_closes_the_generator_and_is_recorded(judging, wire, stream):
    log: list[str] = []
    line = wire(judging(lambda _: stream(Part(b"one"), Part(b"two", 5.0), log=log)))
    line.feed(GET)
    line.leave()
    assert log == ["closed"]
    assert [error for _, error in line.judge.settled] == ["the client left; 3 bytes had been sent"]
    line.wake()
    assert len(line.judge.settled) == 1


def test_a_generator_that_raises_breaks_the_reply_off(judging, wire, stream):
    """Without the last chunk, so that no client takes half of it for the whole."""
    line = wire(judging(lambda _: stream(Part(b"one"), ValueError("a bug"))))
    assert not line.feed(GET).endswith(b"0\r\n\r\n")
    assert line.closed
    [(_, error)] = line.judge.settled
    assert "a bug" in error


def test_a_generator_that_refuses_to_close_is_left_behind(judging, wire):
    def stubborn():
        try:
            yield Part(b"a")
            yield Part(b"b", 1.0)
        finally:
            raise RuntimeError("not yet")

    line = wire(judging(lambda _: Reply(200, stream=stubborn())))
    line.feed(GET)
    line.leave()
    assert "not yet" in line.judge.settled[0][1]


def test_head_gets_the_head_and_the_stream_is_never_begun(judging, wire, stream):
    log: list[str] = []
    line = wire(judging(lambda _: stream(Part(b"a"), log=log)))
    sent = line.feed(GET.replace(b"GET", b"HEAD"))
    assert sent.endswith(b"\r\n\r\n")
    assert (log, line.judge.settled[0][0].size) == ([], 0)
    assert line.feed(GET).startswith(b"HTTP/1.1 200 ")


def test_http_1_0_is_ended_by_the_connection(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"a"), Part(b"b", 1.0))))
    sent = line.feed(b"GET /feed HTTP/1.0\r\nhost: api.example\r\nconnection: keep-alive\r\n\r\n")
    assert b"transfer-encoding" not in sent
    assert b"connection: close" in sent
    assert sent.endswith(b"\r\n\r\na")
    assert line.wake() == b"b"
    assert line.closed


def test_a_pipelined_request_waits_for_the_streams_end(judging, wire, stream):
    replies = iter([stream(Part(b"a"), Part(b"b", 1.0)), Reply(200, (), b"next")])
    line = wire(judging(lambda _: next(replies)))
    line.feed(GET + GET[:20])
    line.feed(GET[20:])
    assert len(line.judge.calls) == 1
    assert line.patience.since is None
    assert line.wake().endswith(b"next")
    assert len(line.judge.calls) == 2


def test_pipelined_bytes_are_bounded_while_a_stream_goes_on(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"a"), Part(b"b", 9.0)), max_body=1000))
    line.feed(GET)
    line.feed(b"x" * 70_000)
    assert line.closed
    assert line.judge.settled[0][1].startswith("the client left")


def test_trailers_follow_the_last_chunk_and_broken_ones_do_not(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"a"), trailers=(("X-Sum", "1"), ("x-bad", "a\r\nb: c")))))
    assert line.feed(GET).endswith(b"0\r\nx-sum: 1\r\n\r\n")


def test_a_rules_delay_comes_before_the_first_byte(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"a")), delay=2.0))
    assert line.feed(GET) == b""
    assert line.waits == [2.0]
    assert line.wake().endswith(b"1\r\na\r\n0\r\n\r\n")


def test_a_head_that_can_not_be_sent_is_a_denial_and_the_stream_never_begins(judging, wire):
    log: list[str] = []

    def body():
        log.append("begun")
        yield Part(b"a")

    line = wire(judging(lambda _: Reply(200, (("x-bad", "a\r\nb"),), stream=body())))
    assert line.feed(GET).startswith(b"HTTP/1.1 500 ")
    assert (log, line.judge.settled[0][1]) == ([], "its head can't be sent; 0 bytes had been sent")


def test_the_next_request_follows_on_the_same_connection(judging, wire, stream):
    line = wire(judging(lambda _: stream(Part(b"a"))))
    line.feed(GET)
    assert line.feed(GET).startswith(b"HTTP/1.1 200 ")
    assert len(line.judge.settled) == 2
