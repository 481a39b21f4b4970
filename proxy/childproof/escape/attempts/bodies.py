"""Line 21: bodies that a rule's condition must see, and can't, or can only at a price."""

import gzip
import zlib
from functools import partial

from childproof.escape.table import Closed, add, attempt, denied
from childproof.escape.talk import exchange, get, post
from childproof.escape.ways import Way

HOST = "x.allowed.example"
# `{"amount": 1}` as brotli stores it: one metablock, uncompressed (RFC 7932, section 9.2).
_BROTLI = b"\x8b\x06\x80" + b'{"amount": 1}' + b"\x03"


def _judged(way: Way, path: str, body: bytes, coding: str) -> str:
    headers = "Content-Type: application/json\r\n"
    if coding:
        headers += f"Content-Encoding: {coding}\r\n"
    return exchange(way, HOST, 80, post(HOST, f"/judged/{path}", body, headers))


for _part, _name, _coding, _make in (
    ("21a", "a_gzip_body", "gzip", lambda: gzip.compress(b'{"amount": 1}')),
    ("21a", "a_deflate_body", "deflate", lambda: zlib.compress(b'{"amount": 1}')),
    ("21b", "a_br_body", "br", lambda: _BROTLI),
    ("21c", "a_bomb", "gzip", lambda: gzip.compress(b'{"amount": ' + b" " * (16 << 20) + b"1}", 6)),
    ("21e", "a_key_twice", "", lambda: b'{"amount": 1, "amount": 1000}'),
):

    def _body(way: Way, path: str, coding: str, make: object) -> str:
        assert callable(make)
        return _judged(way, path, make(), coding)

    _ending = denied(f"POST http://{HOST}/judged/{_name}")
    add(_part, _name, partial(_body, path=_name, coding=_coding, make=_make), direct=_ending, proxied=_ending)


@attempt("21d", Closed(("HTTP/1.1 413",), f"POST http://{HOST}/judged/announced"))
def a_body_past_the_limit(way: Way) -> str:
    """A length that says it at once."""
    return exchange(way, HOST, 80, get(HOST, "/judged/announced", "Content-Length: 999999999\r\n", "POST"))


@attempt("21d", Closed(("HTTP/1.1 413",), f"POST http://{HOST}/judged/chunked"))
def chunks_past_the_limit(way: Way) -> str:
    """No length, and no end."""
    chunk = b"100000\r\n" + bytes(0x100000) + b"\r\n"
    request = get(HOST, "/judged/chunked", "Transfer-Encoding: chunked\r\n", "POST") + chunk * 12
    return exchange(way, HOST, 80, request)


@attempt("21d", denied("GET http://patient.example/"))
def line_breaks_without_end(way: Way) -> str:
    """Empty lines before a request are ignored (RFC 9112, section 2.2), and not kept."""
    return exchange(way, "patient.example", 80, b"\r\n" * (1 << 20) + get("patient.example"))
