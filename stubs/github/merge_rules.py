"""What a protected branch asks of a pull request before it is merged."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from . import branch_rules, checks, commit_statuses
from .subjects import may


def lacking(ctx: Context, repo: Entity, pull: Mapping[str, Any]) -> str:
    """What is missing, in GitHub's words; "" for nothing. Administrators may go past it, unless the rules say that they may not."""
    kept = branch_rules.protection(ctx, repo, pull["base_ref"])
    rules: Mapping[str, Any] = kept["rules"] if kept is not None else {}
    if not rules or (may(ctx, repo, "admin") and not rules.get("enforce_admins")):
        return ""
    return _reviews(ctx, repo, pull, rules) or _checks(ctx, repo, pull, rules)


def _reviews(ctx: Context, repo: Entity, pull: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    asked = rules.get("required_pull_request_reviews")
    if asked is None:
        return ""
    latest: dict[str, str] = {}
    for review in ctx.list("review", newest_first=False, repo=repo["id"], number=pull["number"]):
        if review["state"] not in {"COMMENTED", "PENDING"}:
            latest[review["user"]] = review["state"]
    if "CHANGES_REQUESTED" in latest.values():
        return "Changes must be addressed before merging."
    count = asked.get("required_approving_review_count", 1)
    if list(latest.values()).count("APPROVED") >= count:
        return ""
    noun = "review is" if count == 1 else "reviews are"
    return f"At least {count} approving {noun} required by reviewers with write access."


def _checks(ctx: Context, repo: Entity, pull: Mapping[str, Any], rules: Mapping[str, Any]) -> str:
    asked = rules.get("required_status_checks")
    if asked is None:
        return ""
    wanted = [*(asked.get("contexts") or ()), *(one["context"] for one in asked.get("checks") or ())]
    found = {one["context"]: one["state"] for one in commit_statuses.latest_of(ctx, repo, pull["head_sha"])}
    for one in checks.latest_of(ctx, repo, pull["head_sha"]):
        found[one["name"]] = "success" if one["conclusion"] in {"success", "neutral", "skipped"} else one["status"]
    missing = [name for name in dict.fromkeys(wanted) if found.get(name) != "success"]
    if not missing:
        return ""
    if len(missing) > 1:
        return f"{len(missing)} of {len(set(wanted))} required status checks are expected."
    word = (
        "expected"
        if missing[0] not in found
        else "failing"
        if found[missing[0]] in {"failure", "error", "completed"}
        else "pending"
    )
    return f'Required status check "{missing[0]}" is {word}.'
