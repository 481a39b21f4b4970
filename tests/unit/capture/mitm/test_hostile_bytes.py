"""Whatever bytes come to the HTTP side, in whatever pieces. The promises are those of `tests/fuzz/targets`."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.proxy import events

from tests.fuzz.targets import forwarding, front, hello, http1

HOST = b"Host: api.example\r\n"
CUT = st.integers(0, 255).map(lambda number: bytes([number]))
PATHS = (
    "/",
    "/a?b=c",
    "/delay",
    "/reset",
    "/timeout",
    "/bad-header",
    "/empty",
    "/raise",
    "/allow",
    "*",
    "http://evil.example/",
)
HEADERS = (
    HOST, b"Host: evil.example\r\n", b"Content-Length: 3\r\n", b"Content-Length: 400\r\n", b"Content-Length: +3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive\r\n", b"Upgrade: websocket\r\n", b"X: a\r\n b\r\n", b"X : a\r\n", b"X: \x00\r\n", b"\r\n", b"X: a\n",
)  # fmt: skip
BODIES = (
    b"abc",
    b"3\r\nabc\r\n0\r\n\r\n",
    b"0\r\n\r\n",
    b"zz\r\n",
    b"\r\n",
    b"a" * 400,
    b"190\r\n" + b"a" * 400 + b"\r\n0\r\n\r\n",
    b"",
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Some requests in a row, most of them nearly right."""
    found = b""
    for _ in range(draw(st.integers(1, 3))):
        method = draw(st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"get"]))
        path = draw(st.sampled_from(PATHS)).encode()
        version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0", b"2.0"]))
        headers = b"".join(draw(st.lists(st.sampled_from(HEADERS), max_size=3)))
        found += b"%b %b HTTP/%b\r\n%b%b\r\n" % (method, path, version, HOST if draw(st.booleans()) else b"", headers)
        found += draw(st.sampled_from(BODIES)) + draw(st.binary(max_size=3))
    return found


BYTES = requests() | st.binary(max_size=60)


@settings(max_examples=150)
@given(CUT, BYTES)
def test_each_call_has_one_reply_however_the_bytes_are_cut(cut: bytes, data: bytes) -> None:
    """Nothing escapes the layer, nothing but the client is spoken to, and pieces make no difference."""
    http1.check(cut + data)


@settings(max_examples=60)
@given(CUT, BYTES)
def test_both_http_layers_read_the_same_requests(cut: bytes, data: bytes) -> None:
    """What the forwarding layer takes for a request, the answering one reads as the same: nothing can be smuggled."""
    forwarding.check(cut + data)


TARGETS = st.sampled_from(
    [b"api.example:443", b"[::1]:25", b"0x7f.1:22", b"a\x00b:443", b"x:0", b"api.example", b"x:6379"]
)
CONNECTS = st.builds(
    lambda target, header, rest: b"CONNECT " + target + b" HTTP/1.1\r\n" + header + b"\r\n" + rest,
    TARGETS,
    st.sampled_from([b"", b"Host: api.example:443\r\n", b"Host: evil.example\r\n", b"Content-Length: 3\r\n"]),
    st.sampled_from([b"\x16\x03\x01\x00\x05\x01", b"GET / HTTP/1.1\r\n", b"SSH-2.0\r\n", b"PRI * HTTP/2.0\r\n", b""]),
)
SOCKS = st.builds(
    lambda methods, command, place: b"\x05" + methods + b"\x05" + command + b"\x00" + place,
    st.sampled_from([b"\x01\x00", b"\x02\x00\x02", b"\x01\x02", b"\x00"]),
    st.sampled_from([b"\x01", b"\x02", b"\x03", b"\x09"]),
    st.sampled_from([b"\x03\x0bapi.example\x01\xbb", b"\x03\x03a\x00b\x00\x50", b"\x01\x7f\x00\x00\x01\x00\x19", b"\x04" + bytes(18), b"\x07"]),
)  # fmt: skip


@settings(max_examples=200)
@given(CUT, CONNECTS | SOCKS | BYTES)
def test_a_proxy_port_decides_alike_however_the_bytes_are_cut(cut: bytes, data: bytes) -> None:
    """A connection is handed on once, to a normalised host, or refused in its own protocol's words."""
    front.check(cut + data)


@settings(max_examples=150)
@given(BYTES | st.binary(max_size=80).map(b"\x16\x03\x01\x00\x40\x01".__add__))
def test_first_bytes_are_judged_once_and_a_hello_is_read_as_openssl_reads_it(data: bytes) -> None:
    """What a prefix was found to be stays so, and the SNI that is judged is the one of the handshake."""
    hello.check(data)


ENDLESS = {
    "head": (b"GET / HTTP/1.1\r\n" + HOST, b"X: " + b"a" * 4000 + b"\r\n"),
    "one header": (b"GET / HTTP/1.1\r\nX: ", b"a" * 4000),
    "empty lines": (b"", b"\r\n" * 2000),
    "chunks": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nab\r\n" * 600),
    "chunk extension": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n2;", b"a" * 4000),
    "trailers": (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"a" * 4000 + b"\r\n"),
    "behind a delay": (b"GET /delay HTTP/1.1\r\n" + HOST + b"\r\n", b"a" * 4000),
    "after the last reply": (b"GET / HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\nx", b"a" * 4000),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_what_never_ends_takes_no_memory(name: str) -> None:
    """A client that goes on for ever is refused, or what it sends is thrown away."""
    begin, more = ENDLESS[name]
    conversation = http1.Conversation()
    conversation.judge.max_body = 200_000
    client = conversation.context.client
    conversation.feed(events.DataReceived(client, begin))
    tracemalloc.start()
    try:
        for _ in range(40 if name == "chunks" else 500):
            if conversation.over:
                break
            conversation.feed(events.DataReceived(client, more))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 800_000  # of the 2 MB that were sent, and of the 200 kB that a body may have
    assert len(conversation.judge.calls) <= 1
