"""Protected branches, as far as a push is about them: https://docs.github.com/repositories/configuring-branches-and-merges."""

from typing import Any

from childproof.stubkit import Context, Entity, git

from .accounts import viewer
from .repositories import permission

HEADS = "refs/heads/"
RESOURCE = "branch_protection"
DECLINED = "protected branch hook declined"


def protection(ctx: Context, repo: Entity, branch: str) -> Entity | None:
    """How a branch is protected; None where it isn't."""
    return ctx.find(RESOURCE, f"{repo.id}/{branch}")


def complaint(ctx: Context, repo: Entity, update: git.Update) -> str:
    """Why GitHub declines a change of a ref, in its words to git; "" where it doesn't."""
    if update.ref.startswith("refs/pull/"):
        return "deny updating a hidden ref"
    if update.deleted and update.ref == HEADS + repo["default_branch"]:
        return f"refusing to delete the current branch: {update.ref}"
    return DECLINED if against(ctx, repo, update) else ""


def against(ctx: Context, repo: Entity, update: git.Update) -> str:
    """The rule of a protected branch that a change of it is against, as GitHub words it; "" where there is none."""
    branch = update.ref.removeprefix(HEADS)
    rules = protection(ctx, repo, branch) if update.ref.startswith(HEADS) else None
    if rules is None or update.created:
        return ""
    given: dict[str, Any] = rules["rules"]
    if update.deleted:
        return "" if given.get("allow_deletions") else "Cannot delete this branch"
    admin = permission(ctx, repo, viewer(ctx)) == "admin" and not given.get("enforce_admins")
    if given.get("lock_branch") and not admin:
        return "Cannot change this locked branch"
    if update.forced and not given.get("allow_force_pushes"):
        return "Cannot force-push to this branch"
    if admin:
        return ""
    if given.get("required_pull_request_reviews") is not None:
        return "Changes must be made through a pull request."
    checks = given.get("required_status_checks")
    return _expected(checks) if checks is not None else ""


def _expected(asked: dict[str, Any]) -> str:
    """What a commit lacks that no check has seen: whatever is pushed directly."""
    names = list(
        dict.fromkeys([*(asked.get("contexts") or ()), *(one["context"] for one in asked.get("checks") or ())])
    )
    if len(names) == 1:
        return f'Required status check "{names[0]}" is expected.'
    return f"{len(names)} of {len(names)} required status checks are expected."
