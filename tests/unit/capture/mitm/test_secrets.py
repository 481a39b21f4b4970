"""Credentials on the way out, and masked on the way back, however a reply spells them and wherever it is cut."""

import base64
import gzip
import html
import json
import zlib
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy import http

from childproof.capture.mitm.replying import Replying
from childproof.capture.mitm.secrets import Mask, Unpacker, Unsearchable, inject, spellings
from childproof.model import Hidden, Injection

REAL = 'real/credential+"9f8e7d6c'
TOKEN = Injection("CHILDPROOF_TOKEN", "authorization", Hidden(REAL))


def request(url: str = "https://a.example/", **headers: str) -> http.Request:
    made = http.Request.make("GET", url)
    for name, value in headers.items():
        made.headers[name] = value
    return made


def test_the_request_that_others_see_keeps_its_placeholder() -> None:
    """Only the copy has the credential: views and records are made of the original."""
    original = request(authorization="Bearer CHILDPROOF_TOKEN")
    sent, used = inject(original, [TOKEN])
    assert sent.headers["authorization"] == f"Bearer {REAL}"
    assert original.headers["authorization"] == "Bearer CHILDPROOF_TOKEN"
    assert used[0] == REAL


@pytest.mark.parametrize(
    "made",
    [
        request("http://a.example/", authorization="CHILDPROOF_TOKEN"),
        request(x_other="CHILDPROOF_TOKEN"),
        request(authorization="Bearer other"),
        request(authorization="Basic not-base64-CHILDPROOF_TOKEN"),
    ],
)
def test_nothing_is_put_in_elsewhere(made: http.Request) -> None:
    """Not over plain HTTP, not into other headers, not where the placeholder isn't. Its reply is searched all the same."""
    sent, sought = inject(made, [TOKEN])
    del sent.headers["accept-encoding"]
    assert sent.headers == made.headers
    assert sought == [REAL]


def test_a_rule_may_say_plain_http() -> None:
    """On purpose, with a key of its own."""
    made = request("http://a.example/", authorization="CHILDPROOF_TOKEN")
    sent, _ = inject(made, [Injection("CHILDPROOF_TOKEN", "authorization", Hidden(REAL), plain_http=True)])
    assert sent.headers["authorization"] == REAL


def test_a_hidden_value_does_not_show_itself() -> None:
    """In no representation of what holds it."""
    assert REAL not in repr(TOKEN)
    assert REAL not in f"{Hidden(REAL)}"


ECHOES = [
    REAL.encode(),
    quote(REAL, safe="").encode(),
    quote(REAL).lower().encode(),
    json.dumps(REAL).encode(),
    json.dumps(REAL).replace("/", "\\/").encode(),
    html.escape(REAL).encode(),
    REAL.encode().hex().encode(),
    *(base64.b64encode(b"x" * shift + REAL.encode() + b"y") for shift in range(3)),
    *(base64.urlsafe_b64encode(b"x" * shift + REAL.encode() + b"y") for shift in range(3)),
]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(ECHOES), st.binary(max_size=30), st.sampled_from([REAL[:9].encode(), b"r", b"re"])), max_size=8),
    st.integers(1, 40),
)  # fmt: skip
def test_whatever_is_echoed_and_however_it_is_cut_nothing_of_it_comes_through(pieces: list[bytes], step: int) -> None:
    """The masked reply is as long as it was, has no spelling of the value, and is the same for every cut."""
    text = b" ".join(pieces)
    mask = Mask([REAL])
    out = b"".join(mask.feed(text[place : place + step]) for place in range(0, len(text), step)) + mask.rest()
    assert len(out) == len(text)
    assert not any(spelling in out for spelling in spellings(REAL))
    assert out == Mask([REAL]).whole(text)


def test_what_is_no_beginning_of_it_is_not_held_back() -> None:
    """A stream of events goes on at once."""
    mask = Mask([REAL])
    assert mask.feed(b"data: hello\n\n") == b"data: hello\n\n"
    assert mask.feed(b"data: real/cre") == b"data: "
    assert mask.feed(b"am\n\n") == b"real/cream\n\n"


@pytest.mark.parametrize(
    ("coding", "packed"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)]
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_packed_body_is_unpacked_piece_by_piece(coding: str, packed: object, step: int) -> None:
    """Members one after the other too."""
    assert callable(packed)
    data = packed(b"one" * 500) + (packed(b"two") if coding.lower() == "gzip" else b"")
    unpacker = Unpacker(coding)
    out = b"".join(piece for place in range(0, len(data), step) for piece in unpacker.feed(data[place : place + step]))
    assert out == b"one" * 500 + (b"two" if coding.lower() == "gzip" else b"")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br", "compress"])
def test_other_codings_cannot_be_searched(coding: str) -> None:
    """So their replies don't go on."""
    with pytest.raises(Unsearchable):
        Unpacker(coding)


def test_a_reply_is_cut_once_and_nothing_follows() -> None:
    """At the byte that is one too many."""
    reasons: list[str] = []
    replying = Replying(10, None, reasons.append)
    assert [replying.tap(b"12345"), replying.tap(b"67890"), replying.tap(b"x"), replying.tap(b"y"), replying.tap(b"")] == [
        [b"12345"], [b"67890"], [], [], [],
    ]  # fmt: skip
    assert reasons == ["the reply has more than 10 bytes"]
    assert bytes(replying.kept) == b"1234567890"


def test_a_reply_that_is_stopped_at_its_head_has_its_head_masked() -> None:
    """What stops it records it."""
    response = http.Response.make(200, b"", {"x-echo": REAL})
    response.headers["content-length"] = "99"
    seen: list[str] = []
    Replying(10, Mask([REAL]), lambda _: seen.append(response.headers["x-echo"])).head(
        response, has_body=True, version="HTTP/1.1"
    )
    assert seen == ["*" * len(REAL)]


def test_a_transfer_coding_is_cut() -> None:
    """It can't be searched, and nobody asked for it."""
    reasons: list[str] = []
    replying = Replying(None, Mask([REAL]), reasons.append)
    replying.head(
        http.Response.make(200, b"", {"transfer-encoding": "gzip, chunked"}), has_body=True, version="HTTP/1.1"
    )
    assert reasons == ["the reply has a transfer coding, though none was asked for"]
    assert replying.tap(gzip.compress(REAL.encode())) == []


def test_broken_packed_data_is_cut() -> None:
    """It might hide what can't be seen."""
    reasons: list[str] = []
    replying = Replying(None, Mask([REAL]), reasons.append)
    response = http.Response.make(200, b"", {"content-encoding": "gzip", "content-length": "9", "x-echo": REAL})
    replying.head(response, has_body=True, version="HTTP/1.1")
    assert dict(response.headers) == {"x-echo": "*" * len(REAL), "transfer-encoding": "chunked"}
    assert replying.tap(b"no gzip..") == []
    assert reasons[0].startswith("the reply is no gzip")
