"""Bodies: bounded, readable, unpacked, redacted."""

import base64
import gzip
import hashlib
import zlib

import pytest

from childproof.ledger import record

SECRET = "sk_" + "test_51HxQ2eZvKYlo2CabcdefWXYZ"


def test_text_is_kept_as_it_is():
    recorded = record((("Content-Type", "text/plain"),), "grüße ☃".encode())
    assert (recorded.body, recorded.size, recorded.cut, recorded.sha256) == ("grüße ☃", 11, False, "")


def test_headers_and_body_are_redacted():
    recorded = record((("Authorization", f"Bearer {SECRET}"),), f"key={SECRET}".encode())
    assert SECRET not in repr(recorded)


def test_a_long_body_is_cut_and_hashed_whole():
    body = b"0123456789abcde\n" * 10_000
    recorded = record((), body, limit=1000)
    assert recorded.cut
    assert recorded.body == body[:1000].decode()
    assert (recorded.size, recorded.sha256) == (160_000, hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize("offset", range(-40, 10, 7))
def test_a_secret_across_the_cut_leaves_nothing_behind(offset):
    body = b"a" * (1000 + offset) + b" " + SECRET.encode() + b" " + b"b" * 50_000
    assert SECRET[8:20] not in record((), body, limit=1000).body


def test_a_secret_across_the_end_of_what_was_looked_at_leaves_nothing_behind():
    """The redaction sees limit and margin; half a key at their end must not survive by other masks moving it."""
    for padding in range(9000, 9240, 16):
        pem = "-----BEGIN RSA PRIVATE KEY-----" + "A" * 3000 + "-----END RSA PRIVATE KEY-----"
        body = pem + "x" * (padding - len(pem) - 20) + " " + SECRET + "y" * 40_000
        assert SECRET[8:20] not in record((), body.encode(), limit=1000).body


def test_a_cut_through_a_character_is_no_binary():
    body = ("a" + "☃" * 40_000).encode()
    recorded = record((), body, limit=1000)
    assert recorded.body.startswith("a☃☃")
    assert recorded.cut


def test_binary_is_base64_with_its_marker_and_without_secrets():
    body = b"\x89PNG\0\xff" + SECRET.encode() + b"\xfe"
    recorded = record((), body)
    assert recorded.body.startswith("base64:")
    kept = base64.b64decode(recorded.body.removeprefix("base64:"))
    assert kept.startswith(b"\x89PNG\0\xff")
    assert SECRET.encode() not in kept


@pytest.mark.parametrize(
    ("coding", "pack"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
    ],
)
def test_a_packed_body_is_recorded_unpacked(coding, pack):
    packed = pack(f'{{"key": "{SECRET}"}}'.encode())
    recorded = record((("Content-Encoding", coding),), packed)
    assert (recorded.body, recorded.size) == ('{"key": "sk_test_…WXYZ"}', len(packed))


def test_a_packed_bomb_is_unpacked_no_further_than_the_limit():
    recorded = record((("Content-Encoding", "gzip"),), gzip.compress(b"a" * 50_000_000), limit=1000)
    assert recorded.cut
    assert len(recorded.body) <= 1000


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip", "x"])
def test_what_cannot_be_unpacked_is_not_kept(coding):
    body = b"\x01\x02" + SECRET.encode()
    recorded = record((("Content-Encoding", coding),), body)
    assert SECRET[8:] not in repr(recorded)
    assert recorded.cut
    assert recorded.sha256 == hashlib.sha256(body).hexdigest()


def test_no_body_is_an_empty_text():
    assert record((), b"").body == ""
