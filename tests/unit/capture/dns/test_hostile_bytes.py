"""Whatever datagram comes, one call and at most one answer. The promises are those of `tests/fuzz/targets/dns.py`."""

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import dns

NAMES = st.lists(
    st.sampled_from([b"\x03api", b"\x07example", b"\x09localhost", b"\x01\x00", b"\x03127", b"\x010", b"\x07in-addr", b"\x04arpa", b"\xc0\x0c", b"\x3f", b"\x04xn--"]),
    max_size=6,
).map(b"".join)  # fmt: skip


@settings(max_examples=200)
@given(
    st.sampled_from([0x0100, 0, 0x8180, 0x2900]),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    NAMES,
    st.sampled_from([b"\0", b""]),
    st.sampled_from([1, 12, 28, 65, 255, 65280]),
    st.binary(max_size=12),
)
def test_any_datagram_is_one_call_and_its_answer_can_be_read(
    flags: int, counts: list[int], name: bytes, root: bytes, kind: int, tail: bytes
) -> None:
    """The answer carries the query's id and question, and never amplifies by more than a name."""
    dns.check(struct.pack("!6H", 7, flags, *counts) + name + root + struct.pack("!2H", kind, 1) + tail)
