"""Issues, labels, milestones and comments as GitHub shows them."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity

from .subjects import api, association, node_id, user, web

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


def rollup(counts: Mapping[str, int], url: str) -> dict[str, Any]:
    """How often each reaction was given."""
    return {
        "url": f"{url}/reactions",
        "total_count": sum(counts.values()),
        **{content: counts.get(content, 0) for content in REACTIONS},
    }


def label(repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A label."""
    return {
        "id": found["gid"],
        "node_id": node_id("LA", found["gid"]),
        "url": f"{api(repo)}/labels/{found['name'].replace(' ', '%20')}",
        "name": found["name"],
        "color": found["color"],
        "default": found["default"],
        "description": found["description"],
    }


def labels(ctx: Context, repo: Entity, issue: Mapping[str, Any]) -> list[dict[str, Any]]:
    """An issue's labels."""
    return [label(repo, found) for number in issue["labels"] if (found := ctx.find("label", str(number))) is not None]


def milestone(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A milestone, with what is open and closed in it."""
    number = found["number"]
    return {
        "url": f"{api(repo)}/milestones/{number}",
        "html_url": f"{web(repo)}/milestone/{number}",
        "labels_url": f"{api(repo)}/milestones/{number}/labels",
        "id": found["gid"],
        "node_id": node_id("MI", found["gid"]),
        "number": number,
        "title": found["title"],
        "description": found["description"],
        "creator": user(ctx, found["creator"]),
        "open_issues": found["open"],
        "closed_issues": found["closed"],
        "state": found["state"],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "due_on": found["due_on"],
        "closed_at": found["closed_at"],
    }


def milestone_of(ctx: Context, repo: Entity, issue: Mapping[str, Any]) -> dict[str, Any] | None:
    """The milestone that an issue is in."""
    if issue["milestone"] is None:
        return None
    found = ctx.find("milestone", f"{repo['id']}-{issue['milestone']}")
    return None if found is None else milestone(ctx, repo, found)


def issue(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """An issue, or a pull request as the issues' API shows it."""
    number = found["number"]
    url = f"{api(repo)}/issues/{number}"
    kind = "pull" if found["pull"] else "issues"
    page = f"{web(repo)}/{kind}/{number}"
    people = [one for login in found["assignees"] if (one := user(ctx, login)) is not None]
    made: dict[str, Any] = {
        "url": url,
        "repository_url": api(repo),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": found["gid"],
        "node_id": node_id("PR" if found["pull"] else "I", found["gid"]),
        "number": number,
        "title": found["title"],
        "user": user(ctx, found["user"]),
        "labels": labels(ctx, repo, found),
        "state": found["state"],
        "locked": found["locked"],
        "assignee": people[0] if people else None,
        "assignees": people,
        "milestone": milestone_of(ctx, repo, found),
        "comments": found["comments"],
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "closed_at": found["closed_at"],
        "author_association": association(ctx, repo, found["user"]),
        "active_lock_reason": found["lock_reason"],
        "body": found["body"],
        "closed_by": user(ctx, found["closed_by"]),
        "reactions": rollup(found["reactions"], url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": found["state_reason"],
    }
    if not found["pull"]:
        made["sub_issues_summary"] = {"total": 0, "completed": 0, "percent_completed": 0}
        return made
    pull = ctx.find("pull", f"{repo['id']}-{number}")
    made["draft"] = bool(pull and pull["draft"])
    made["pull_request"] = {
        "url": f"{api(repo)}/pulls/{number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": pull["merged_at"] if pull else None,
    }
    return made


def comment(ctx: Context, repo: Entity, found: Mapping[str, Any]) -> dict[str, Any]:
    """A comment on an issue or a pull request."""
    number, made = found["number"], int(found["id"])
    parent = ctx.find("issue", f"{repo['id']}-{number}")
    kind = "pull" if parent is not None and parent["pull"] else "issues"
    url = f"{api(repo)}/issues/comments/{made}"
    return {
        "url": url,
        "html_url": f"{web(repo)}/{kind}/{number}#issuecomment-{made}",
        "issue_url": f"{api(repo)}/issues/{number}",
        "id": made,
        "node_id": node_id("IC", made),
        "user": user(ctx, found["user"]),
        "created_at": found["created_at"],
        "updated_at": found["updated_at"],
        "body": found["body"],
        "author_association": association(ctx, repo, found["user"]),
        "reactions": rollup(found["reactions"], url),
        "performed_via_github_app": None,
    }
