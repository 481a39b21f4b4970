"""A whole request in its plainest form, as nearly every client sends it: read in one match instead of by h11.

What this takes is a part of what h11 takes, and it gives the same parts: a test compares the two. Everything else is
h11's: bodies in chunks or in pieces, requests behind requests, unusual spacing, an `Expect` or an `Upgrade`. A request
costs 10 µs here and 100 µs there, of the 250 that a canned HTTPS reply may cost.
"""

import re

from .calls import MAX_HEAD, Request

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"  # RFC 9110, section 5.6.2
_WORDS = rb"[!-~]++(?: [!-~]++)*+"  # visible ASCII with single spaces
# Possessive: no byte is looked at twice, however the text ends.
_HEAD = re.compile(
    rb"([A-Z]{1,20}+) ((?:http:/)?/[!-~]*+) HTTP/1\.1\r\n((?:" + _TOKEN + rb": " + _WORDS + rb"\r\n)++)\r\n"
)
_FIELD = re.compile(rb"([^:]++): ([^\r]++)\r\n")
_LENGTH = re.compile(rb"[0-9]{1,18}")
_LEFT_TO_H11 = frozenset({b"transfer-encoding", b"expect", b"upgrade"})


def plain_request(data: bytes, max_body: int) -> Request | None:
    """The request that `data` is from its first to its last byte; None where h11 has to look."""
    head = _HEAD.match(data)
    if head is None or head.end() > MAX_HEAD or head[1] == b"CONNECT":
        return None
    headers = _FIELD.findall(head[3])
    hosts, size = 0, None
    for name, value in headers:
        lowered = name.lower()
        if lowered in _LEFT_TO_H11:
            return None
        if lowered == b"host":
            hosts += 1
        elif lowered == b"content-length":
            if size is not None or not _LENGTH.fullmatch(value):
                return None
            size = int(value)
    body = data[head.end() :]
    if hosts != 1 or len(body) != (size or 0) or len(body) > max_body:
        return None
    return Request(head[1], head[2], "1.1", headers, body)
