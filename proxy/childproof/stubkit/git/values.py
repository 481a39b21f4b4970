"""The values of git that stubs handle: object ids are 40 hex digits, times are unix seconds, texts are UTF-8 as far as they are."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import msgspec

from childproof.stubkit.entity import Response

type Kind = Literal["commit", "tree", "blob", "tag"]
type Status = Literal["added", "removed", "modified", "renamed"]

ZERO = "0" * 40  # stands for no object
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
FILE, EXECUTABLE, SYMLINK, FOLDER, SUBMODULE = 0o100644, 0o100755, 0o120000, 0o040000, 0o160000
MODES = frozenset({FILE, EXECUTABLE, SYMLINK, FOLDER, SUBMODULE, 0o100664})  # 664: what early gits wrote


class GitError(ValueError):
    """What git would refuse: no such object, a bad ref name, a malformed pack. The message is git's, in one line."""


class Conflict(GitError):
    """Two sides changed the same places: `paths` says in which files."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        super().__init__(f"merge conflict in {', '.join(paths[:5])}")
        self.paths = paths


class Identity(msgspec.Struct, frozen=True):
    """Who wrote something, and when: `time` in unix seconds, `offset` in minutes east of Greenwich."""

    name: str
    email: str
    time: int
    offset: int = 0

    def line(self) -> bytes:
        """As a commit has it, without what would end the line or the field early."""
        sign, minutes = "-" if self.offset < 0 else "+", abs(self.offset)
        zone = f"{sign}{minutes // 60:02}{minutes % 60:02}"
        return f"{_plain(self.name)} <{_plain(self.email)}> {self.time} {zone}".encode()

    def date(self) -> str:
        """Its moment as RFC 3339, in UTC."""
        return datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def moment(self) -> datetime:
        """Its moment where it was written."""
        return datetime.fromtimestamp(self.time, timezone(timedelta(minutes=self.offset)))


class Commit(msgspec.Struct, frozen=True):
    """A commit as it was read. `signature` is what it was signed with, "" mostly."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    message: str
    signature: str = ""


class Tag(msgspec.Struct, frozen=True):
    """An annotated tag as it was read."""

    sha: str
    object: str
    kind: Kind
    name: str
    tagger: Identity
    message: str


class Entry(msgspec.Struct, frozen=True):
    """One line of a tree: a name within it, or a whole path where a tree was read with all below it."""

    path: str
    mode: int
    sha: str

    @property
    def kind(self) -> Kind:
        """What the id is one of; a submodule's is a commit, of another repository."""
        return "tree" if self.mode == FOLDER else "commit" if self.mode == SUBMODULE else "blob"


class FileChange(msgspec.Struct, frozen=True):
    """What became of a file between two trees. `patch` is None for binary and very large ones.

    `old` and `new` are ids of blobs, "" on the side that hasn't it.
    """

    status: Status
    path: str
    previous: str
    old: str
    new: str
    old_mode: int
    new_mode: int
    additions: int
    deletions: int
    patch: str | None


class Update(msgspec.Struct, frozen=True):
    """A ref that is to change, or has: `old` and `new` are ids, `ZERO` where there is nothing."""

    ref: str
    old: str
    new: str
    forced: bool = False  # whether what was there isn't in the history of what comes

    @property
    def created(self) -> bool:
        """Whether the ref is new."""
        return self.old == ZERO

    @property
    def deleted(self) -> bool:
        """Whether the ref is gone afterwards."""
        return self.new == ZERO


class Pushed(msgspec.Struct, frozen=True):
    """What a push came to: the reply to git, and the refs that changed, in the client's order."""

    response: Response
    updates: tuple[Update, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()  # (ref, why)


def _plain(text: str) -> str:
    return "".join(letter for letter in text if letter not in "<>\n\0").strip()
