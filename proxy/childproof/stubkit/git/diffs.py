"""What became of files between two trees."""

from collections.abc import Iterator, Mapping

from dulwich.diff_tree import RenameDetector, tree_changes
from dulwich.objects import ShaFile, TreeEntry

from . import lines
from .parsing import NUMBERS
from .store import Objects
from .values import FOLDER, SUBMODULE, FileChange, GitError, Status

MOST = 10_000  # files
_MOST_RENAMES = 32  # files on each side that are compared with one another by what is in them
_LOOKED_AT = 8 * 1024  # bytes of each that are
_LOOK = 1024  # bytes that an object counts for besides its own: looking at it costs, too
_LINE = 16  # likewise of a line
_TREES = 16 * 1024 * 1024  # bytes of trees that are compared; each as often as it is met
TEXTS = 8 * 1024 * 1024  # bytes of files whose lines are compared; what comes then has no patch, like a binary file
_NO_FILE = frozenset({FOLDER, SUBMODULE})
_STATUS: Mapping[str, Status] = {
    "add": "added",
    "delete": "removed",
    "modify": "modified",
    "rename": "renamed",
    "copy": "added",
}


class _Store:
    """The objects as the library asks for them: trees up to some number of bytes, the beginnings of files."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._left = _TREES
        self._files: dict[bytes, ShaFile] = {}

    def __getitem__(self, sha: bytes) -> ShaFile:
        known = self._files.get(sha)
        if known is not None:
            return known
        found = self._objects.get(sha.decode())
        if found is None:
            raise KeyError(sha)
        kind, data = found
        if kind != "blob":
            self._left -= len(data) + _LOOK  # trees of trees of nothing are without end, too
            if self._left < 0:
                raise GitError("the trees are more than can be compared")
            return ShaFile.from_raw_string(NUMBERS[kind], data)
        made = self._files[sha] = ShaFile.from_raw_string(NUMBERS[kind], data[:_LOOKED_AT])
        return made


class Diffs:
    """Differences of the trees of one repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._work = lines.Work()
        self._texts = TEXTS

    def between(
        self, old: str | None, new: str | None, *, patches: bool = True, renames: bool = True
    ) -> list[FileChange]:
        """The files that differ between two trees (None: an empty one), by path. Raises GitError beyond bounds.

        Without `patches`, lines are neither compared nor counted.
        """
        return [self._change(*pair, patches=patches) for pair in self.pairs(old, new, renames=renames)]

    def pairs(
        self, old: str | None, new: str | None, *, renames: bool = True
    ) -> Iterator[tuple[Status, TreeEntry | None, TreeEntry | None]]:
        """The two sides of each file that differs."""
        store = _Store(self._objects)
        detector = RenameDetector(store, max_files=_MOST_RENAMES) if renames else None  # type: ignore[arg-type] # of a store, it asks for objects alone
        try:
            changes = tree_changes(
                store,  # type: ignore[arg-type] # as above
                None if old is None else old.encode(),  # type: ignore[arg-type] # a new type of bytes
                None if new is None else new.encode(),  # type: ignore[arg-type] # likewise
                rename_detector=detector,
            )
            for count, change in enumerate(changes):
                if count >= MOST:
                    raise GitError(f"more than {MOST} files differ")
                # Besides a rename of the same file, a copy: what git tells of as added, unless it is asked for copies.
                yield _STATUS[change.type], change.old if change.type != "copy" else None, change.new
        except RecursionError:
            raise GitError("the trees nest too deep") from None

    def _change(self, status: Status, old: TreeEntry | None, new: TreeEntry | None, *, patches: bool) -> FileChange:
        added = deleted = 0
        patch: str | None = None
        sides = (self._content(old), self._content(new)) if patches and self._few(old, new) else None
        if sides is not None and not any(map(lines.is_binary, sides)):
            a, b = (side.splitlines(keepends=True) for side in sides)
            self._texts -= _LINE * (len(a) + len(b))
            blocks = lines.changed(a, b, self._work)
            deleted = sum(i2 - i1 for i1, i2, _, _ in blocks)
            added = sum(j2 - j1 for _, _, j1, j2 in blocks)
            patch = b"".join(lines.hunks(a, b, blocks)).decode("utf-8", "replace").removesuffix("\n")
        path, previous = _path(new or old), _path(old)
        return FileChange(
            status, path, previous if status == "renamed" else "", _sha(old), _sha(new), _mode(old), _mode(new),
            added, deleted, patch,
        )  # fmt: skip

    def _few(self, *entries: TreeEntry | None) -> bool:
        """Whether files are short enough to be looked into, after all that were before them."""
        files = [
            entry.sha.decode() for entry in entries if entry is not None and entry.sha and entry.mode not in _NO_FILE
        ]
        sizes = [self._objects.size(sha) for sha in files]
        cost = sum(sizes) + _LOOK
        if max(sizes, default=0) > lines.LARGEST or cost > self._texts:
            return False
        self._texts -= cost
        return True

    def _content(self, entry: TreeEntry | None) -> bytes:
        if entry is None or not entry.sha:
            return b""
        if entry.mode == SUBMODULE:
            return b"Subproject commit " + entry.sha + b"\n"
        if entry.mode == FOLDER:
            return b""
        return self._objects.read(entry.sha.decode(), "blob")


def unified(changes: list[FileChange]) -> str:
    """The differences as `git diff` prints them."""
    return "".join(_printed(change) for change in changes)


def _printed(change: FileChange) -> str:
    old, new = change.previous or change.path, change.path
    head = [f"diff --git a/{old} b/{new}"]
    if change.status == "added":
        head.append(f"new file mode {change.new_mode:06o}")
    elif change.status == "removed":
        head.append(f"deleted file mode {change.old_mode:06o}")
    elif change.old_mode != change.new_mode:
        head += [f"old mode {change.old_mode:06o}", f"new mode {change.new_mode:06o}"]
    if change.status == "renamed":
        head += [
            f"similarity index {100 if change.old == change.new else 90}%",
            f"rename from {old}",
            f"rename to {new}",
        ]
    if change.old != change.new:
        mode = f" {change.new_mode:06o}" if change.status == "modified" and change.old_mode == change.new_mode else ""
        head.append(f"index {(change.old or '0' * 7)[:7]}..{(change.new or '0' * 7)[:7]}{mode}")
        before = "/dev/null" if change.status == "added" else f"a/{old}"
        after = "/dev/null" if change.status == "removed" else f"b/{new}"
        if change.patch is None:
            head.append(f"Binary files {before} and {after} differ")
        elif change.patch:
            head += [f"--- {before}", f"+++ {after}", change.patch]
    return "\n".join(head) + "\n"


def _path(entry: TreeEntry | None) -> str:
    return entry.path.decode("utf-8", "surrogateescape") if entry is not None and entry.path else ""


def _sha(entry: TreeEntry | None) -> str:
    return entry.sha.decode() if entry is not None and entry.sha else ""


def _mode(entry: TreeEntry | None) -> int:
    return entry.mode or 0 if entry is not None else 0
