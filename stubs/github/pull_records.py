"""Pull requests as they are kept: an issue's record, and this one beside it with its branches and its fate."""

from typing import Any

from childproof.stubkit import Context, Entity

from . import pull_git
from .issue_records import find
from .subjects import not_found


def find_pull(ctx: Context, repo: Entity, number: int | str) -> tuple[Entity, Entity]:
    """The issue's record and the pull request's; else 404."""
    issue = find(ctx, repo, number)
    if not issue["pull"]:
        raise not_found()
    return issue, ctx.get("pull", issue.id)


def is_open(ctx: Context, repo: Entity, home: Entity, base: str, head: str) -> bool:
    """Whether a repository has an open pull request from a branch of `home` to one of its own."""
    same = ctx.list("pull", repo=repo["id"], head_repo=home["id"], head_ref=head, base_ref=base, merged=False)
    return any(ctx.get("issue", pull.id)["state"] == "open" for pull in same)


def measured(ctx: Context, repo: Entity, base: str, head: str) -> dict[str, Any]:
    """What there is between two commits: kept with the pull request, since only a push changes it."""
    fork = pull_git.merge_base(ctx, repo, base, head)
    changes = pull_git.changes(ctx, repo, fork or base, head)
    return {
        "base_sha": base,
        "head_sha": head,
        "fork_sha": fork or base,
        "commits": len(pull_git.commits(ctx, repo, base, head)),
        "additions": sum(change.additions for change in changes),
        "deletions": sum(change.deletions for change in changes),
        "changed_files": len(changes),
    }
