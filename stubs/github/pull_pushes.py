"""What a push means for pull requests: their heads move, they are merged by it, or their branch is gone."""

from collections.abc import Iterable

from childproof.stubkit import Context, Entity, git

from . import issue_telling, pull_git
from .issue_records import change, close, note
from .pull_closing import finish, fix
from .pull_records import measured
from .subjects import repository_numbered
from .workflow_runs import triggered

_HEADS = "refs/heads/"


def follow(ctx: Context, repo: Entity, updates: Iterable[git.Update]) -> None:
    """Refs of a repository were changed: bring the pull requests up to date that depend on them."""
    for update in updates:
        if not update.ref.startswith(_HEADS):
            continue
        branch = update.ref.removeprefix(_HEADS)
        for pull in ctx.list("pull", head_repo=repo["id"], head_ref=branch, merged=False):
            _head(ctx, pull, update)
        if update.deleted:
            continue
        for pull in ctx.list("pull", repo=repo["id"], base_ref=branch, merged=False):
            _base(ctx, repo, pull, update.new)
        if branch == repo["default_branch"] and not update.created:
            for commit in pull_git.commits(ctx, repo, update.old, update.new):
                fix(ctx, repo, commit.message, commit.sha)


def _head(ctx: Context, pull: Entity, update: git.Update) -> None:
    """The branch of a pull request moved or went."""
    home = repository_numbered(ctx, pull["repo"])
    issue = ctx.find("issue", pull.id)
    if home is None or issue is None or issue["state"] != "open":
        return
    if update.deleted:
        note(ctx, issue, "head_ref_deleted")
        closed = close(ctx, issue)
        issue_telling.issue(ctx, home, closed, "closed")
        return
    source = repository_numbered(ctx, pull["head_repo"])
    if source is not None:
        pull_git.bring(ctx, home, source, update.new)
    base = pull_git.tip(ctx, home, pull["base_ref"]) or pull["base_sha"]
    ctx.update(pull, **measured(ctx, home, base, update.new))
    issue = change(ctx, issue)
    if update.forced:
        note(ctx, issue, "head_ref_force_pushed", commit=update.new)
    issue_telling.issue(ctx, home, issue, "synchronize", before=update.old, after=update.new)
    triggered(ctx, home, "pull_request", branch=pull["base_ref"], sha=update.new, title=issue["title"])


def _base(ctx: Context, repo: Entity, pull: Entity, sha: str) -> None:
    """What a pull request wants to change has moved: perhaps it has all of it by now."""
    issue = ctx.find("issue", pull.id)
    if issue is not None and issue["state"] == "open" and pull_git.contains(ctx, repo, sha, pull["head_sha"]):
        finish(ctx, repo, issue, pull, sha)
