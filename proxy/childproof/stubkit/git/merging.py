"""Merging trees: what both sides changed since their common base, file by file, put together or told to conflict."""

from . import lines
from .diffs import TEXTS, Diffs
from .store import Objects
from .trees import Trees
from .values import FOLDER, SUBMODULE, Conflict, Entry


class Merging:
    """Merges within one repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._trees = Trees(objects)
        self._diffs = Diffs(objects)
        self._work = lines.Work()
        self._texts = TEXTS

    def trees(self, base: str, ours: str, theirs: str) -> str:
        """The tree that has the changes of both sides; kept, and its id given. Raises Conflict, naming the files."""
        if theirs in {ours, base}:
            return ours
        if base == ours:
            return theirs
        (left, _), (right, was) = self._sides(base, ours), self._sides(base, theirs)
        changes: dict[str, Entry | None] = {}
        wrong: list[str] = []
        for path, entry in right.items():
            if path not in left:
                changes[path] = entry
            elif left[path] != entry:
                try:
                    changes[path] = self._both(path, was.get(path), left[path], entry)
                except Conflict:
                    wrong.append(path)
        wrong += self._in_the_way(left, {path for path, entry in changes.items() if entry is not None})
        if wrong:
            raise Conflict(tuple(sorted(set(wrong))))
        return self._trees.changed(ours, changes)

    def _sides(self, base: str, side: str) -> tuple[dict[str, Entry | None], dict[str, Entry]]:
        """What one side has at each path that it changed, and what the base had there."""
        found: dict[str, Entry | None] = {}
        was: dict[str, Entry] = {}
        for _, old, new in self._diffs.pairs(base, side, renames=False):
            for entry, there in ((old, False), (new, True)):
                if entry is not None and entry.path is not None and entry.sha is not None and entry.mode is not None:
                    path = entry.path.decode("utf-8", "surrogateescape")
                    one = Entry(path, entry.mode, entry.sha.decode())
                    found[path] = one if there else None
                    if not there:
                        was[path] = one
        return found, was

    def _both(self, path: str, base: Entry | None, ours: Entry | None, theirs: Entry | None) -> Entry:
        if ours is None or theirs is None or {FOLDER, SUBMODULE} & {ours.mode, theirs.mode}:
            raise Conflict((path,))
        was = base if base is not None and base.kind == "blob" else None
        mode = theirs.mode if was is not None and ours.mode == was.mode else ours.mode
        if mode != theirs.mode and (was is None or theirs.mode != was.mode):
            raise Conflict((path,))
        if ours.sha == theirs.sha:
            return Entry(path, mode, ours.sha)
        if was is None:
            raise Conflict((path,))
        sides = (was, ours, theirs)
        sizes = [self._objects.size(entry.sha) for entry in sides]
        self._texts -= sum(sizes)
        if max(sizes) > lines.LARGEST or self._texts < 0:  # left to people, as what can't be put together
            raise Conflict((path,))
        old, one, other = (self._objects.read(entry.sha, "blob") for entry in sides)
        made = lines.merged(old, one, other, self._work)
        if made is None:
            raise Conflict((path,))
        return Entry(path, mode, self._objects.add("blob", made))

    @staticmethod
    def _in_the_way(left: dict[str, Entry | None], coming: set[str]) -> list[str]:
        """Paths that would be a file on one side and a folder on the other."""
        kept = {path for path, entry in left.items() if entry is not None}
        folders = {above for path in kept for above in _above(path)}
        return [path for path in coming if path in folders or any(above in kept for above in _above(path))]


def _above(path: str) -> list[str]:
    """The folders that a path is in."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
