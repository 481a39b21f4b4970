"""JSON within a text."""

import pytest

from childproof.stubkit import from_json


@pytest.mark.parametrize(
    "text", ["", "{", '["a"]', "1", "null", '{"a": 1} x', "[" * 100_000, '{"a":' * 100_000, b"\xff{}"]
)
def test_what_is_no_object_is_nothing(text: str | bytes) -> None:
    """Whatever a sandbox sends: it is refused in the service's words, and no exception makes a 500 of it."""
    assert from_json(text, dict) is None


def test_an_object_and_a_list_are_read() -> None:
    """Each where it is asked for."""
    assert from_json('{"a": [1]}', dict) == {"a": [1]}
    assert from_json(b'["a"]', list) == ["a"]
    assert from_json("[]", dict) is None
