"""Objects from their bytes and back, and what they refer to. Strict about what matters, tolerant of old odd commits."""

import hashlib
import re
from collections.abc import Iterable

from dulwich.objects import ObjectID, parse_tree, sorted_tree_items

from .values import EXECUTABLE, FILE, FOLDER, MODES, SUBMODULE, Commit, Entry, GitError, Identity, Kind, Tag

NUMBERS: dict[Kind, int] = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}  # as packs have them
KINDS: dict[int, Kind] = {number: kind for kind, number in NUMBERS.items()}
_HEX = re.compile(rb"[0-9a-f]{40}")
_WHO = re.compile(rb"(.*?) ?<([^>]*)>[^0-9-]*(-?\d+)? ?([+-]\d{4})?")
_MOST_TIME = 253_402_300_799  # the last second of 9999
_MOST_PARENTS = 1000
_LONGEST_LINE = 1000  # of who wrote something
_SUSPICIOUS = b".gG"  # how those begin
_DOT_GIT = re.compile(rb"(?i)\.git|git~1|\.|\.\.")


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
    headers, message = _headers(data)
    tree = _only_sha(headers, b"tree", "commit")
    parents = tuple(_sha(value) for name, value in headers if name == b"parent")
    if len(parents) > _MOST_PARENTS:
        raise GitError("bad commit: too many parents")
    first = dict(reversed(headers))
    if b"author" not in first or b"committer" not in first:
        raise GitError("bad commit: missing author or committer")
    encoding = first.get(b"encoding", b"utf-8").decode("ascii", "replace")
    return Commit(
        sha, tree, parents, identity(first[b"author"]), identity(first[b"committer"]), _text(message, encoding),
        first.get(b"gpgsig", b"").decode("utf-8", "replace"),
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
    headers, message = _headers(data)
    first = dict(reversed(headers))
    kind = first.get(b"type", b"").decode("ascii", "replace")
    if kind not in NUMBERS or b"tag" not in first:
        raise GitError("bad tag: missing type or name")
    who = identity(first.get(b"tagger", b""))
    named = first[b"tag"].decode("utf-8", "replace")
    return Tag(sha, _only_sha(headers, b"object", "tag"), kind, named, who, _text(message, "utf-8"))


def write_tag(target: str, kind: Kind, name: str, tagger: Identity, message: str) -> bytes:
    """An annotated tag's bytes."""
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger ".encode()
    return head + tagger.line() + b"\n\n" + message.encode()


def links(kind: Kind, data: bytes) -> list[tuple[str, Kind]]:
    """What an object refers to, each with what it has to be. Checks the object as `git fsck` does. Raises GitError."""
    match kind:
        case "blob":
            return []
        case "tree":
            return _tree_links(data)
        case "commit":
            commit = read_commit("", data)
            return [(commit.tree, "tree"), *((parent, "commit") for parent in commit.parents)]
        case "tag":
            tag = read_tag("", data)
            return [(tag.object, tag.kind)]


def _tree_links(data: bytes) -> list[tuple[str, Kind]]:
    found: list[tuple[str, Kind]] = []
    before, seen = b"", set[bytes]()
    try:
        lines = parse_tree(data, 20, strict=False)
    except Exception as error:  # noqa: BLE001 - as in `read_tree`
        raise GitError(f"bad tree: {error}") from None
    for name, mode, sha in lines:
        if mode not in MODES:
            raise GitError(f"bad tree: mode {mode:o}")
        if not name or b"/" in name or (name[0] in _SUSPICIOUS and _DOT_GIT.fullmatch(name)):
            raise GitError(f"bad tree: the name {name[:80].decode('utf-8', 'replace')!r}")
        key = name + b"/" if mode == FOLDER else name
        if key <= before or name in seen:
            raise GitError("bad tree: not sorted, or a name twice")
        before = key
        seen.add(name)
        if mode != SUBMODULE:
            found.append((sha.decode(), "tree" if mode == FOLDER else "blob"))
    return found


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


def _headers(data: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    head, _, message = data.partition(b"\n\n")
    headers: list[tuple[bytes, list[bytes]]] = []
    for line in head.split(b"\n"):
        if line.startswith(b" ") and headers:  # a signature goes on
            headers[-1][1].append(line[1:])
        else:
            name, _, value = line.partition(b" ")
            headers.append((name, [value]))
    return [(name, b"\n".join(value)) for name, value in headers], message


def _only_sha(headers: list[tuple[bytes, bytes]], name: bytes, what: str) -> str:
    found = [value for key, value in headers if key == name]
    if len(found) != 1:
        raise GitError(f"bad {what}: {len(found)} {name.decode()} lines")
    return _sha(found[0])


def _sha(value: bytes) -> str:
    if not _HEX.fullmatch(value):
        raise GitError("bad object id")
    return value.decode()


def _text(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except (LookupError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")
