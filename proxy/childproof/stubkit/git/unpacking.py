"""What a push brings, taken apart within bounds.

All objects of a received pack are made and named before any of it is kept. A pack is kept as it came, so what it holds
as differences stays so; those whose base it lacks (a thin pack) get the base appended. Nothing that is declared is
believed: sizes, counts and depths are bounded while they are found out.
"""

import hashlib
import zlib
from collections.abc import Callable

from .packs import HEADER, LARGEST, OFS, REF, Entry, Pack, Packed, applied, sizes, whole_entry
from .parsing import KINDS, NUMBERS, digest, links
from .values import GitError, Kind

MOST_OBJECTS = 200_000
EXPANDED = 512 * 1024 * 1024  # bytes of all objects of a pack together, those made on the way included
LINKING = 64 * 1024 * 1024  # of those, bytes of trees, commits and tags
EASY = 32 * 1024 * 1024, 8 * 1024 * 1024  # what a pack may expand to, and have of those, however short it is
FACTOR = 64, 16  # and for each byte of its own; a history of many small changes has some 30
MOST_WANTED = 500_000  # objects that they refer to
DEEPEST = 300  # of differences to differences; git makes 50 at most unless told otherwise
_CHUNK = 16 * 1024


def received(data: bytes, base_of: Callable[[str], tuple[Kind, bytes] | None]) -> Pack:
    """The pack that a push brought. `base_of` finds objects that are there already, for a thin pack.

    Raises GitError for anything that is no pack, or more than is taken.
    """
    return _Receiving(data, base_of).done()


