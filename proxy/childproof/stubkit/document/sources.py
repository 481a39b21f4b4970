"""The files of an OpenAPI document: read, bounded, and dug into without decoding more than is asked for.

A document may be several files that refer to each other by relative paths. Only files in the folder of the first one are
read; a reference that leads out of it, or to a server, is refused when the document is loaded.
"""

import gzip
import posixpath
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from childproof.documents import parse_yaml
from childproof.errors import Fault, InputError

MOST_BYTES = 96 * 1024 * 1024  # of one file, unpacked; the largest published documents have half of it
_EXPECTED = "an OpenAPI 3 or Swagger 2 document in JSON or YAML"
_BYTE = re.compile(r"\(byte (\d+)\)")
_TARGET = re.compile(rb'\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')

# What stands between names in a pointer: keywords of schemas and of documents.
_KEYWORDS = frozenset({
    "items", "schema", "properties", "allOf", "anyOf", "oneOf", "content", "responses", "components", "schemas", "definitions",
    "paths", "get", "post", "put", "patch", "delete", "requestBody", "parameters", "additionalProperties", "not", "$defs",
})  # fmt: skip

type Section = dict[str, msgspec.Raw]


class Source:
    """One file. `raw` is its JSON, `written` the text as it was read: the places that faults name are in it."""

    def __init__(self, file: str, raw: bytes, written: bytes) -> None:
        self.file = file
        self.raw = raw
        self.written = written
        self._sections: dict[tuple[str, ...], Section] = {}

    def section(self, *keys: str) -> Section:
        """The entries below some keys of the document, undecoded; none where there is no mapping."""
        found = self._sections.get(keys)
        if found is None:
            raw = self.section(*keys[:-1]).get(keys[-1]) if keys else msgspec.Raw(self.raw)
            found = self._sections[keys] = entries(raw)
        return found

    def at(self, steps: tuple[str, ...]) -> Any:
        """What a JSON pointer's steps lead to, decoded; None where nothing is."""
        if not steps:
            return msgspec.json.decode(self.raw)
        depth = min(len(steps), 3 if steps[0] == "components" else 2)
        raw = self.section(*steps[: depth - 1]).get(steps[depth - 1])
        node = msgspec.json.decode(raw) if raw is not None else None
        for step in steps[depth:]:
            if isinstance(node, dict):
                node = node.get(step)
            elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
                node = node[int(step)]
            else:
                return None
        return node

    def references(self) -> list[str]:
        """Every text that stands behind a `$ref`, once; some may be in examples or be the names of properties."""
        behind = self.raw.split(b'"$ref"')[1:]  # a regex for the whole takes ten times as long
        found = dict.fromkeys(target[1] for target in map(_TARGET.match, behind) if target is not None)
        return [msgspec.json.decode(text) for text in found]

    def fault(self, needle: str, found: str, expected: str, write: str = "", *, key: bool = False) -> Fault:
        """A fault where `needle` first stands in the file as a value, or as a `key`; else at its beginning."""
        line, column = self._place(needle, key=key)
        return Fault(self.file, line, column, found, expected, write)

    def _place(self, needle: str, *, key: bool) -> tuple[int, int]:
        bare = re.escape(needle.encode())
        quoted = re.escape(msgspec.json.encode(needle))
        before = rb"(?:^|[{,\s])" if key else rb"\$ref[\"']?\s*:\s*"
        after = rb"\s*:" if key else rb"(?=[\s,}\]\"']|$)"
        match = re.search(rb"%s(%s|'%s'|%s)%s" % (before, quoted, bare, bare, after), self.written, re.MULTILINE)
        return place(self.written, match.start(1)) if match is not None else (1, 1)


