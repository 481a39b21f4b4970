"""Line 19: paths and methods that a server behind an allowed host reads in another way than a rule."""

from functools import partial

from childproof.escape.table import add, attempt, denied
from childproof.escape.talk import exchange, fetch, get, post
from childproof.escape.ways import Way

HOST = "x.allowed.example"

for _part, _name, _path in (
    ("19a", "an_encoded_slash", "/public%2f..%2fprivate"),
    ("19a", "a_doubly_encoded_slash", "/public/%252e%252e%252fprivate"),
    ("19b", "dots", "/public/../private"),
    ("19b", "encoded_dots", "/public/%2e%2e/private"),
    ("19c", "a_doubled_slash", "//public/a"),
    ("19c", "a_path_parameter", "/public/..;/private"),
    ("19c", "a_backslash", "/public\\..\\private"),
):

    def _path_as_it_is(way: Way, path: str) -> str:
        return exchange(way, HOST, 80, get(HOST, path))

    _ending = denied(f"GET http://{HOST}{_path}")
    add(_part, _name, partial(_path_as_it_is, path=_path), direct=_ending, proxied=_ending)

for _name, _header in (
    ("a_method_override", "X-HTTP-Method-Override: DELETE\r\n"),
    ("another_method_override", "X-HTTP-Method: PUT\r\n"),
    ("a_third_method_override", "X-Method-Override: PATCH\r\n"),
):

    def _override(way: Way, header: str, path: str) -> str:
        return exchange(way, HOST, 80, get(HOST, f"/public/{path}", header))

    _ending = denied(f"GET http://{HOST}/public/{_name}")
    add("19d", _name, partial(_override, header=_header, path=_name), direct=_ending, proxied=_ending)

for _name, _query in (
    ("a_mutation_over_get", "query=mutation%7BdeleteAll%7Bid%7D%7D"),
    ("a_named_mutation_over_get", "operationName=m&query=query+q%7Bid%7D%0A%23%0Amutation+m%7BdeleteAll%7Bid%7D%7D"),
    ("a_mutation_behind_a_comment", "query=%23+query%0A%20mutation%7BdeleteAll%7Bid%7D%7D"),
):

    def _graphql(way: Way, path: str) -> str:
        return fetch(way, HOST, path)

    _ending = denied(f"GET http://{HOST}/public/{_name}")
    add("19e", _name, partial(_graphql, path=f"/public/{_name}?{_query}"), direct=_ending, proxied=_ending)


@attempt("19f", denied(f"POST http://{HOST}/public/batch"))
def a_batch(way: Way) -> str:
    """Calls within a call, at a host that may only be read."""
    part = b"--b\r\nContent-Type: application/http\r\n\r\nDELETE /all HTTP/1.1\r\n\r\n--b--\r\n"
    return exchange(way, HOST, 80, post(HOST, "/public/batch", part, "Content-Type: multipart/mixed; boundary=b\r\n"))
