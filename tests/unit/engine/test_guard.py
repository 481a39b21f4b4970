"""The leak guard: what may not leave is found in whatever wrapping and pieces, and told without being shown."""

import base64
import gzip
import json
import random
from collections.abc import Callable
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from childproof.engine.formats import FORMATS
from childproof.engine.guard import WITHHELD, Leak, find_leak, withheld
from childproof.engine.vault import Canary
from childproof.model import Call, Hidden, Protocol, replace
from childproof.policy.allow import ANY_CREDENTIAL, CREDENTIALS

VALUE = "canary-7f3a9c2e5d8b1046"
CANARIES = [Canary("planted", Hidden(VALUE))]
TOKEN = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
CALL = Call(
    Protocol.HTTP, "api.example", 443, method="POST", scheme="https", path="/v1/x", headers=(("accept", "*/*"), ("user-agent", "t"))
)  # fmt: skip
EXAMPLES = {
    "anthropic": "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUvWx",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "github": TOKEN,
    "gitlab": "glpat-AbCdEfGhIjKlMnOpQrSt",
    "google": "AIzaSyA1234567890abcdefghijklmnopqrstuv",
    "huggingface": "hf_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGh",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig",
    "npm": "npm_AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIj",
    "openai": "sk-proj-" + "AbCdEfGhIj" * 4,
    "private-key": "-----BEGIN RSA PRIVATE KEY-----",
    "pypi": "pypi-AgE" + "AbCdEfGhIj" * 5,
    "sendgrid": "SG." + "a" * 22 + "." + "b" * 43,
    "slack": "xoxb-123456789012-abcdefghij",
    "stripe": "sk_live_AbCdEfGhIjKlMnOp",
}


def find(call: Call, permitted: frozenset[str] = frozenset(), canaries: list[Canary] = CANARIES) -> Leak | None:
    return find_leak(call, permitted, canaries, 10 << 20)


def with_body(body: bytes, kind: str = "application/json", **headers: str) -> Call:
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return replace(CALL, headers=(*CALL.headers, ("content-type", kind), *more), body=body)


def test_an_ordinary_call_carries_nothing() -> None:
    """Nor do bytes, base64 or hex that only look random."""
    draw = random.Random(7)
    assert find(with_body(b'{"prompt": "How do I write a haiku about sk-spinner and AKIAS?"}')) is None
    for body in (
        draw.randbytes(200_000),
        base64.b64encode(draw.randbytes(200_000)),
        draw.randbytes(99_999).hex().encode(),
    ):
        assert find(with_body(body, "application/octet-stream")) is None


def test_every_kind_that_a_rule_may_permit_is_known_and_has_an_example() -> None:
    """The schema's names, the formats' and the tests' are the same."""
    assert {one.kind for one in FORMATS} == set(CREDENTIALS) == set(EXAMPLES)


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_credential_is_found_and_named_but_not_shown_unless_its_kind_is_permitted(kind: str) -> None:
    """In a header here; another kind's permission doesn't help."""
    call = replace(CALL, headers=(*CALL.headers, ("x-api-key", EXAMPLES[kind])))
    leak = find(call)
    assert leak == Leak(f"a credential ({kind})", "the header x-api-key")
    assert EXAMPLES[kind] not in leak.reason
    assert find(call, frozenset({kind})) is None
    assert find(call, frozenset({ANY_CREDENTIAL})) is None
    assert find(call, frozenset(CREDENTIALS) - {kind}) is not None


def test_a_canary_is_found_whatever_kinds_are_permitted() -> None:
    """It belongs nowhere."""
    call = with_body(json.dumps({"note": f"see {VALUE}"}).encode())
    assert find(call, frozenset({ANY_CREDENTIAL})) == Leak("the canary planted", "the body")


@pytest.mark.parametrize(
    ("where", "call"),
    [
        ("the host", replace(CALL, host=f"{VALUE}.api.example")),
        ("the path", replace(CALL, path=f"/v1/{VALUE}")),
        ("the query", replace(CALL, query=f"a=1&b={VALUE}")),
        ("the header x-a", replace(CALL, headers=(("X-A", VALUE),))),
        ("a header's name", replace(CALL, headers=((VALUE, "1"),))),
        ("the body", with_body(VALUE.encode(), "text/plain")),
    ],
)
def test_the_place_is_told(where: str, call: Call) -> None:
    """Every part of a call is looked at."""
    leak = find(call)
    assert leak is not None
    assert leak.where == where


