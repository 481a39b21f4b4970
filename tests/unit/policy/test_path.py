"""A path can be spelled in many ways; none of them evades a rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from childproof.policy.path import canonical_path, is_ambiguous, readings
from tests.fuzz.targets import paths

ODD = st.lists(
    st.sampled_from(
        [
            "/",
            "a",
            "B",
            "~",
            "%41",
            "%7e",
            "%2f",
            "%2F",
            "..",
            ".",
            "%2e",
            "\\",
            "%5c",
            ";x",
            "%25",
            "%",
            "é",
            "%00",
            " ",
        ]
    ),
    max_size=14,
).map(lambda parts: "/" + "".join(parts))


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("/v1/charges", "/v1/charges"),
        ("", "/"),
        ("/%76%31/%63harges", "/v1/charges"),
        ("/a%7Eb%2Db", "/a~b-b"),
        ("/a%c3%a9", "/a%C3%A9"),
        ("/aé", "/a%C3%A9"),
        ("/a%2fb", "/a%2Fb"),
        ("/a%20b", "/a%20b"),
    ],
)
def test_unreserved_characters_are_decoded_and_nothing_else(path: str, canonical: str) -> None:
    assert canonical_path(path) == canonical


@pytest.mark.parametrize(
    "path",
    [
        "/a%2fb",
        "/a%2Fb",
        "/a/../b",
        "/a/..",
        "/a/.",
        "/./a",
        "/a/%2e%2e/b",
        "/a/.%2E/b",
        "/a//b",
        "//a",
        "/a\\b",
        "/a%5cb",
        "/a;b=c",
        "/a%3bb",
        "/a%252fb",
        "/a%25",
        "/a%zz",
        "/a%",
        "/a%00",
        "/a%0d%0ab",
        "/a\x7f",
        "/a b",
        "/a%c0%af..",
        "/a%ff",
        "*",
        "a/b",
    ],
)
def test_what_servers_disagree_about_is_ambiguous(path: str) -> None:
    assert is_ambiguous(path)


@pytest.mark.parametrize(
    "path", ["/", "/v1/charges", "/a%20b", "/a.b/..c/d..", "/a%C3%A9", "/aé", "/a:b@c!$&'()*+,=", "/a/"]
)
def test_plain_paths_are_not_ambiguous(path: str) -> None:
    assert not is_ambiguous(path)


@pytest.mark.parametrize(
    ("path", "read_as"),
    [
        ("/v1//charges", "/v1/charges"),
        ("/v1/x/../charges", "/v1/charges"),
        ("/v1/%2e/charges", "/v1/charges"),
        ("/v1%2fcharges", "/v1/charges"),
        ("/v1%252fcharges", "/v1/charges"),
        ("/v1\\charges", "/v1/charges"),
        ("/v1%5Ccharges", "/v1/charges"),
        ("/v1/charges;a=b", "/v1/charges"),
        ("/v1;a=b/charges", "/v1/charges"),
        ("/v1/charges/", "/v1/charges"),
        ("/v1/charges%00.png", "/v1/charges"),
        ("/public/..;/v1/charges", "/v1/charges"),
        ("/v1%c0%afcharges", "/v1/charges"),
        ("/v1%2fcharges;a=b%2fc", "/v1/charges"),
        ("/v1%252fcharges;a=b%252fc", "/v1/charges"),
        ("/a//../v1/charges", "/v1/charges"),
        ("/v1//../charges", "/v1/charges"),
        ("/v1//../charges", "/charges"),
        ("/a/b//../../v1/charges", "/v1/charges"),
    ],
)
def test_the_reading_that_a_server_may_take_is_among_the_readings(path: str, read_as: str) -> None:
    assert read_as in readings(path)


@given(ODD)
def test_the_canonical_form_is_stable_ascii_and_first_among_the_readings(path: str) -> None:
    canonical = canonical_path(path)
    assert canonical.isascii()
    assert canonical_path(canonical) == canonical
    assert readings(path)[0] == canonical
    assert is_ambiguous(canonical) == is_ambiguous(path)


@given(st.text(max_size=30))
def test_no_path_breaks_the_reader(path: str) -> None:
    for reading in readings(path):
        assert reading.startswith("/")
        assert canonical_path(reading) == reading


@given(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8).map("/".__add__))
def test_encoding_every_character_changes_nothing(path: str) -> None:
    encoded = "/" + "".join(f"%{ord(sign):02x}" for sign in path[1:])
    assert readings(encoded) == readings(path)


@given(
    ODD
    | st.lists(st.sampled_from([";a=", "%2f", "%252f", "/..", "//", "\\", "/a", "%2e%2e", "%00", ";"]), max_size=8).map(
        "".join
    )
)
def test_no_server_reads_a_path_as_one_that_no_guard_looks_at(path: str) -> None:
    """Nginx, servlet containers, frameworks, browsers: each of their readings is among ours, or all of them agree."""
    paths.check(path.encode("utf-8", "replace"))
