"""Git repositories that live in the world: `git.repository(ctx, id)` has refs, objects, history and git's own HTTP protocol.

For stubs of services that host code. What is pushed is what `repository` reads, and what it writes is what a client
fetches. Nothing of it is imported before a repository is used.
"""

from typing import TYPE_CHECKING

from .values import ZERO, Commit, Conflict, Entry, FileChange, GitError, Identity, Pushed, Tag, Update

if TYPE_CHECKING:
    from childproof.stubkit.context.context import Context

    from .whole import Repository

__all__ = [
    "ZERO",
    "Commit",
    "Conflict",
    "Entry",
    "FileChange",
    "GitError",
    "Identity",
    "Pushed",
    "Tag",
    "Update",
    "repository",
]


def repository(ctx: "Context", id: str | int, *, head: str = "refs/heads/main") -> "Repository":  # noqa: A002 - the concept's name
    """The repository of that id, among those of the stub; one that nothing was written to is empty.

    `head` is the ref that its HEAD points at: the default branch, which the stub knows.
    """
    from .whole import Repository  # noqa: PLC0415 - 25 ms of imports, for who uses git alone

    return Repository(ctx, str(id), head)
