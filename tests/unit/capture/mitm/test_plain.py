"""Requests that are read without h11: exactly those that h11 would read in the same way."""

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from childproof.capture.mitm.calls import MAX_HEAD, Request
from childproof.capture.mitm.plain import plain_request

POST = (
    b"POST /v1/customers?a=%20b HTTP/1.1\r\nHost: api.stripe.com\r\nUser-Agent: Stripe/v1 PythonBindings/12\r\n"
    b"Authorization: Bearer sk_test_1\r\nContent-Length: 3\r\n\r\na=b"
)
GET = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


def by_h11(data: bytes) -> Request | None:
    """What h11 makes of bytes that are one whole request, and nothing besides; None for all others."""
    parser = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
    parser.receive_data(data)
    body = b""
    try:
        head = parser.next_event()
        if not isinstance(head, h11.Request):
            return None
        while not isinstance(part := parser.next_event(), h11.EndOfMessage):
            if not isinstance(part, h11.Data):
                return None
            body += bytes(part.data)
    except h11.RemoteProtocolError:
        return None
    if parser.trailing_data[0]:
        return None
    return Request(head.method, head.target, head.http_version.decode(), head.headers.raw_items(), body)


PROXIED = GET.replace(b"GET /", b"GET http://a/")


@pytest.mark.parametrize("data", [POST, GET, PROXIED])
def test_what_clients_send_is_read_as_h11_reads_it(data):
    found = plain_request(data, 100)
    assert found is not None
    assert found == by_h11(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        POST[:-1],
        POST + b"G",
        POST + GET,
        b"\r\n" + GET,
        GET.replace(b"\r\n", b"\n"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"host: a", b"host:a"),
        GET.replace(b"host: a", b"host: a\r\n b"),
        GET.replace(b"host: a", b"host : a"),
        GET.replace(b"host: a", b"host: a\tb"),
        GET.replace(b"host: a", b"host: a "),
        GET.replace(b"host: a", b"host: a\r\nHost: a"),
        GET.replace(b"host: a", b"x: a"),
        GET.replace(b"host: a", b"host: a\r\nx:"),
        GET.replace(b"host: a", b"host: a\x00"),
        GET.replace(b"host: a", b"host: \xc3\xa4"),
        GET.replace(b"GET /", b"GET https://a/"),
        GET.replace(b"GET /", b"OPTIONS *"),
        GET.replace(b"GET", b"CONNECT"),
        GET.replace(b"GET", b"get"),
        POST.replace(b"Length: 3", b"Length: 3\r\nContent-Length: 3"),
        POST.replace(b"Length: 3", b"Length: +3"),
        POST.replace(b"Length: 3", b"Length: 3, 3"),
        POST.replace(b"Content-Length: 3", b"Transfer-Encoding: chunked"),
        POST.replace(b"Length: 3", b"Length: 3\r\nTransfer-Encoding: chunked"),
        POST.replace(b"Length: 3", b"Length: 3\r\nExpect: 100-continue"),
        POST.replace(b"Length: 3", b"Length: 3\r\nUpgrade: websocket"),
        GET.replace(b"host: a", b"host: a\r\nx: " + b"y" * MAX_HEAD),
    ],
)
def test_everything_else_is_left_to_h11(data):
    """Bytes that are incomplete, that hold more than a request, or in which anything is unusual."""
    assert plain_request(data, 100) is None


def test_a_body_above_the_limit_is_left_to_h11():
    assert plain_request(POST, 3) is not None
    assert plain_request(POST, 2) is None


PIECES = st.sampled_from([
    b"GET ", b"POST ", b"/", b"/a?b=%20", b" HTTP/1.1", b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b": ", b"Host", b"a.b", b"host: c\r\n",
    b"Content-Length: 0\r\n", b"content-length: 1\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"x", b"\x00", b"\x80", b"0\r\n\r\n", b"1", b"#", b"//", b"*",
])  # fmt: skip


@given(
    st.sampled_from([b"GET ", b"POST ", b"DELETE ", b""]),
    st.sampled_from(
        [b"/ HTTP/1.1\r\n", b"/x?y HTTP/1.1\r\nHost: a\r\n", b"/ HTTP/1.0\r\n", b"/#a HTTP/1.1\r\nHost: a\r\n"]
    ),
    st.lists(PIECES, max_size=8).map(b"".join),
    st.sampled_from([b"\r\n\r\n", b"\r\n", b"\r\n\r\nx", b"\n\n", b""]),
)
@example(b"POST ", b"/ HTTP/1.1\r\nHost: a\r\n", b"content-length: 1", b"\r\n\r\nx")
def test_it_never_reads_what_h11_reads_otherwise(method, line, middle, end):
    """Two parsers that disagree about where a request ends are how requests are smuggled."""
    data = method + line + middle + end
    found = plain_request(data, 100)
    assert found is None or found == by_h11(data)


@given(st.binary(max_size=60), st.integers(0, len(POST)), st.integers(0, 20))
def test_nor_after_bytes_were_changed(noise, place, length):
    data = POST[:place] + noise + POST[place + length :]
    found = plain_request(data, 100)
    assert found is None or found == by_h11(data)