class Sources:
    """The files of one document by their path within its folder; the first is ""."""

    def __init__(self, main: Source, folder: Path | None) -> None:
        self.main = main
        self._folder = folder
        self._files: dict[str, Source] = {"": main}
        self._own = Path(main.file).name if folder is not None else None  # by which the first file may be called

    def get(self, file: str) -> Source | None:
        """A file of the document; None for one that can't be read, which `load` has told."""
        if file not in self._files:
            try:
                self.load(file)
            except InputError:
                return None
        return self._files.get(file)

    def load(self, file: str) -> Source:
        """Read a further file. Raises InputError."""
        if self._folder is None:
            raise InputError.single(file, "a further file of a document that is no file", _EXPECTED)
        if file not in self._files:
            path = self._folder / file
            if not path.resolve().is_relative_to(self._folder.resolve()):
                raise InputError.single(file, "a file outside the document's folder", "a file below it")
            self._files[file] = read_source(path, str(path))
        return self._files[file]

    def split(self, reference: str, base: str) -> tuple[str, tuple[str, ...]]:
        """As the function of this name does; the first file by its own name is the first file. Raises ValueError."""
        file, steps = split(reference, base)
        return ("" if file == self._own else file), steps

    def names(self) -> Iterator[str]:
        """The files besides the first that were read so far."""
        return (name for name in self._files if name)


def split(reference: str, base: str) -> tuple[str, tuple[str, ...]]:
    """A reference found in file `base` as the file that it points at ("" is the first) and a JSON pointer's steps.

    Raises ValueError with a sentence for what leaves the folder or names a server.
    """
    target, _, pointer = reference.partition("#")
    steps = tuple(unquote(step).replace("~1", "/").replace("~0", "~") for step in pointer.strip("/").split("/") if step)
    if not target:
        return base, steps
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", target):
        raise ValueError("a reference to another server or file system")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(target)))
    if path.startswith(("../", "/")) or path == "..":
        raise ValueError("a reference that leaves the document's folder")
    return path, steps


def place_name(steps: tuple[str, ...]) -> str:
    """A name for the schema at a place in a document: its last step that is a name, not a keyword; "" without one."""
    for step in reversed(steps):
        if step not in _KEYWORDS and not step.isdigit() and "/" not in step:
            if steps[-1] != "items" or not step.endswith("s"):
                return step
            return f"{step[:-3]}y" if step.endswith("ies") else step[:-1]
    return ""


def entries(raw: msgspec.Raw | None) -> Section:
    """A mapping's entries, undecoded; none of what is no mapping."""
    if raw is None or not is_mapping(raw):
        return {}
    found: Section = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    return found


def is_mapping(raw: msgspec.Raw) -> bool:
    """Whether undecoded JSON is an object."""
    return bytes(memoryview(raw)[:1]) == b"{"


def read_source(path: Path, file: str) -> Source:
    """Read a `.json`, `.yaml` or `.yml` file, gzipped or not. Raises InputError with the place of what is wrong."""
    try:
        written = _unpacked(path, file)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError.single(file, f"can't be read: {reason}", _EXPECTED) from None
    return source(file, written)


def source(file: str, written: bytes) -> Source:
    """A source from the text of a file. Raises InputError."""
    bare = written.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not bare:
        raise InputError.single(file, "an empty file", _EXPECTED)
    if not bare.startswith(b"{"):
        try:
            text = written.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line, column = place(written, error.start)
            raise InputError([Fault(file, line, column, "bytes that are no UTF-8", _EXPECTED)]) from None
        bare = msgspec.json.encode(parse_yaml(text, file).value)
    try:
        made = Source(file, bare, written)
        if not made.section():
            raise InputError.single(file, "no mapping with keys such as `openapi` and `paths`", _EXPECTED)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        at = _BYTE.search(str(error))
        offset = int(at[1]) + len(written) - len(bare) if at is not None else 0
        line, column = place(written, offset)
        raise InputError(
            [Fault(file, line, column, f"no JSON: {_BYTE.sub('', str(error)).strip()}", _EXPECTED)]
        ) from None
    return made


def place(text: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a place in a text."""
    start = text.rfind(b"\n", 0, offset) + 1
    return text.count(b"\n", 0, offset) + 1, len(text[start:offset].decode(errors="replace")) + 1


def _unpacked(path: Path, file: str) -> bytes:
    with path.open("rb") as opened:
        packed = opened.read(2) == b"\x1f\x8b"
        opened.seek(0)
        raw = gzip.GzipFile(fileobj=opened).read(MOST_BYTES + 1) if packed else opened.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        found = f"a document of more than {MOST_BYTES // 1024 // 1024} MiB"
        raise InputError.single(file, found, "one that is smaller: childproof stubs derive --only /path keeps a part")
    return raw
