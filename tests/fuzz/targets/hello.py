"""A connection's first look (`capture/peek.py`) and the ClientHello's name (`capture/mitm/hooks.py`).

What the first bytes are is never taken back when more come; and the name that we judge by is the one that OpenSSL,
which goes on with the handshake, reads in the same ClientHello.
"""

import contextlib
import struct

from mitmproxy.proxy.layers.tls import parse_client_hello
from OpenSSL import SSL

from childproof.capture.mitm.hooks import raw_sni
from childproof.capture.peek import First, classify
from childproof.model import HostError, normalize_host

_names: list[bytes | None] = []
_context = SSL.Context(SSL.TLS_SERVER_METHOD)
_context.set_tlsext_servername_callback(lambda connection: _names.append(connection.get_servername()))


def check(data: bytes) -> None:
    """All prefixes, and the name."""
    last = classify(data)
    for length in range(min(len(data), 64)):
        found = classify(data[:length])
        assert found is not First.SILENCE
        assert found in (First.MORE, last), (data[:length], found, last)
    _hello(data)
    if len(data) < 0x4000 - 4:  # the same as the body of a record, and of a message
        _hello(b"\x16\x03\x01" + struct.pack("!H", len(data)) + data)
        body = b"\x01" + struct.pack("!I", len(data))[1:] + data
        _hello(b"\x16\x03\x01" + struct.pack("!H", len(body)) + body)


def _hello(data: bytes) -> None:
    try:
        hello = parse_client_hello(data)
    except ValueError:
        return  # refused
    read_by_openssl = _openssl(data)
    if hello is None:
        assert not read_by_openssl, (data, read_by_openssl)
        return
    name = raw_sni(hello)
    if name:
        try:
            normalize_host(name)
        except HostError:
            assert name  # a claim that is denied
    if read_by_openssl:
        assert name in (read_by_openssl.decode("latin-1"), "?"), (name, read_by_openssl)


def _openssl(data: bytes) -> bytes | None:
    """The name that OpenSSL finds; None where there is none, or where it refuses the whole."""
    _names.clear()
    connection = SSL.Connection(_context, None)
    connection.set_accept_state()
    with contextlib.suppress(SSL.Error):
        connection.bio_write(data)
        connection.do_handshake()
    return _names[0] if _names else None
