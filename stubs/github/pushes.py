"""Refs that were changed, by git or by the API: what is told of it, and what follows from it."""

from collections.abc import Sequence
from typing import Any

from childproof.stubkit import Context, Entity, git

from . import pull_git
from .activity import message, told
from .pull_pushes import follow
from .subjects import me, web
from .workflow_runs import triggered

MOST = 2048  # commits in one webhook, as GitHub says; the event lists have 20
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


def pushed(ctx: Context, repo: Entity, updates: Sequence[git.Update]) -> None:
    """Refs of a repository have changed: hooks are told, pull requests follow, workflows run.

    To be called once after each change by whoever made it: git's push, the operations on refs and contents, a merge.
    """
    if not updates:
        return
    ctx.update(repo, pushed_at=ctx.now())
    for update in updates:
        _told(ctx, repo, update)
    follow(ctx, repo, updates)
    for update in updates:
        if update.ref.startswith(_HEADS) and not update.deleted:
            triggered(ctx, repo, "push", branch=update.ref.removeprefix(_HEADS), sha=update.new)


def _told(ctx: Context, repo: Entity, update: git.Update) -> None:
    kind = "tag" if update.ref.startswith(_TAGS) else "branch"
    name = update.ref.removeprefix(_HEADS).removeprefix(_TAGS)
    about = {
        "ref": name,
        "ref_type": kind,
        "master_branch": repo["default_branch"],
        "description": repo["description"],
        "pusher_type": "user",
    }
    if update.created or update.deleted:
        event = "create" if update.created else "delete"
        told(ctx, repo, event, "", {"ref": name}, lambda: about, listed=about)
    commits = [] if update.deleted or kind == "tag" else _new(pull_git.of(ctx, repo), update)
    subject = {"ref": update.ref, "commits": len(commits), "forced": update.forced}
    listed = {"ref": update.ref, "head": update.new, "before": update.old}
    told(ctx, repo, "push", "", subject, lambda: _payload(ctx, repo, update, commits), listed=listed)


def push_again(ctx: Context, repo: Entity, hook: Entity) -> None:
    """Tell one hook of the last commit of the default branch, as if it had just been pushed."""
    place = pull_git.of(ctx, repo)
    head = place.ref(place.head)
    if head is None:
        return
    commit = place.commit(head)
    update = git.Update(place.head, commit.parents[0] if commit.parents else "0" * 40, head)
    ctx.send(hook, "push", message(ctx, repo, "", _payload(ctx, repo, update, [commit])))


def _payload(ctx: Context, repo: Entity, update: git.Update, commits: Sequence[git.Commit]) -> dict[str, Any]:
    place = pull_git.of(ctx, repo)
    head = place.peel(update.new) if not update.deleted else None
    return {
        "ref": update.ref,
        "before": update.old,
        "after": update.new,
        "base_ref": None,
        "created": update.created,
        "deleted": update.deleted,
        "forced": update.forced,
        "compare": f"{web(repo)}/compare/{update.old[:12]}...{update.new[:12]}",
        "commits": [_commit(ctx, repo, place, commit) for commit in commits[-MOST:]],
        "head_commit": _commit(ctx, repo, place, place.commit(head)) if head else None,
        "pusher": {"name": me(ctx), "email": pull_git.identity(ctx).email},
    }


def _new(place: Any, update: git.Update) -> list[git.Commit]:
    """The commits that came; of a new branch, those that no other branch has."""
    if not update.created:
        return list(place.between(update.old, update.new))
    others = [sha for ref, sha in place.refs.items() if ref.startswith(_HEADS) and ref != update.ref]
    if not others:
        return list(place.log(update.new))[:MOST][::-1]
    return min((place.between(other, update.new) for other in others), key=len)


def _commit(ctx: Context, repo: Entity, place: Any, commit: git.Commit) -> dict[str, Any]:
    changes = place.changes(commit.sha, patches=False)
    sides: dict[str, Any] = {}
    for side, who in (("author", commit.author), ("committer", commit.committer)):
        known = pull_git.person(ctx, who)
        sides[side] = {"name": who.name, "email": who.email, **({"username": known["login"]} if known else {})}
    return {
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": True,
        "message": commit.message.rstrip("\n"),
        "timestamp": commit.committer.date(),
        "url": f"{web(repo)}/commit/{commit.sha}",
        **sides,
        "added": [change.path for change in changes if change.status in {"added", "renamed"}],
        "removed": [change.previous or change.path for change in changes if change.status in {"removed", "renamed"}],
        "modified": [change.path for change in changes if change.status == "modified"],
    }
