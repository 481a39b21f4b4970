"""What a connection speaks, from its first bytes."""

import re

TLS = b"\x16\x03"
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n"
_METHOD = re.compile(rb"[A-Za-z][A-Za-z!#$%&'*+.^_`|~0-9-]{0,31}")
_REQUEST_LINE = re.compile(rb"[A-Za-z][A-Za-z!#$%&'*+.^_`|~0-9-]{0,31} [^ \r\n]")
_MAX_METHOD = 32


def looks_like_tls(data: bytes) -> bool | None:
    """Whether a TLS handshake record starts here; None where more is needed to tell."""
    if len(data) < len(TLS):
        return None if TLS.startswith(data) else False
    return data.startswith(TLS)


def looks_like_http(data: bytes) -> bool | None:
    """Whether an HTTP/1 request line starts here: a method, a space, a target. None where more is needed to tell.

    Empty lines before it are allowed (RFC 9112, section 2.2).
    """
    data = data.lstrip(b"\r\n")
    if not data:
        return None
    if data.startswith(b"SSH-"):  # its greeting has no space for a long while
        return False
    if _REQUEST_LINE.match(data):
        return True
    if len(data) <= _MAX_METHOD + 1 and _METHOD.fullmatch(data.removesuffix(b" ")):
        return None
    return False
