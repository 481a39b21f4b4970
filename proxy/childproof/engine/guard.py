"""The leak guard: no allowed call carries out a credential that its rule doesn't permit, or a canary, in any wrapping.

Looked at are method, host, path, query, headers and body, one by one, and put together, since a value may be cut up among
them. What is found is named by its kind and place, never by its value.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl

import msgspec

from childproof.model import Call, Protocol, replace
from childproof.policy.allow import ANY_CREDENTIAL

from .formats import FORMATS, find_formats
from .unwrap import Unreadable, readings, uncompressed
from .vault import Canary

WITHHELD = "[withheld: the leak guard found something]"
# Between the pieces of something that is cut up among headers, a client may put its usual ones.
_USUAL = re.compile(
    r"host|user-agent|accept.*|content-.*|connection|cache-control|pragma|te|via|expect|date|origin|referer|sec-.*|x-stainless-.*"
)
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,70})')
_MOST_VALUES = 20_000
_TOGETHER_BYTES = 256 * 1024  # of a body: its values are put together as far as this
_LONG = 4096  # characters of a value that are put together with its neighbours, at either end
_PIECES = 8  # into so many pieces, in any order, a canary may be cut and is still found; in order, into any
_LEAST_PIECE = 5
_SHORT = 15  # bytes: a text below holds no credential, and no encoding of a piece
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"))  # any other may be data
_KINDS = frozenset(one.kind for one in FORMATS)


class Leak(msgspec.Struct, frozen=True):
    """What was found: its kind, and where."""

    what: str
    where: str

    @property
    def reason(self) -> str:
        """In words, for the denial."""
        return f"{self.what} in {self.where}"


def find_leak(call: Call, permitted: frozenset[str], canaries: Sequence[Canary], max_body: int) -> Leak | None:
    """What the call must not carry; None where there is nothing. A body that can't be read is no body to let out."""
    if call.protocol is not Protocol.HTTP:
        return None
    if ANY_CREDENTIAL in permitted:
        permitted = _KINDS
    if permitted >= _KINDS and not canaries:
        return None
    search = _Search(permitted, [(canary.name, canary.value.reveal().encode()) for canary in canaries])
    budget = 6 * max(len(call.body), 256 * 1024)
    try:
        body = uncompressed(call.body, _coding(call), max(4 * max_body, len(call.body)))
        for where, text in _parts(call, body):
            leak = search.within(where, text, budget)
            if leak is not None:
                return leak
        return search.in_pieces()
    except Unreadable as problem:
        return Leak("what the leak guard can't read", f"the body: {problem}")


def withheld(call: Call, leak: Leak) -> Call:
    """The call as its entry may have it: without everything that could hold what was found."""
    elsewhere = leak.where.startswith(("the method", "the query", "the header", "a header", "the body"))
    path = call.path if elsewhere else "/" + WITHHELD
    return replace(
        call,
        method=call.method if call.method in _METHODS else WITHHELD,
        path=path,
        query=WITHHELD if call.query else "",
        headers=tuple((name, value if _is_usual(name) else WITHHELD) for name, value in call.headers if _is_name(name)),
        body=WITHHELD.encode() if call.body else b"",
    )


_TOGETHER = "parts of the call put together"


def _coding(call: Call) -> str:
    """What all its Content-Encoding headers say, each server having its own way to choose among them."""
    named = [
        part.strip().lower()
        for name, value in call.headers
        if name.lower() == "content-encoding"
        for part in value.split(",")
    ]
    return ", ".join(part for part in named if part not in ("", "identity"))


