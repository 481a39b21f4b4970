"""What became of files between two trees."""

from collections.abc import Iterator, Mapping

from dulwich.diff_tree import RenameDetector, tree_changes
from dulwich.objects import ShaFile, TreeEntry

from . import lines
from .parsing import NUMBERS
from .store import Objects
from .values import FOLDER, SUBMODULE, FileChange, GitError, Status

MOST = 20_000  # files
_MOST_RENAMES = 100  # files on each side that are compared with one another by what is in them
_STATUS: Mapping[str, Status] = {"add": "added", "delete": "removed", "modify": "modified", "rename": "renamed"}


class _Store:
    """The objects as the library asks for them."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def __getitem__(self, sha: bytes) -> ShaFile:
        found = self._objects.get(sha.decode())
        if found is None:
            raise KeyError(sha)
        return ShaFile.from_raw_string(NUMBERS[found[0]], found[1])


class Diffs:
    """Differences of the trees of one repository."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

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
                yield _STATUS[change.type], change.old, change.new
        except RecursionError:
            raise GitError("the trees nest too deep") from None

    def _change(self, status: Status, old: TreeEntry | None, new: TreeEntry | None, *, patches: bool) -> FileChange:
        before, after = self._content(old), self._content(new)
        added = deleted = 0
        patch: str | None = None
        big = max(len(before), len(after)) > lines.LARGEST
        if patches and not big and not lines.is_binary(before) and not lines.is_binary(after):
            a, b = before.splitlines(keepends=True), after.splitlines(keepends=True)
            blocks = lines.changed(a, b)
            deleted = sum(i2 - i1 for i1, i2, _, _ in blocks)
            added = sum(j2 - j1 for _, _, j1, j2 in blocks)
            patch = b"".join(lines.hunks(a, b, blocks)).decode("utf-8", "replace").removesuffix("\n")
        path, previous = _path(new or old), _path(old)
        return FileChange(
            status, path, previous if status == "renamed" else "", _sha(old), _sha(new), _mode(old), _mode(new),
            added, deleted, patch,
        )  # fmt: skip

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