def _hex(text: bytes) -> bytes:
    return text.hex().encode()


def _url(text: bytes) -> bytes:
    return "".join(f"%{byte:02x}" for byte in text).encode()


def _json(text: bytes) -> bytes:
    return "".join(f"\\u00{byte:02x}" for byte in text).encode()


def _mime(text: bytes) -> bytes:
    return base64.encodebytes(text)


def _spaced(text: bytes) -> bytes:
    return text.hex(" ").encode()


WRAPPINGS = {
    "raw": lambda text: text,
    "base64": base64.b64encode,
    "base64url": base64.urlsafe_b64encode,
    "mime": _mime,
    "hex": _hex,
    "HEX": lambda text: _hex(text).upper(),
    "spaced hex": _spaced,
    "url": _url,
    "json": _json,
}


@pytest.mark.parametrize("before", [b"--xcontent-dispositi8", b"rNbuBhOwc8fjOWOrOwd8S7", b"a16j7pGLou3SHvV5"])
@pytest.mark.parametrize("twice", [base64.b64encode, _hex])
def test_a_value_wrapped_twice_is_found_behind_any_other_run(before: bytes, twice: Callable[[bytes], bytes]) -> None:
    """What is decoded of the run before it must not put the next layer out of step."""
    inner = twice(base64.b64encode(VALUE.encode()))
    assert find(with_body(before + b" " + inner + b" after", "text/plain")) is not None


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(WRAPPINGS)), min_size=1, max_size=3),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.sampled_from([VALUE, TOKEN]),
    st.sampled_from(["", " ", '"', "=", "x=", ": "]),
)
def test_a_wrapped_value_is_found_up_to_three_layers_deep(
    wrappings: list[str], before: bytes, after: bytes, value: str, mark: str
) -> None:
    """URL-encoded, base64 of any alphabet and alignment, broken into lines, hex, JSON escapes, and these in each other."""
    text = before + b" " + value.encode() + b" " + after
    for wrapping in wrappings:
        text = WRAPPINGS[wrapping](text)
    assert find(with_body(mark.encode() + text + b" ", "text/plain")) is not None


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_value_in_pieces_in_order_is_found_however_small_they_are(data: st.DataObject) -> None:
    """Split over path, query, headers and body, with a client's usual headers between."""
    value = data.draw(st.sampled_from([VALUE, TOKEN]))
    count = data.draw(st.integers(2, len(value)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(value) - 1), min_size=count - 1, max_size=count - 1)))
    pieces = [value[start:end] for start, end in zip([0, *cuts], [*cuts, len(value)], strict=True)]
    kind = data.draw(st.sampled_from(["form", "json", "multipart", "headers", "query"]))
    ends = pieces
    headers: list[tuple[str, str]] = [("accept", "*/*")]
    if kind != "headers" and len(pieces) > 2:
        headers += [("x-1", pieces[0]), ("user-agent", "t"), ("x-2", pieces[1])]
        ends = pieces[2:]
    call = replace(CALL, headers=tuple(headers))
    if kind == "form":
        body = urlencode([(f"k{number}", piece) for number, piece in enumerate(ends)]).encode()
        call = replace(call, headers=(*headers, ("content-type", "application/x-www-form-urlencoded")), body=body)
    elif kind == "json":
        body = json.dumps({"a": [{"b": piece} for piece in ends]}).encode()
        call = replace(call, headers=(*headers, ("content-type", "application/json")), body=body)
    elif kind == "multipart":
        parts = "".join(f'--XX\r\nContent-Disposition: form-data; name="f"\r\n\r\n{piece}\r\n' for piece in ends)
        call = replace(
            call,
            headers=(*headers, ("content-type", "multipart/form-data; boundary=XX")),
            body=f"{parts}--XX--".encode(),
        )
    elif kind == "query":
        call = replace(CALL, query="&".join(f"k={quote(piece)}" for piece in pieces), headers=(("accept", "*/*"),))
    else:
        call = replace(CALL, headers=tuple((f"x-{number:02d}", piece) for number, piece in enumerate(pieces)))
    assert find(call) is not None


