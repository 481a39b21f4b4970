"""Which requests become a WebSocket, which offers are ignored, and which are refused."""

import pytest

from childproof.capture.mitm.upgrade import accept_of, with_upgrade
from childproof.model import Call, Protocol, Violation

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GOOD = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
}


def call(headers, method="GET", version="1.1", **more):
    return Call(
        Protocol.HTTP, "a.example", 443, method=method, http_version=version, headers=tuple(headers.items()), **more
    )


def test_the_sample_handshake_is_accepted_with_the_sample_key():
    """RFC 6455, section 1.3."""
    asked = with_upgrade(call(GOOD))
    assert (asked.upgrade, asked.violation) == ("websocket", None)
    assert accept_of(asked) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@pytest.mark.parametrize("offer", ["h2c", "HTTP/2.0", "TLS/1.2", ""])
def test_an_offer_is_answered_in_http_1_1(offer):
    asked = with_upgrade(call({**GOOD, "Upgrade": offer}))
    assert (asked.upgrade, asked.violation) == ("", None)


@pytest.mark.parametrize(
    ("changed", "more", "status"),
    [
        ({"Connection": "keep-alive"}, {}, 400),
        ({"Sec-WebSocket-Key": "c2hvcnQ="}, {}, 400),
        ({"Sec-WebSocket-Key": "*"}, {}, 400),
        ({"Sec-WebSocket-Version": "8"}, {}, 426),
        ({}, {"method": "POST"}, 400),
        ({}, {"body": b"x"}, 400),
        ({}, {"version": "1.0"}, 501),
        ({"Upgrade": "irc/6.9"}, {}, 501),
    ],
)
def test_a_handshake_that_is_none_is_refused(changed, more, status):
    asked = with_upgrade(call({**GOOD, **changed}, **more))
    assert (asked.upgrade, asked.violation.status) == ("", status)


def test_what_was_wrong_before_stays_wrong():
    broken = call(GOOD, violation=Violation("host_mismatch", "x"))
    assert with_upgrade(broken) is broken
