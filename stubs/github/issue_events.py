"""What happened to issues and pull requests: their events, and the timeline that has comments and reviews, too."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import issue_shapes, pull_shapes
from .issue_records import find
from .subjects import api, node_id, not_found, repository, user

_PEOPLE = ("assignee", "requested_reviewer", "review_requester")


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/events")
def of_issue(ctx: Context, owner: str, repo: str, issue_number: str) -> list[dict[str, Any]]:
    """The events of one issue, the oldest first."""
    place = repository(ctx, owner, repo)
    issue = find(ctx, place, issue_number)
    found = ctx.list("issue_event", newest_first=False, repo=place["id"], number=issue["number"])
    return [_shown(ctx, place, event) for event in ctx.page(found)]


@operation("GET /repos/{owner}/{repo}/issues/events")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The events of all issues, the newest first."""
    place = repository(ctx, owner, repo)
    return [_with_issue(ctx, place, event) for event in ctx.page(ctx.list("issue_event", repo=place["id"]))]


@operation("GET /repos/{owner}/{repo}/issues/events/{event_id}")
def retrieve(ctx: Context, owner: str, repo: str, event_id: str) -> dict[str, Any]:
    """One event."""
    place = repository(ctx, owner, repo)
    found = ctx.find("issue_event", event_id)
    if found is None or found["repo"] != place["id"]:
        raise not_found()
    return _with_issue(ctx, place, found)


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/timeline")
def timeline(ctx: Context, owner: str, repo: str, issue_number: str) -> Any:
    """Events, comments, commits and reviews, in the order of their time."""
    place = repository(ctx, owner, repo)
    issue = find(ctx, place, issue_number)
    where = {"repo": place["id"], "number": issue["number"]}
    entries: list[tuple[str, int, dict[str, Any]]] = []
    entries += [
        (event["created_at"], int(event["id"]), _shown(ctx, place, event, whole=True))
        for event in ctx.list("issue_event", newest_first=False, **where)
    ]
    for one in ctx.list("comment", newest_first=False, **where):
        author = user(ctx, one["user"])
        shown = {**issue_shapes.comment(ctx, place, one), "event": "commented", "actor": author}
        entries.append((one["created_at"], int(one["id"]), shown))
    for review in ctx.list("review", newest_first=False, **where):
        if review["state"] != "PENDING":
            shown = {**pull_shapes.review(ctx, place, review), "event": "reviewed"}
            entries.append((review["submitted_at"], int(review["id"]), shown))
    return ctx.page([shown for _, _, shown in sorted(entries, key=lambda entry: entry[:2])])


def _shown(ctx: Context, repo: Entity, event: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """An event; why something was closed is in the timeline alone, as the document has it."""
    number, commit = int(event["id"]), event["commit_id"]
    extra = {name: user(ctx, value) if name in _PEOPLE else value for name, value in event["extra"].items()}
    if not whole:
        extra.pop("state_reason", None)
    if "assignee" in extra and not whole:
        extra["assigner"] = user(ctx, event["actor"])
    return {
        "id": number,
        "node_id": node_id("IE", number),
        "url": f"{api(repo)}/issues/events/{number}",
        "actor": user(ctx, event["actor"]),
        "event": event["event"],
        "commit_id": commit,
        "commit_url": f"{api(repo)}/commits/{commit}" if commit else None,
        "created_at": event["created_at"],
        **extra,
        "performed_via_github_app": None,
    }


def _with_issue(ctx: Context, repo: Entity, event: Mapping[str, Any]) -> dict[str, Any]:
    return {**_shown(ctx, repo, event), "issue": issue_shapes.issue(ctx, repo, find(ctx, repo, event["number"]))}
