"""Objects from their bytes and back, and what they refer to. Strict about what matters, tolerant of old odd commits."""

import hashlib
import re
from collections.abc import Iterable

from dulwich.objects import ObjectID, parse_tree, sorted_tree_items

from .values import EXECUTABLE, FILE, FOLDER, MODES, SUBMODULE, Commit, Entry, GitError, Identity, Kind, Tag

NUMBERS: dict[Kind, int] = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}  # as packs have them
KINDS: dict[int, Kind] = {number: kind for kind, number in NUMBERS.items()}
_HEX = re.compile(rb"[0-9a-f]{40}")
_WHO = re.compile(rb"([^<]*)<([^>]*)>[^0-9-]*(-?\d+)? ?([+-]\d{4})?")
_MOST_TIME = 253_402_300_799  # the last second of 9999
_MOST_PARENTS = 1000
_LONGEST_LINE = 1000  # of who wrote something
_LARGEST_HEAD = 1024 * 1024  # bytes of a commit or a tag
_LONGEST_NAME = 4096  # bytes of a tree's line, as `git fsck` has it
_NOT_NAMED = re.compile(rb"(?i)(?:^|/)(?:|\.git|git~1|\.|\.\.)(?:/|\Z)")  # among names with slashes between
# What stands in a head in any case, in git's order; the rest may be anything.
_COMMIT = re.compile(rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author (.*)\ncommitter (.*)")
_TAG = re.compile(rb"object ([0-9a-f]{40})\ntype (commit|tree|blob|tag)\ntag (.*)(?:\ntagger (.*))?")
_ENCODING = re.compile(rb"\nencoding (.*)")
_SIGNATURE = re.compile(rb"\ngpgsig (.*(?:\n .*)*)")
_PARENT = 48  # bytes of a parent's line


def digest(kind: Kind, data: bytes) -> str:
    """The id of an object."""
    return hashlib.sha1(b"%b %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()


def is_sha(text: str) -> bool:
    """Whether a text is an object's id in full."""
    return len(text) == 40 and _HEX.fullmatch(text.encode(errors="replace")) is not None


def read_tree(data: bytes) -> list[Entry]:
    """The lines of a tree. Raises GitError."""
    try:
        return [
            Entry(name.decode("utf-8", "surrogateescape"), FILE if mode == 0o100664 else mode, sha.decode())
            for name, mode, sha in parse_tree(data, 20, strict=False)
        ]
    except Exception as error:  # noqa: BLE001 - whatever the parser raises about hostile bytes
        raise GitError(f"bad tree: {error}") from None


def write_tree(entries: Iterable[Entry]) -> bytes:
    """A tree's bytes, its lines in git's order."""
    lines: dict[bytes, tuple[int, ObjectID]] = {
        entry.path.encode("utf-8", "surrogateescape"): (entry.mode, ObjectID(entry.sha.encode())) for entry in entries
    }
    return b"".join(
        b"%o %b\0%b" % (mode, name, bytes.fromhex(sha.decode()))
        for name, mode, sha in sorted_tree_items(lines, name_order=False)
    )


def read_commit(sha: str, data: bytes) -> Commit:
    """A commit. Raises GitError."""
    found, message = _commit(data)
    rest = data[found.end() : len(data) - len(message)]
    encoding, signature = _ENCODING.search(rest), _SIGNATURE.search(rest)
    return Commit(
        sha, found[1].decode(), _parents(found), identity(found[3]), identity(found[4]),
        _text(message, encoding[1].decode("ascii", "replace") if encoding is not None else "utf-8"),
        signature[1].replace(b"\n ", b"\n").decode("utf-8", "replace") if signature is not None else "",
    )  # fmt: skip


def write_commit(  # noqa: PLR0917 - what a commit is made of
    tree: str, parents: Iterable[str], author: Identity, committer: Identity, message: str, signature: str = ""
) -> bytes:
    """A commit's bytes. The message is taken as it is."""
    lines = [f"tree {tree}".encode(), *(f"parent {parent}".encode() for parent in parents)]
    lines += [b"author " + author.line(), b"committer " + committer.line()]
    if signature:
        lines.append(b"gpgsig " + signature.rstrip("\n").replace("\n", "\n ").encode())
    return b"\n".join(lines) + b"\n\n" + message.encode("utf-8", "surrogateescape")


def read_tag(sha: str, data: bytes) -> Tag:
    """An annotated tag. Raises GitError."""
    head, _, message = data.partition(b"\n\n")
    found = _TAG.match(head)
    if found is None:
        raise GitError("bad tag: expected an object, its type, and a name")
    named, who = found[3].decode("utf-8", "replace"), identity(found[4] or b"")
    kind: Kind = found[2].decode()  # type: ignore[assignment] # one of those, says the pattern
    return Tag(sha, found[1].decode(), kind, named, who, _text(message, "utf-8"))


def write_tag(target: str, kind: Kind, name: str, tagger: Identity, message: str) -> bytes:
    """An annotated tag's bytes."""
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger ".encode()
    return head + tagger.line() + b"\n\n" + message.encode()


def links(kind: Kind, data: bytes) -> list[tuple[str, Kind]]:
    """What an object refers to, each with what it has to be. Checks the object as `git fsck` does. Raises GitError."""
    if kind in {"commit", "tag"} and len(data) > _LARGEST_HEAD:
        raise GitError(f"bad {kind}: it has {len(data)} bytes, more than {_LARGEST_HEAD}")
    match kind:
        case "blob":
            return []
        case "tree":
            return _tree_links(data)
        case "commit":
            found, _ = _commit(data)
            return [(found[1].decode(), "tree"), *((parent, "commit") for parent in _parents(found))]
        case "tag":
            tag = read_tag("", data)
            return [(tag.object, tag.kind)]


def _tree_links(data: bytes) -> list[tuple[str, Kind]]:
    """What the lines of a tree refer to. They are looked at all at once: there may be a million."""
    try:
        lines = parse_tree(data, 20, strict=False)
    except Exception as error:  # noqa: BLE001 - as in `read_tree`
        raise GitError(f"bad tree: {error}") from None
    if not lines:
        return []
    for mode in {mode for _, mode, _ in lines} - MODES:
        raise GitError(f"bad tree: mode {mode:o}")
    names = [name for name, _, _ in lines]
    joined = b"/".join(names)
    wrong = _NOT_NAMED.search(joined)
    if wrong is not None or joined.count(b"/") >= len(names) or max(map(len, names)) > _LONGEST_NAME:
        told = (
            wrong[0].strip(b"/") if wrong is not None else next((name for name in names if b"/" in name), b"too long")
        )
        raise GitError(f"bad tree: the name {told[:80].decode('utf-8', 'replace')!r}")
    keys = [name + b"/" if mode == FOLDER else name for name, mode, _ in lines]
    if keys != sorted(keys) or len(set(names)) < len(names):
        raise GitError("bad tree: not sorted, or a name twice")
    found = dict.fromkeys((sha, mode == FOLDER) for _, mode, sha in lines if mode != SUBMODULE)
    return [(sha.decode(), "tree" if folder else "blob") for sha, folder in found]


def identity(line: bytes) -> Identity:
    """Who a line of a commit tells of. What can't be read is empty, or the epoch."""
    found = _WHO.match(line[:_LONGEST_LINE])
    if found is None:
        return Identity(line[:_LONGEST_LINE].decode("utf-8", "replace"), "", 0)
    zone = int(found[4] or b"0")
    offset = (abs(zone) // 100 * 60 + abs(zone) % 100) * (-1 if zone < 0 else 1)
    time = int(found[3][:20]) if found[3] else 0
    return Identity(
        found[1].decode("utf-8", "replace").strip(),
        found[2].decode("utf-8", "replace"),
        time if 0 <= time <= _MOST_TIME else 0,
        offset if abs(offset) < 24 * 60 else 0,
    )


def mode_named(text: str) -> int:
    """A tree entry's mode as its six octal digits. Raises GitError."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = 0
    if mode not in MODES or mode not in {FILE, EXECUTABLE, FOLDER, SUBMODULE, 0o120000}:
        raise GitError(f"bad mode {text[:20]!r}")
    return mode


def _commit(data: bytes) -> tuple[re.Match[bytes], bytes]:
    """The beginning of a commit's head, and its message."""
    head, _, message = data.partition(b"\n\n")
    found = _COMMIT.match(head)
    if found is None:
        raise GitError("bad commit: expected a tree, parents, an author and a committer")
    if len(found[2]) > _MOST_PARENTS * _PARENT:
        raise GitError("bad commit: too many parents")
    return found, message


def _parents(found: re.Match[bytes]) -> tuple[str, ...]:
    return tuple(line[7:].decode() for line in found[2].splitlines())


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")
