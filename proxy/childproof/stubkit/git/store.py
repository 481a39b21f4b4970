"""The objects of a repository, as the world keeps them.

A pack is two rows under its hash (bytes, index), shared by all that have it, and one small row that says that a
repository has it; an object that the stub writes by itself is a row of its own. So a fork of the world costs nothing,
and what is undone leaves nothing. What was read is remembered by its hash, which is true in every world.
"""

import base64
import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from childproof.world.transaction import Transaction

from .packs import LARGEST, Pack, opened, whole_entry
from .parsing import KINDS, NUMBERS, digest, links
from .values import EMPTY_TREE, GitError, Kind

SERVICE = "_git"
_PACK, _INDEX, _HELD = "pack", "index", "held"


class Recent[Value]:
    """What was used last, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._held: OrderedDict[str, tuple[Value, int]] = OrderedDict()

    def get(self, name: str) -> Value | None:
        """What is held under a name; None where that is nothing."""
        held = self._held.get(name)
        if held is None:
            return None
        self._held.move_to_end(name)
        return held[0]

    def put(self, name: str, value: Value, size: int) -> None:
        """Hold something that takes so many bytes, and let go of what wasn't used for the longest time."""
        if size > self._most or name in self._held:
            return
        self._held[name] = (value, size)
        self._size += size
        while self._size > self._most:
            self._size -= self._held.popitem(last=False)[1][1]


_packs: Recent[Pack] = Recent(48 * 1024 * 1024)
_objects: Recent[tuple[Kind, bytes]] = Recent(16 * 1024 * 1024)
_SMALL = 256 * 1024  # bytes of an object that is remembered
MOST_READ = 512 * 1024 * 1024  # bytes that one use of a repository unpacks, those of what objects differ from included


