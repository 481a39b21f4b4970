"""Commits and differences as lists and comparisons show them."""

from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from childproof.stubkit import Context, Entity, git

from . import pull_git
from .git_places import readable, repo_url, verification, web_url

MOST_FILES = 3000  # that are told of one commit


def shown(ctx: Context, found: Entity, one: git.Commit) -> dict[str, Any]:
    """A commit without its files: the document's `commit`."""
    made = pull_git.shown(ctx, found, one)
    made["commit"]["verification"] = verification(one.signature)
    return made


def with_files(ctx: Context, found: Entity, place: Any, one: git.Commit) -> dict[str, Any]:
    """A commit with what it changed."""
    changes = place.changes(one.sha)
    added, deleted = sum(change.additions for change in changes), sum(change.deletions for change in changes)
    return {
        **shown(ctx, found, one),
        "stats": {"total": added + deleted, "additions": added, "deletions": deleted},
        "files": [file(found, one.sha, change) for change in changes[:MOST_FILES]],
    }


def file(found: Entity, sha: str, change: git.FileChange) -> dict[str, Any]:
    """A file that was changed: the document's `diff-entry`."""
    name = readable(change.path)
    path, web = quote(name), web_url(found)
    made: dict[str, Any] = {
        "sha": change.new or change.old,
        "filename": name,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{web}/blob/{sha}/{path}",
        "raw_url": f"{web}/raw/{sha}/{path}",
        "contents_url": f"{repo_url(found)}/contents/{path}?ref={sha}",
    }
    if change.patch:
        made["patch"] = change.patch
    if change.status == "renamed":
        made["previous_filename"] = readable(change.previous)
    return made


def mailed(place: Any, commits: list[git.Commit]) -> str:
    """Commits as `git format-patch` writes them."""
    parts = []
    for number, one in enumerate(commits, start=1):
        title, _, rest = one.message.strip().partition("\n")
        counted = f" {number}/{len(commits)}" if len(commits) > 1 else ""
        head = [
            f"From {one.sha} Mon Sep 17 00:00:00 2001",
            f"From: {one.author.name} <{one.author.email}>",
            f"Date: {format_datetime(one.author.moment())}",
            f"Subject: [PATCH{counted}] {title}",
            "",
            *([rest.strip(), ""] if rest.strip() else []),
            "---",
        ]
        parts.append("\n".join(head) + "\n" + readable(place.unified(place.changes(one.sha))))
    return "\n".join(parts)
