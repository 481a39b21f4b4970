"""DNS on the wire, written by hand and by mitmproxy's independent implementation."""

import contextlib
import struct
from typing import Any

import pytest
from hypothesis import given, strategies
from mitmproxy import dns as independent

from childproof.capture.dns import wire


def question(
    name: bytes, kind: int = 1, *, klass: int = 1, flags: int = 0x0100, counts=(1, 0, 0, 0), tail: bytes = b""
) -> bytes:
    return struct.pack("!6H", 0x1234, flags, *counts) + name + struct.pack("!2H", kind, klass) + tail


NAME = b"\x03api\x06stripe\x03com\x00"
OPT = b"\x00" + struct.pack("!2HIH", 41, 4096, 0, 0)


def test_a_question_is_read() -> None:
    query = wire.parse_query(question(NAME, 28))
    assert (query.id, query.name, query.type_name, query.recursion, query.edns) == (
        0x1234,
        "api.stripe.com",
        "AAAA",
        True,
        False,
    )


def test_unknown_types_have_their_generic_name() -> None:
    assert wire.parse_query(question(NAME, 65280)).type_name == "TYPE65280"
    assert wire.parse_query(question(NAME, 65)).type_name == "HTTPS"


def test_edns_is_tolerated_and_answered() -> None:
    query = wire.parse_query(question(NAME, counts=(1, 0, 0, 1), tail=OPT))
    assert query.edns
    answer = independent.DNSMessage.unpack(wire.build(query, wire.NOERROR))
    assert [record.type for record in answer.additionals] == [41]


def test_an_answer_reads_as_it_should() -> None:
    query = wire.parse_query(question(b"\x03aPi\x06sTRIPE\x03com\x00"))
    raw = wire.build(query, wire.NOERROR, [(wire.A, bytes([198, 18, 0, 1]))], ttl=60)
    answer = independent.DNSMessage.unpack(raw)
    assert (answer.id, answer.response_code, answer.query, answer.recursion_available) == (0x1234, 0, False, True)
    assert [(str(record.ipv4_address), record.ttl, record.name) for record in answer.answers] == [
        ("198.18.0.1", 60, "aPi.sTRIPE.com")
    ]
    assert answer.questions[0].name == "aPi.sTRIPE.com", "the case of the question is echoed"


@pytest.mark.parametrize(
    ("data", "code", "answerable"),
    [
        (b"", wire.FORMERR, False),
        (b"\x12\x34" * 5, wire.FORMERR, False),
        (question(NAME, flags=0x8000), wire.FORMERR, False),
        (question(NAME, flags=0x2800), wire.NOTIMP, True),
        (question(NAME, counts=(0, 0, 0, 0)), wire.FORMERR, True),
        (question(NAME, counts=(2, 0, 0, 0)), wire.FORMERR, True),
        (question(NAME, counts=(1, 1, 0, 0)), wire.FORMERR, True),
        (question(NAME, klass=3), wire.REFUSED, True),
        (question(NAME, tail=b"x"), wire.FORMERR, True),
        (question(b"\xc0\x0c"), wire.FORMERR, True),
        (question(b"\x40" + b"a" * 64 + b"\0"), wire.FORMERR, True),
        (question(b"\x3faaa"), wire.FORMERR, True),
        (question((b"\x3f" + b"a" * 63) * 4 + b"\0"), wire.FORMERR, True),
        (question(NAME)[:-1], wire.FORMERR, True),
        (question(NAME, counts=(1, 0, 0, 1)), wire.FORMERR, True),
        (question(NAME, counts=(1, 0, 0, 2), tail=OPT + OPT), wire.FORMERR, True),
        (question(NAME, counts=(1, 0, 0, 1), tail=b"\x00" + struct.pack("!2HIH", 41, 4096, 1 << 16, 0)), wire.BADVERS, True),
    ],
)  # fmt: skip
def test_what_is_no_query_is_refused_with_its_code(data: bytes, code: int, answerable: Any) -> None:
    with pytest.raises(wire.WireError) as caught:
        wire.parse_query(data)
    assert (caught.value.code, caught.value.answerable) == (code, answerable)


def test_an_error_carries_the_id_and_nothing_else() -> None:
    answer = independent.DNSMessage.unpack(wire.build_error(question(NAME, flags=0x2900), wire.NOTIMP))
    assert (answer.id, answer.response_code, answer.op_code, len(answer.questions)) == (0x1234, 4, 5, 0)


def test_bytes_that_are_no_letters_are_escaped() -> None:
    assert wire.parse_query(question(b"\x04a.b\x00\x01 \x00")).name == "a\\046b\\000.\\032"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("1.0.18.198.in-addr.arpa", "198.18.0.1"),
        ("1.0.18.198.IN-ADDR.ARPA", "198.18.0.1"),
        ("18.198.in-addr.arpa", None),
        ("256.0.18.198.in-addr.arpa", None),
        ("1." + "0." * 27 + "0.0.1.0.ip6.arpa", "100::1"),
        ("x." * 32 + "ip6.arpa", None),
        ("example.com", None),
    ],
)
def test_reverse_names_are_read(name: str, address: str | None) -> None:
    assert wire.reverse_address([label.encode() for label in name.split(".")]) == address


@given(strategies.binary(max_size=200))
def test_no_bytes_whatever_raise_anything_else(data: bytes) -> None:
    with contextlib.suppress(wire.WireError):
        wire.parse_query(data)


@given(strategies.binary(min_size=12, max_size=200), strategies.integers(0, 5))
def test_an_error_can_be_sent_for_any_bytes(data: bytes, code: int) -> None:
    answer = independent.DNSMessage.unpack(wire.build_error(data, code))
    assert (answer.id, answer.response_code) == (int.from_bytes(data[:2]), code)


@given(
    strategies.lists(strategies.binary(min_size=1, max_size=63), min_size=1, max_size=3), strategies.integers(0, 65535)
)
def test_every_well_formed_question_survives(labels: list[bytes], kind: int) -> None:
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    query = wire.parse_query(question(name, kind))
    assert query.labels == tuple(labels)
    assert wire.build(query, 0)[12 : 12 + len(name)] == name
