"""YAML as people write it, read as JSON: nothing comes out that JSON doesn't have."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.documents import parse_yaml
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
