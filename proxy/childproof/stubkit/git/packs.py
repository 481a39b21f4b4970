"""Packs: many objects in one run of bytes, some as differences to others; read by an index, written entry by entry."""

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from dulwich.pack import apply_delta

from .parsing import KINDS, NUMBERS
from .values import GitError, Kind

LARGEST = 100 * 1024 * 1024  # bytes of one object
OFS, REF = 6, 7
HEADER = 12
_ROW = 29  # of the index: 20 bytes of name, offset, end, kind


@dataclass(slots=True)
class Packed:
    """An object in a pack's bytes: its entry from `start` to `end`."""

    start: int
    end: int
    kind: int  # of the object; what the entry is, it says itself


@dataclass(frozen=True, eq=False)
class Pack:
    """A pack that was taken apart once: `data` is its bytes, `objects` says where each is."""

    data: bytes
    objects: dict[str, Packed]
    wanted: dict[str, Kind] = field(default_factory=dict)  # what objects just received refer to

    @cached_property
    def name(self) -> str:
        """What it is kept under."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def _starts(self) -> dict[int, str]:
        return {packed.start: sha for sha, packed in self.objects.items()}

    def index(self) -> bytes:
        """Where its objects are, to be kept beside it."""
        return b"".join(
            bytes.fromhex(sha) + packed.start.to_bytes(4) + packed.end.to_bytes(4) + packed.kind.to_bytes(1)
            for sha, packed in self.objects.items()
        )

    def read(
        self,
        sha: str,
        spend: Callable[[int], None] = lambda _: None,
        known: Callable[[str], tuple[Kind, bytes] | None] = lambda _: None,
    ) -> tuple[Kind, bytes]:
        """An object of the pack. `spend` is told of bytes before they are made, and may raise; `known` are at hand."""
        chain: list[bytes] = []
        while True:
            held = known(sha)
            if held is not None:
                data = held[1]
                break
            packed = self.objects[sha]
            entry = Entry.at(self.data, packed.start)
            spend(entry.size)
            data = zlib.decompress(memoryview(self.data)[entry.body : packed.end])
            if entry.kind in KINDS:
                break
            chain.append(data)
            sha = entry.base if entry.kind == REF else self._starts[entry.base_start]
        for delta in reversed(chain):
            spend(sizes(delta)[1])
            data = applied(data, delta)
        return KINDS[self.objects[sha].kind], data

    def entry(self, sha: str) -> tuple[bytes, str]:
        """An object's entry as another pack can have it, and the id of the base that it needs there, "" for none."""
        packed = self.objects[sha]
        entry = Entry.at(self.data, packed.start)
        if entry.kind in KINDS:
            return self.data[packed.start : packed.end], ""
        base = entry.base if entry.kind == REF else self._starts[entry.base_start]
        body = self.data[entry.body : packed.end]
        return _head(REF, entry.size) + bytes.fromhex(base) + body, base

    def size(self, sha: str) -> int:
        """How long an object is."""
        packed = self.objects[sha]
        entry = Entry.at(self.data, packed.start)
        if entry.kind in KINDS:
            return entry.size
        head = zlib.decompressobj().decompress(memoryview(self.data)[entry.body : packed.end], 32)
        return sizes(head)[1]


def opened(data: bytes, index: bytes) -> Pack:
    """A pack that was kept, by its index."""
    objects = {}
    for place in range(0, len(index), _ROW):
        row = index[place : place + _ROW]
        objects[row[:20].hex()] = Packed(int.from_bytes(row[20:24]), int.from_bytes(row[24:28]), row[28])
    return Pack(data, objects)


def packed(entries: Iterator[bytes] | list[bytes]) -> bytes:
    """A pack of entries."""
    found = list(entries)
    head = b"PACK" + (2).to_bytes(4) + len(found).to_bytes(4)
    whole = b"".join((head, *found))
    return whole + hashlib.sha1(whole, usedforsecurity=False).digest()


def whole_entry(kind: Kind, data: bytes) -> bytes:
    """An object's entry in a pack, as a whole."""
    return _head(NUMBERS[kind], len(data)) + zlib.compress(data, 1)


@dataclass(slots=True)
class Entry:
    """The head of an entry: what it is, how long its inflated body is, and where that begins."""

    kind: int
    size: int
    body: int
    base: str = ""
    base_start: int = -1

    @classmethod
    def at(cls, data: bytes, start: int) -> "Entry":
        """Read one. Raises GitError, IndexError beyond the end."""
        place = start
        byte = data[place]
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & 0x80:
            place += 1
            byte = data[place]
            size |= (byte & 0x7F) << shift
            shift += 7
            if shift > 60:
                raise GitError("bad object header")
        place += 1
        if kind == REF:
            return cls(kind, size, place + 20, base=data[place : place + 20].hex())
        if kind == OFS:
            byte = data[place]
            back = byte & 0x7F
            while byte & 0x80:
                place += 1
                byte = data[place]
                back = (back + 1) << 7 | byte & 0x7F
                if back > len(data):
                    raise GitError("delta base offset out of bound")
            if not 0 < back <= start - HEADER:
                raise GitError("delta base offset is out of bound")
            return cls(kind, size, place + 1, base_start=start - back)
        if kind not in KINDS:
            raise GitError(f"unknown object type {kind}")
        return cls(kind, size, place)


def applied(base: bytes, delta: bytes) -> bytes:
    """What a delta makes of its base. Raises GitError."""
    expected, size = sizes(delta)
    if expected != len(base):
        raise GitError("delta base size does not match")
    if size > LARGEST:
        raise GitError(f"an object has {size} bytes, more than {LARGEST}")
    try:
        made = b"".join(apply_delta(base, delta))
    except Exception as error:  # noqa: BLE001 - whatever the library raises about hostile bytes
        raise GitError(f"failed to apply delta: {error}") from None
    if len(made) != size:
        raise GitError("failed to apply delta")
    return made


def sizes(delta: bytes) -> tuple[int, int]:
    """How long a delta's base and its result are."""
    found, place = [], 0
    for _ in range(2):
        size = shift = 0
        while True:
            if place >= len(delta) or shift > 60:
                raise GitError("bad delta")
            byte = delta[place]
            place += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        found.append(size)
    return found[0], found[1]


def _head(kind: int, size: int) -> bytes:
    byte, size, out = kind << 4 | size & 15, size >> 4, bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)
