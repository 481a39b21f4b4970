"""YAML as people write it, read as JSON: nothing comes out that JSON doesn't have."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.documents import parse_yaml
from childproof.errors import InputError
from tests.fuzz.targets import documents


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12e400", "12e400"),
        ("-1e999", "-1e999"),
        ("9" * 500, "9" * 500),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("1e3", 1000.0),
    ],
)
def test_a_number_that_no_float_holds_stays_text(text: str, value: object) -> None:
    document = parse_yaml(f"a: {text}\n", "file.yaml")
    assert document.value == {"a": value}
    json.dumps(document.value, allow_nan=False)


LINES = st.sampled_from(
    ["version: 1", "default: deny", "rules:", "  - name: a", "    match: {host: a.example}", "    match: {protocol: [smtp, x]}",
     "    deny: {}", "    stub: email", "    when: call.form.a >", "    reply: {status: 99}", "  - {name: b, match: *x, allow: &x {}}",
     "include: [a.yaml]", "a: |", "  text", "? [a]", ": b", "- 1", "\t", "b: 'x", "clock: {run: frozen}", "seed: 1e400", "state: {a: {b: {}}}"]
)  # fmt: skip


@settings(max_examples=120)
@given(st.lists(LINES | st.text(max_size=12), max_size=10).map("\n".join))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    """As a document, as rules and as a world: InputError and nothing else; what is read can be written and read again."""
    documents.check(text.encode("utf-8", "replace"))


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, BOMB, "a: &a [*a]"],
    ids=["lists", "mappings", "items", "keys", "aliases", "itself"],
)  # fmt: skip
def test_a_text_that_would_end_the_process_is_refused(text: str) -> None:
    """However deep, and however much its aliases stand for: the parser's own recursion has no limit but the stack's end."""
    with pytest.raises(InputError, match="too many or too deeply nested values"):
        parse_yaml(text, "file.yaml")
    assert parse_yaml("a: &a [x]\nb: [*a, *a]\n" + "c: " + "[" * 190 + "]" * 190, "file.yaml").value["b"] == [
        ["x"],
        ["x"],
    ]
