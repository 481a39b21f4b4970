"""HTTP/2 by hand, for attempts that no polite client makes."""

from collections.abc import Sequence

import msgspec
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ResponseReceived, StreamReset

from .talk import secure
from .ways import Way


class Stream(msgspec.Struct, frozen=True):
    """One request: its `:authority`, path, further headers, body and trailers."""

    authority: str
    path: str
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    trailers: Sequence[tuple[str, str]] = ()


def h2_statuses(way: Way, host: str, *streams: Stream, plain: bool = False) -> list[str]:
    """The statuses of requests over one connection, in the order of asking; `reset` for a stream that was.

    `plain` is without TLS, by prior knowledge (RFC 9113, section 3.3).
    """
    settings = H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, validate_inbound_headers=False
    )
    connection = H2Connection(settings)
    connection.initiate_connection()
    found: dict[int | None, str] = {}
    with way.dial(host, 80) if plain else secure(way, host, alpn=("h2",)) as sock:
        for number, stream in zip(range(1, 2 * len(streams), 2), streams, strict=True):
            _send(connection, number, stream, plain=plain)
        sock.sendall(connection.data_to_send())
        while len(found) < len(streams) and (data := sock.recv(65536)):
            for event in connection.receive_data(data):
                if isinstance(event, ResponseReceived):
                    found[event.stream_id] = _text(dict(event.headers or ()).get(b":status", b"?"))
                elif isinstance(event, StreamReset):
                    found.setdefault(event.stream_id, "reset")
            sock.sendall(connection.data_to_send())
    return [found[number] for number in sorted(found, key=lambda number: number or 0)] or ["closed"]


def _send(connection: H2Connection, number: int, stream: Stream, *, plain: bool) -> None:
    method = "GET" if stream.body is None else "POST"
    scheme = "http" if plain else "https"
    pseudo = [(":method", method), (":scheme", scheme), (":authority", stream.authority), (":path", stream.path)]
    connection.send_headers(number, [*pseudo, *stream.headers], end_stream=stream.body is None)
    if stream.body is not None:
        connection.send_data(number, stream.body, end_stream=not stream.trailers)
        if stream.trailers:
            connection.send_headers(number, list(stream.trailers), end_stream=True)


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
