"""Values that don't fit: where, what was found, what is expected, and what to write."""

from typing import Any

import msgspec
import pytest

from childproof.control import messages, messages_record, messages_rules, messages_sandboxes
from childproof.control.misfits import misfit


@pytest.mark.parametrize(
    ("kind", "value", "place", "found", "expected", "write"),
    [
        (messages.NewWorld, {"name": 7}, "/name", "7", "a string", "checkout/try-1"),
        (messages.NewWorld, {"name": "a b"}, "/name", '"a b"', "letters, digits", "checkout/try-1"),
        (messages.NewWorld, {}, "/name", "no such field", "letters, digits", "checkout/try-1"),
        (messages.NewWorld, {"nam": "a"}, "/nam", "an unknown field", "one of name, from, at", "name"),
        (messages.NewWorld, {"name": "a", "at": []}, "/at", "[]", "a whole number or a string or null", "call_5f1c"),
        (messages.NewWorld, {"name": "a", "seed": 2**70}, "/seed", str(2**70), "a whole number <= 922", ""),
        (messages.NewWorld, {"name": "a", "seed": "b" * 200}, "/seed", '"' + "b" * 99 + "…", "a whole number", ""),
        (messages_sandboxes.NewSandbox, [], "", "[]", "an object", ""),
        (messages_sandboxes.NewSandbox, {"ttl": 0}, "/ttl", "0", "a whole number >= 1", ""),
        (messages_sandboxes.NewSandbox, {"listen": {"hhtp": True}}, "/listen/hhtp", "an unknown", "one of http, socks", "http"),
        (messages_sandboxes.NewSandbox, {"listen": {"stubs": ["a", 3]}}, "/listen/stubs/1", "3", "a string", ""),
        (messages_rules.ToExplain, {"call": {"target": "a", "a/b~c": 1}}, "/call/a~1b~0c", "an unknown", "one of target", ""),
    ],
)  # fmt: skip
def test_a_body(kind: Any, value: Any, place: str, found: str, expected: str, write: str) -> None:
    """By a JSON Pointer, in JSON's words, with the field's own example."""
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.json.decode(msgspec.json.encode(value), type=kind)
    [mistake] = misfit(str(raised.value), value, kind).mistakes
    assert (mistake.pointer, mistake.write) == (place, write)
    assert mistake.found.startswith(found)
    assert mistake.expected.startswith(expected)


@pytest.mark.parametrize(
    ("value", "place", "found", "expected"),
    [
        ({"limit": "0"}, "?limit", '"0"', "a whole number >= 1"),
        ({"limit": "many"}, "?limit", '"many"', "a whole number"),
        ({"verdict": "maybe"}, "?verdict", '"maybe"', "one of allow, deny, reply, stub"),
    ],
)
def test_a_query(value: dict[str, str], place: str, found: str, expected: str) -> None:
    """By the parameter's name."""
    with pytest.raises(msgspec.ValidationError) as raised:
        msgspec.convert(value, messages_record.CallsQuery, strict=False)
    [mistake] = misfit(str(raised.value), value, messages_record.CallsQuery, query=True).mistakes
    assert (mistake.pointer, mistake.found, mistake.expected) == (place, found, expected)