class _Receiving:
    """One pack on its way in."""

    def __init__(self, data: bytes, base_of: Callable[[str], tuple[Kind, bytes] | None]) -> None:
        self._data = data
        self._base_of = base_of
        self._most, self._most_linking = (
            min(most, easy + factor * len(data))
            for most, easy, factor in zip((EXPANDED, LINKING), EASY, FACTOR, strict=True)
        )
        self._expanded = 0
        self._objects: dict[str, Packed] = {}
        self._wanted: dict[str, Kind] = {}
        self._linking = 0  # bytes of what refers to others
        self._on_start: dict[int, list[tuple[int, int]]] = {}  # start of a base -> (start, end) of differences
        self._on_name: dict[str, list[tuple[int, int]]] = {}

    def done(self) -> Pack:
        data = self._data
        if len(data) < HEADER + 20 or data[:4] != b"PACK":
            raise GitError("bad pack header")
        if int.from_bytes(data[4:8]) not in {2, 3}:
            raise GitError("unsupported pack version")
        count = int.from_bytes(data[8:12])
        if count > MOST_OBJECTS:
            raise GitError(f"the pack has {count} objects, more than {MOST_OBJECTS}")
        if hashlib.sha1(memoryview(data)[:-20], usedforsecurity=False).digest() != data[-20:]:
            raise GitError("pack is corrupted (SHA1 mismatch)")
        roots = self._walk(count)
        for start, end, sha, kind in roots:
            self._resolve((start, end), sha, kind, None)
        appended = self._complete()
        if self._on_start or self._on_name:
            left = sum(map(len, (*self._on_start.values(), *self._on_name.values())))
            raise GitError(f"pack has {left} unresolved deltas")
        return Pack(b"".join((data, *appended)) if appended else data, self._objects, self._wanted)

    def _walk(self, count: int) -> list[tuple[int, int, str, int]]:
        """Find where each entry ends. Gives those that are no differences, and that others may be differences to."""
        data, place, roots = self._data, HEADER, list[tuple[int, int, str, int]]()
        end = len(data) - 20
        for _ in range(count):
            if place >= end:
                raise GitError("early EOF")
            try:
                entry = Entry.at(data, place)
            except IndexError:
                raise GitError("early EOF") from None
            body, after = self._inflated(entry, end)
            if entry.kind == OFS:
                self._on_start.setdefault(entry.base_start, []).append((place, after))
            elif entry.kind == REF:
                self._on_name.setdefault(entry.base, []).append((place, after))
            else:
                sha = self._keep(KINDS[entry.kind], body, place, after)
                roots.append((place, after, sha, entry.kind))
            place = after
        if place != end:
            raise GitError("pack has junk at the end")
        return roots

    def _inflated(self, entry: Entry, end: int) -> tuple[bytes, int]:
        """An entry's body and where it ends. Never inflates more than the entry declares, nor that beyond the bounds."""
        self._grow(entry.size)
        inflate, place, parts, left = zlib.decompressobj(), entry.body, list[bytes](), entry.size
        view = memoryview(self._data)
        try:
            while not inflate.eof:
                chunk = view[place : min(place + _CHUNK, end)]
                if not chunk:
                    raise GitError("early EOF")
                part = inflate.decompress(chunk, left + 1)
                place += len(chunk) - len(inflate.unconsumed_tail) - len(inflate.unused_data)
                left -= len(part)
                if left < 0:
                    raise GitError("inflated object is longer than it says")
                parts.append(part)
        except zlib.error as error:
            raise GitError(f"inflate: {error}") from None
        if left:
            raise GitError("inflated object is shorter than it says")
        return b"".join(parts), place

    def _grow(self, size: int) -> None:
        if size > LARGEST:
            raise GitError(f"an object has {size} bytes, more than {LARGEST}")
        self._expanded += size
        if self._expanded > self._most:
            raise GitError(f"the pack's objects have more than {self._most} bytes")

    def _keep(self, kind: Kind, data: bytes, start: int, end: int) -> str:
        sha = digest(kind, data)
        if sha in self._objects:
            raise GitError(f"the same object {sha} appears twice in the pack")
        self._objects[sha] = Packed(start, end, NUMBERS[kind])
        if kind != "blob":
            self._linking += len(data)
            if self._linking <= self._most_linking:
                self._wanted.update(links(kind, data))
            if self._linking > self._most_linking or len(self._wanted) > MOST_WANTED:
                raise GitError("the pack's trees and commits are more than is taken")
        return sha

    def _resolve(self, at: tuple[int, int], sha: str, kind: int, content: bytes | None) -> None:
        """Make all differences to an object, and to those: depth first, so that only one branch's contents are held."""
        waiting = self._differences(at[0], sha)
        if not waiting:
            return
        if content is None:
            content = self._again(*at)
        stack = [(content, waiting)]
        while stack:
            base, differences = stack[-1]
            if not differences:
                stack.pop()
                continue
            if len(stack) > DEEPEST:
                raise GitError(f"deltas are more than {DEEPEST} deep")
            place, end = differences.pop()
            delta = self._again(place, end)
            self._grow(sizes(delta)[1])
            made = applied(base, delta)
            name = self._keep(KINDS[kind], made, place, end)
            below = self._differences(place, name)
            if below:
                stack.append((made, below))

    def _differences(self, start: int, sha: str) -> list[tuple[int, int]]:
        found = self._on_start.pop(start, [])
        if self._on_name:
            found += self._on_name.pop(sha, [])
        return found

    def _again(self, start: int, end: int) -> bytes:
        return zlib.decompress(memoryview(self._data)[Entry.at(self._data, start).body : end])

    def _complete(self) -> list[bytes]:
        """Resolve what is a difference to objects that were there before; gives their entries, to be appended."""
        appended: list[bytes] = []
        place = len(self._data)
        for sha in sorted(self._on_name):
            if sha not in self._on_name:
                continue
            base = self._base_of(sha)
            if base is None:
                continue
            kind, content = base
            self._grow(len(content))
            entry = whole_entry(kind, content)
            appended.append(entry)
            self._objects[sha] = Packed(place, place + len(entry), NUMBERS[kind])
            place += len(entry)
            self._resolve((-1, -1), sha, NUMBERS[kind], content)
        return appended
