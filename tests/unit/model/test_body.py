"""Bodies as values: forms with nested keys as Rack and Stripe read them, JSON as its RFC does."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from childproof.model import BodyError, parse_form, parse_json
from tests.fuzz.targets import bodies


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", {}),
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        ("expand[]=x&expand[]=y", {"expand": ["x", "y"]}),
        (
            "items[0][price]=p&items[0][quantity]=1&items[1][price]=q",
            {"items": [{"price": "p", "quantity": "1"}, {"price": "q"}]},
        ),
        ("a[1]=y&a[0]=x", {"a": ["x", "y"]}),
        ("a[10]=k&" + "&".join(f"a[{n}]={n}" for n in range(10)), {"a": [*map(str, range(10)), "k"]}),
        ("a[0]=x&a[2]=z", {"a": {"0": "x", "2": "z"}}),
        ("a[00]=x", {"a": {"00": "x"}}),
        ("a[0]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[][b]=1&a[][c]=2&a[][b]=3", {"a": [{"b": "1", "c": "2"}, {"b": "3"}]}),
        ("a[b=1&[x]=2", {"a[b": "1", "[x]": "2"}),
        ("metadata[a%5Bb]=1", {"metadata[a[b]": "1"}),
        ("a+b=c%2Bd", {"a b": "c+d"}),
    ],
)
def test_forms_nest_by_brackets(text: str, value: dict[str, Any]) -> None:
    assert parse_form(text) == value
    assert parse_form(text.encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "a=1&a[b]=2",
        "a[b]=2&a=1",
        "a[0]=1&a[0][b]=2",
        "a[1]=x&a[]=y",
        "a" + "[b]" * 21 + "=1",
        "a=%ff",
        "&".join(["a=1"] * 10_001),
    ],
)
def test_forms_that_contradict_themselves_or_go_too_far_are_refused(text: str) -> None:
    with pytest.raises(BodyError):
        parse_form(text)


@given(st.lists(st.tuples(st.text("ab[]01", max_size=12), st.text(max_size=3)), max_size=12))
def test_any_form_is_either_read_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        parse_form(urlencode(pairs))
    except BodyError:
        return


@given(st.lists(st.text("a+ %2B0cC3é", max_size=8), min_size=1, max_size=5))
def test_escapes_are_read_as_the_standard_library_reads_them(parts: list[str]) -> None:
    text = "&".join(f"k{place}={part}" for place, part in enumerate(parts))
    try:
        wanted = dict(parse_qsl(text, keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        with pytest.raises(BodyError):
            parse_form(text)
    else:
        assert parse_form(text) == wanted


@given(st.permutations(range(12)))
def test_the_order_of_indexes_does_not_matter(order: list[int]) -> None:
    assert parse_form("&".join(f"a[{n}]=v{n}" for n in order)) == {"a": [f"v{n}" for n in range(12)]}


def test_json_is_strict() -> None:
    assert parse_json(b'{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert parse_json(b"  ") is None
    for bad in (b"\x0c", b"\x1f", b"{", b"NaN", b"{'a': 1}", b"\xff", b'"\xed\xa0\x80"', b"[1,]", b"[" * 100_000):
        with pytest.raises(BodyError):
            parse_json(bad)


@given(
    st.lists(
        st.sampled_from(["a", "[b]", "[]", "[0]", "[1]", "=", "&", "1", "%5B", "%5D", "_method", ";", "+", "007"]),
        max_size=14,
    )
    .map("".join)
    .map(str.encode)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=20)
)
def test_rules_read_no_body_differently_from_stubs(body: bytes) -> None:
    """What both can read, both read alike: no rule judges another amount than the stub books."""
    bodies.check(body)