class _Search:
    def __init__(self, permitted: frozenset[str], canaries: list[tuple[str, bytes]]) -> None:
        self._permitted = permitted
        self._canaries = canaries
        self._texts: list[bytes] = []

    def within(self, where: str, text: bytes, budget: int) -> Leak | None:
        """What is in one text, as it is or wrapped."""
        if len(text) < _SHORT:
            self._texts.append(text)
            what = self._canary(text)
            return Leak(what, where) if what else None
        for encoding, found in readings(text, budget):
            self._texts.append(found)
            what = self._find(found, joined=where == _TOGETHER)
            if what:
                return Leak(what, f"{where} ({encoding})" if encoding else where)
        return None

    def _find(self, text: bytes, *, joined: bool) -> str:
        kind = find_formats(text, self._permitted, joined=joined)
        if kind:
            return f"a credential ({kind})"
        return self._canary(text)

    def _canary(self, text: bytes) -> str:
        for name, value in self._canaries:
            if value in text:
                return _named(name)
        return ""

    def in_pieces(self) -> Leak | None:
        """A canary whose pieces stand somewhere in the call, in whatever order."""
        for name, value in self._canaries:
            if self._covered(value):
                return Leak(_named(name), "pieces")
        return None

    def _covered(self, value: bytes) -> bool:
        least = max(_LEAST_PIECE, -(-len(value) // _PIECES))
        if len(value) < 2 * least:
            return False
        place = 0
        while place < len(value):
            if place + least > len(value):
                # The rest is shorter than a piece: the last piece may begin before where the one before it ended.
                return self._has(value[-least:])
            if not self._has(value[place : place + least]):
                return False
            place = self._longest(value, place, place + least)
        return True

    def _longest(self, value: bytes, start: int, end: int) -> int:
        """How far the longest piece goes that begins at `start`; it is known to reach `end`."""
        high = len(value)
        while end < high:
            middle = (end + high + 1) // 2
            if self._has(value[start:middle]):
                end = middle
            else:
                high = middle - 1
        return end

    def _has(self, piece: bytes) -> bool:
        return any(piece in text for text in self._texts)


def _named(name: str) -> str:
    return name if name.startswith("the ") else f"the canary {name}"


def _parts(call: Call, body: bytes) -> Iterator[tuple[str, bytes]]:
    """The call's parts with their names, then all values put together: of all headers, and without the usual ones."""
    path, query = call.path.encode("latin-1", "replace"), call.query.encode("latin-1", "replace")
    method = b"" if call.method in _METHODS else call.method.encode("latin-1", "replace")
    yield "the method", method
    yield "the host", call.host.encode()
    yield "the path", path
    yield "the query", query
    for name, value in call.headers:
        where = f"the header {name.lower()}" if _is_name(name) else "a header"
        yield "a header's name", name.encode("latin-1", "replace")
        yield where, value.encode("latin-1", "replace")
    yield "the body", body
    segments, pairs = path.split(b"/"), _pairs(query)
    values = list(_first(_values(call, body), _TOGETHER_BYTES))
    every = [value.encode("latin-1", "replace") for _, value in call.headers]
    unusual = [value.encode("latin-1", "replace") for name, value in call.headers if not _is_usual(name)]
    whole = b"".join([method, *segments, *(word for pair in pairs for word in pair), *every, *values])
    yield _TOGETHER, whole
    few = b"".join([method, *segments, *(value for _, value in pairs), *unusual, *values])
    if few != whole:
        yield _TOGETHER, few


def _first(values: Iterator[bytes], most: int) -> Iterator[bytes]:
    for value in values:
        most -= len(value)
        if most < 0:
            return
        yield value


def _values(call: Call, body: bytes) -> Iterator[bytes]:
    """The values in a body: of a form, a JSON document or a multipart body."""
    kind = (call.header("content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        yield from [value for pair in _pairs(body) for value in pair[1:]]
    elif kind.startswith("multipart/"):
        boundary = _BOUNDARY.search(call.header("content-type") or "")
        parts = body.split(b"--" + boundary[1].encode("latin-1", "replace"), _MOST_VALUES) if boundary else []
        yield from (part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n") for part in parts)
    elif body[:1] in (b"{", b"[", b'"', b" ", b"\n"):
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            yield from _strings(msgspec.json.decode(body))


def _strings(document: object) -> Iterator[bytes]:
    """All texts in a JSON document, in its order; long ones end what could be a piece, so their ends are enough."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, str):
            yield value.encode() if len(value) <= _LONG else f"{value[:_LONG]}\n{value[-_LONG:]}".encode()
        elif isinstance(value, list):
            left += reversed(value)
        elif isinstance(value, dict):
            left += reversed(value.values())
        elif isinstance(value, int):
            yield b"%d" % value


def _pairs(text: bytes) -> list[tuple[bytes, bytes]]:
    if text.count(b"=") > _MOST_VALUES or len(text) > 16 * _TOGETHER_BYTES:
        return []
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_VALUES)
    except ValueError:
        return []


def _is_usual(name: str) -> bool:
    return _USUAL.fullmatch(name.lower()) is not None


def _is_name(name: str) -> bool:
    """Whether a header's name may be told: a short one, of words rather than of data."""
    return re.fullmatch(r"[A-Za-z]{1,16}(?:-[A-Za-z0-9]{1,12}){0,4}", name) is not None
