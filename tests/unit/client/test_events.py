"""Server-sent events: read as the standard has them, and gone on with after a stream broke off."""

import socket
from pathlib import Path

from childproof.client import Client
from childproof.client.events import Event, parse

from .test_wire import listening, read_head


def test_events_of_lines_without_the_comments_that_keep_a_connection_alive() -> None:
    """Several lines of data are one text; an id stays until there is another."""
    lines = [": heartbeat", "", "id: 4", "event: entry", 'data: {"a":', "data: 1}", "", "data: 2", "", "data: 3"]
    assert list(parse(iter(lines))) == [Event("4", "entry", {"a": 1}), Event("4", "message", 2)]
    assert list(parse(iter([": events of a", "id: 9", "", ":", ""]))) == [Event("9", "mark", None)]


def test_a_stream_that_breaks_off_goes_on_after_the_last_event(tmp_path: Path) -> None:
    """The server is told which event was the last that arrived."""
    heads: list[bytes] = []
    answers = [b"id: 7\ndata: 1\n\nid: 8\nda", b"id: 8\ndata: 2\n\n"]

    def serve(connection: socket.socket) -> None:
        heads.append(read_head(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n" + answers[len(heads) - 1])

    with listening(tmp_path / "s", serve) as url:
        stream = Client(url).events("a/b", after="6")
        assert [next(stream).data, next(stream).data] == [1, 2]
        stream.close()
    assert [b"GET /v1/worlds/a:b/events" in head for head in heads] == [True, True]
    assert [head.split(b"last-event-id: ")[1].split(b"\r\n")[0] for head in heads] == [b"6", b"7"]
