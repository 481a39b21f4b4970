"""Protected branches, as far as a push is about them: https://docs.github.com/repositories/configuring-branches-and-merges."""

from typing import Any

from childproof.stubkit import Context, Entity, git

from .accounts import viewer
from .repositories import permission

HEADS = "refs/heads/"
RESOURCE = "branch_protection"


def protection(ctx: Context, repo: Entity, branch: str) -> Entity | None:
    """How a branch is protected; None where it isn't."""
    return ctx.find(RESOURCE, f"{repo.id}/{branch}")


def complaint(ctx: Context, repo: Entity, update: git.Update) -> str:
    """Why GitHub declines a change of a ref, in its words to git; "" where it doesn't."""
    if update.ref.startswith("refs/pull/"):
        return "deny updating a hidden ref"
    if not update.ref.startswith(HEADS):
        return ""
    branch = update.ref.removeprefix(HEADS)
    if update.deleted and branch == repo["default_branch"]:
        return f"refusing to delete the current branch: {update.ref}"
    rules = protection(ctx, repo, branch)
    return "" if rules is None or update.created else _against(ctx, repo, rules, update)


def _against(ctx: Context, repo: Entity, rules: Entity, update: git.Update) -> str:
    given: dict[str, Any] = rules["rules"]
    admin = permission(ctx, repo, viewer(ctx)) == "admin" and not given.get("enforce_admins")
    if update.deleted:
        return "" if given.get("allow_deletions") else "protected branch hook declined"
    if given.get("lock_branch") and not admin:
        return "protected branch hook declined"
    if update.forced and not given.get("allow_force_pushes"):
        return "protected branch hook declined"
    wanted = given.get("required_pull_request_reviews") is not None or given.get("required_status_checks") is not None
    return "protected branch hook declined" if wanted and not admin else ""
