"""Folders as git keeps them: looked into by path, read whole, changed file by file."""

from collections.abc import Iterator, Mapping

from .parsing import read_tree, write_tree
from .store import Objects, Recent
from .values import EMPTY_TREE, FOLDER, Entry, GitError

DEEPEST = 200  # folders within folders
MOST = 100_000  # files of one tree that is read whole
_FOLDERS = 4  # what a folder counts for: it is read, and may have nothing in it
LONGEST = 4096  # bytes of a folder's path
_read: Recent[list[Entry]] = Recent(16 * 1024 * 1024)  # trees by id, which are the same in every world
_EACH = 250  # bytes of an entry


class Trees:
    """The trees of a repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def read(self, sha: str) -> list[Entry]:
        """The lines of one tree. Raises GitError where there is none."""
        data = self._objects.read(sha, "tree")
        found = _read.get(sha)
        if found is None:
            found = read_tree(data)
            _read.put(sha, found, _EACH * (len(found) + 1))
        return found.copy()

    def find(self, tree: str, path: str) -> Entry | None:
        """What is at a path; the tree itself for "". None where there is nothing."""
        found = Entry("", FOLDER, tree)
        for name in filter(None, path.split("/")):
            if found.mode != FOLDER:
                return None
            below = next((entry for entry in self.read(found.sha) if entry.path == name), None)
            if below is None:
                return None
            found = below
        return Entry(path.strip("/"), found.mode, found.sha)

    def walk(self, tree: str, prefix: str = "", *, folders: bool = False) -> Iterator[Entry]:
        """Everything below a tree, by whole path; `folders` too, each before what is in it. Raises GitError beyond bounds."""
        stack = [iter(self._below(tree, prefix))]
        count = 0
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                continue
            count += 1 if entry.mode != FOLDER else _FOLDERS
            if count > MOST or len(stack) > DEEPEST:
                raise GitError("the tree has more files than can be read")
            if entry.mode == FOLDER:
                if len(entry.path) > LONGEST:
                    raise GitError("the tree has a path that is too long")
                if folders:
                    yield entry
                stack.append(iter(self._below(entry.sha, f"{entry.path}/")))
            else:
                yield entry

    def changed(self, tree: str, changes: Mapping[str, Entry | None]) -> str:
        """The tree with other things at some paths (None: nothing), made and kept. Gives its id; empty folders go.

        Only the folders on the way are read. Raises GitError for a path that can't be.
        """
        direct, split = _split(changes)
        known = {entry.path: entry for entry in self.read(tree)}
        here = {(entry.sha, entry.kind) for entry in known.values()}
        for name, below in split.items():
            there = known.get(name)
            base = there.sha if there is not None and there.mode == FOLDER else EMPTY_TREE
            if direct.get(name) is not None:  # a file takes the folder's place
                if any(entry is not None for entry in below.values()):
                    raise GitError(f"{name[:200]!r} can't be a file and a folder")
                continue
            made = self.changed(base, below)
            if made != EMPTY_TREE:
                known[name] = Entry(name, FOLDER, made)
            elif there is not None and there.mode == FOLDER:
                del known[name]
        for name, entry in direct.items():
            if entry is not None:
                known[name] = Entry(name, entry.mode, entry.sha)
            elif name not in split:
                known.pop(name, None)
        return self._objects.add("tree", write_tree(known.values()), here)

    def _below(self, sha: str, prefix: str) -> list[Entry]:
        return [Entry(prefix + entry.path, entry.mode, entry.sha) for entry in self.read(sha)]


def _split(changes: Mapping[str, Entry | None]) -> tuple[dict[str, Entry | None], dict[str, dict[str, Entry | None]]]:
    """Changes of a folder itself, and by folder those below it. Raises GitError for a path that can't be."""
    direct: dict[str, Entry | None] = {}
    split: dict[str, dict[str, Entry | None]] = {}
    for path, entry in changes.items():
        name, _, rest = path.partition("/")
        if not name or name in {".", ".."} or name.lower() == ".git" or "\0" in path or path.count("/") > DEEPEST:
            raise GitError(f"the path {path[:200]!r} can't be")
        if rest or path.endswith("/"):
            split.setdefault(name, {})[rest] = entry
        else:
            direct[name] = entry
    return direct, split