@settings(max_examples=60, deadline=None)
@given(st.permutations(range(4)), st.sampled_from(["raw", "base64", "hex"]))
def test_a_canary_in_pieces_in_any_order_is_found(order: list[int], wrapping: str) -> None:
    """Four pieces, shuffled among headers, each wrapped by itself."""
    size = -(-len(VALUE) // 4)
    pieces = [VALUE[place : place + size] for place in range(0, len(VALUE), size)]
    wrapped = [WRAPPINGS[wrapping](f"{pieces[place]}{'.' * 16}".encode()).decode() for place in order]
    assert (
        find(replace(CALL, headers=tuple((f"x-{number}", piece) for number, piece in enumerate(wrapped)))) is not None
    )


def test_a_compressed_body_is_looked_into_and_an_unreadable_one_stays_here() -> None:
    """What can't be read can't be let out; nor can a bomb."""
    packed = gzip.compress(f"... {VALUE} ...".encode())
    assert find(with_body(packed, content_encoding="gzip")) == Leak("the canary planted", "the body")
    assert find(with_body(gzip.compress(b"fine"), content_encoding="gzip")) is None
    for body, coding in (
        (b"...", "br"),
        (packed[:-9], "zip"),
        (b"no gzip", "gzip"),
        (gzip.compress(bytes(64 << 20)), "gzip"),
    ):
        leak = find(with_body(body, content_encoding=coding))
        assert leak is not None
        assert leak.what == "what the leak guard can't read"


@pytest.mark.parametrize("codings", [("identity", "gzip"), ("", "gzip"), ("gzip", "identity"), ("gzip, identity",)])
def test_a_second_content_encoding_hides_nothing(codings: tuple[str, ...]) -> None:
    """Servers differ in which of two headers they heed."""
    packed = gzip.compress(f"... {VALUE} ...".encode())
    call = replace(CALL, headers=tuple(("Content-Encoding", coding) for coding in codings), body=packed)
    assert find(call) == Leak("the canary planted", "the body")
    twice = find(replace(CALL, headers=(("content-encoding", "gzip"), ("content-encoding", "deflate")), body=packed))
    assert twice is not None
    assert twice.what == "what the leak guard can't read"


def test_a_method_of_the_callers_own_making_is_looked_at_and_withheld() -> None:
    """It is a token of up to 32 characters, and goes out as it is."""
    for method in (VALUE, TOKEN[:4] + "x", EXAMPLES["aws"]):
        call = replace(CALL, method=method)
        leak = find(call)
        assert (leak is None) == (method == TOKEN[:4] + "x")
        if leak is not None:
            assert leak.where == "the method"
            assert method not in repr(withheld(call, leak))
            assert withheld(call, leak).path == CALL.path
    halves = replace(CALL, method=VALUE[:10], path=f"/{VALUE[10:]}")
    assert find(halves) is not None


def test_an_entry_withholds_what_could_hold_the_value() -> None:
    """Wherever it was found, nothing of it is recorded; method and host still tell what was tried."""
    whole = replace(
        with_body(VALUE.encode(), x_data=VALUE), path=f"/{VALUE}", query=VALUE, headers=((VALUE, "1"), ("X-Data", VALUE), ("accept", "*/*"))
    )  # fmt: skip
    leak = find(whole)
    assert leak is not None
    shown = withheld(whole, leak)
    assert VALUE not in repr(shown)
    assert shown.headers == (("X-Data", WITHHELD), ("accept", "*/*"))
    assert (shown.method, shown.host) == ("POST", "api.example")


@pytest.mark.parametrize(
    "path", [f"/{VALUE}", f"/{VALUE.encode().hex()}", f"/{VALUE[:8]}/{VALUE[8:]}", f"/{VALUE[12:]}"]
)
def test_a_path_that_could_hold_it_is_withheld(path: str) -> None:
    """As it is, wrapped, or in pieces of which another part has the rest."""
    whole = replace(CALL, path=path, headers=(("x-a", VALUE[:12]),))
    leak = find(whole)
    assert leak is not None
    assert withheld(whole, leak).path == f"/{WITHHELD}"


def test_other_protocols_are_not_read() -> None:
    """Raw TCP has no parts to look at; the documentation says so."""
    assert find(Call(Protocol.TCP, "db.example", 5432, body=VALUE.encode())) is None
