"""What can be told of files without reading them: enough to see that one was changed, replaced, added or taken away."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# By path: the file's own time (ns), size, number and device, links followed; None for what isn't there.
Footprint = dict[str, tuple[int, int, int, int] | None]
DEEPEST = 8  # folders in folders; links may lead in circles
MOST = 20_000  # files of one folder that are looked at
_PASSED_OVER = frozenset(("__pycache__", "node_modules"))


def footprint(places: Iterable[Path]) -> Footprint:
    """Of each file, and of all files below each folder. Never raises: what can't be looked at is as if it weren't there.

    Names that begin with a dot are passed over: editors' files, and the folders behind the links of a mounted ConfigMap,
    whose files are found by their links.
    """
    found: Footprint = {}
    for place in places:
        name = str(place)
        found[name] = _mark(name)
        if os.path.isdir(name):  # noqa: PTH112 (looked at every second: no objects for it)
            for file in _below(name, DEEPEST):
                if len(found) >= MOST:
                    break
                found[file] = _mark(file)
    return found


def differ(one: Footprint, other: Footprint) -> bool:
    """Whether there is a file that isn't the same in both; one that is in neither place is."""
    return any(one.get(name) != other.get(name) for name in one.keys() | other.keys())


def _mark(file: str) -> tuple[int, int, int, int] | None:
    try:
        seen = os.stat(file)  # noqa: PTH116 (as above)
    except OSError:
        return None
    if stat.S_ISDIR(seen.st_mode):
        return 0, 0, 0, 0  # its files count, not that somebody's cache is written into it
    return seen.st_mtime_ns, seen.st_size, seen.st_ino, seen.st_dev


def _below(folder: str, deep: int) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        if entry.name.startswith(".") or entry.name in _PASSED_OVER:
            continue
        try:
            inner = entry.is_dir()
        except OSError:
            continue
        if not inner:
            yield entry.path
        elif deep > 1:
            yield from _below(entry.path, deep - 1)