class Objects:
    """All objects of one repository, in one transaction. `add` and `keep` write; everything else reads."""

    def __init__(self, tx: Transaction, service: str, repository: str) -> None:
        self._tx = tx
        self._place = f"{service} {repository}"
        self._left = MOST_READ

    def __contains__(self, sha: str) -> bool:
        return self._pack_of(sha) is not None or self._loose(sha) is not None or sha == EMPTY_TREE

    def get(self, sha: str) -> tuple[Kind, bytes] | None:
        """An object; None where the repository hasn't it."""
        pack = self._pack_of(sha)
        loose = self._loose(sha) if pack is None else None
        if pack is None and loose is None:
            return ("tree", b"") if sha == EMPTY_TREE else None
        known = _objects.get(sha)
        if known is not None:
            return known
        if pack is not None:
            found = pack.read(sha, self._spend, _objects.get)
        else:
            assert loose is not None
            found = (KINDS[loose["kind"]], zlib.decompress(base64.b64decode(loose["data"])))
        if len(found[1]) <= _SMALL:
            _objects.put(sha, found, len(found[1]) + 200)
        return found

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise GitError("the objects are more than can be read at a time")

    def read(self, sha: str, kind: Kind) -> bytes:
        """An object's bytes. Raises GitError where there is no such object of that kind."""
        found = self.get(sha)
        if found is None or found[0] != kind:
            raise GitError(f"no {kind} {sha[:60]}")
        return found[1]

    def kind(self, sha: str) -> Kind | None:
        """What an object is; None where the repository hasn't it."""
        pack = self._pack_of(sha)
        if pack is not None:
            return KINDS[pack.objects[sha].kind]
        loose = self._loose(sha)
        return KINDS[loose["kind"]] if loose is not None else "tree" if sha == EMPTY_TREE else None

    def size(self, sha: str) -> int:
        """How many bytes an object has."""
        pack = self._pack_of(sha)
        found = None if pack is not None else self._loose(sha)
        return pack.size(sha) if pack is not None else found["size"] if found is not None else 0

    def add(self, kind: Kind, data: bytes, here: Collection[tuple[str, Kind]] = frozenset()) -> str:
        """Keep an object; gives its id. Raises GitError for one that is malformed, or refers to what isn't there.

        `here` is what needn't be looked for, since a tree of the repository has it: ids, and what they are.
        """
        if len(data) > LARGEST:
            raise GitError(f"an object has {len(data)} bytes, more than {LARGEST}")
        sha = digest(kind, data)
        if sha in self:
            return sha
        for wanted, is_ in links(kind, data):
            if (wanted, is_) not in here and self.kind(wanted) != is_:
                raise GitError(f"{kind} refers to {is_} {wanted}, which isn't there")
        row = {"kind": NUMBERS[kind], "size": len(data), "data": base64.b64encode(zlib.compress(data)).decode()}
        self._put(sha, row)
        if len(data) <= _SMALL:
            _objects.put(sha, (kind, data), len(data) + 200)
        return sha

    def connected(self, pack: Pack) -> None:
        """Raises GitError where a pack's objects refer to what is neither in it nor here."""
        for wanted, kind in pack.wanted.items():
            held = pack.objects.get(wanted)
            if (KINDS[held.kind] if held is not None else self.kind(wanted)) != kind:
                raise GitError(f"missing necessary objects: {kind} {wanted}")

    def keep(self, pack: Pack) -> None:
        """Keep a pack that is connected."""
        name = pack.name
        if any(known.name == name for known in self.packs):
            return
        if self._tx.get(SERVICE, _INDEX, name) is None:
            self._tx.put(SERVICE, _PACK, name, {"data": base64.b64encode(pack.data).decode()})
            self._tx.put(SERVICE, _INDEX, name, {"data": base64.b64encode(pack.index()).decode()})
        self._tx.put(SERVICE, f"packs {self._place}", name, {"sha256": name})
        _packs.put(name, pack, len(pack.data) + 300 * len(pack.objects))
        self.packs.append(pack)

    @contextmanager
    def with_(self, pack: Pack | None) -> Iterator[None]:
        """Read within it as if a pack were kept."""
        if pack is None:
            yield
            return
        self.packs.append(pack)
        try:
            yield
        finally:
            self.packs.remove(pack)

    def adopt(self, other: "Objects") -> None:
        """Have all objects that another repository has: without a copy of what is in packs."""
        for pack in other.packs:
            self.keep(pack)
        for sha in other.loose():
            row = other._loose(sha)  # noqa: SLF001 - of the same class
            if row is not None and sha not in self:
                self._put(sha, row)

    def beginning(self, start: str) -> Iterator[str]:
        """The ids that begin so."""
        for pack in self.packs:
            yield from (sha for sha in pack.objects if sha.startswith(start))
        yield from (sha for sha in self.loose() if sha.startswith(start))

    def bytes_held(self) -> int:
        """How many bytes the objects take as they are kept."""
        return sum(len(pack.data) for pack in self.packs) + self._loose_bytes()

    def _loose_bytes(self) -> int:
        held = self._tx.get(SERVICE, _HELD, self._place)
        return 0 if held is None else int(held["bytes"])

    def _put(self, sha: str, row: dict[str, Any]) -> None:
        """Keep an object as a row of its own; how many bytes those take is counted on the way."""
        self._tx.put(SERVICE, f"objects {self._place}", sha, row)
        self._tx.put(SERVICE, _HELD, self._place, {"bytes": self._loose_bytes() + len(row["data"]) * 3 // 4})

    def entry(self, sha: str, sent: set[str]) -> bytes:
        """An object as an entry of a pack in which `sent` is, too."""
        pack = self._pack_of(sha)
        if pack is not None:
            entry, base = pack.entry(sha)
            # A base of another pack could be a difference to this one.
            if not base or (base in sent and self._pack_of(base) is pack):
                return entry
        kind, data = self.get(sha) or ("tree", b"")
        return whole_entry(kind, data)

    def loose(self) -> Iterator[str]:
        """The ids of objects that are rows of their own."""
        for sha, _ in self._tx.items(SERVICE, f"objects {self._place}", newest_first=False):
            yield sha

    @cached_property
    def packs(self) -> list[Pack]:
        """The packs, in the order in which they came."""
        rows = self._tx.list(SERVICE, f"packs {self._place}", newest_first=False)
        return [self._opened(row["sha256"]) for row in rows]

    def _opened(self, name: str) -> Pack:
        known = _packs.get(name)
        if known is not None:
            return known
        data, index = self._tx.get(SERVICE, _PACK, name), self._tx.get(SERVICE, _INDEX, name)
        if data is None or index is None:
            raise GitError(f"the world has lost the pack {name}")
        pack = opened(base64.b64decode(data["data"]), base64.b64decode(index["data"]))
        pack.__dict__["name"] = name
        _packs.put(name, pack, len(pack.data) + 300 * len(pack.objects))
        return pack

    def _pack_of(self, sha: str) -> Pack | None:
        return next((pack for pack in self.packs if sha in pack.objects), None)

    def _loose(self, sha: str) -> dict[str, Any] | None:
        return self._tx.get(SERVICE, f"objects {self._place}", sha)
