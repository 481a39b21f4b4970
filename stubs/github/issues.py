"""Issues: opened, listed, changed, locked."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import issue_shapes, issue_telling
from .assignees import assignable
from .issue_filters import asked
from .issue_records import (
    begin,
    change,
    check_words,
    close,
    find,
    milestone_named,
    note,
    open_for_issues,
    reassign,
    relabel,
    remilestone,
    reopen,
)  # fmt: skip
from .labels import named
from .subjects import invalid, may, need, need_author, open_for_writing, repository

_SORTS: Mapping[str, str] = {"created": "created_at", "updated": "updated_at", "comments": "comments"}
REASONS = ("completed", "not_planned", "duplicate")


@operation("POST /repos/{owner}/{repo}/issues")
def create(ctx: Context, owner: str, repo: str) -> Response:
    """Open an issue. Labels, people and a milestone are dropped for those who may not push, as GitHub does."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    open_for_issues(place)
    body = ctx.body
    title = str(body["title"])
    check_words("Issue", body)
    wanted: dict[str, Any] = {}
    if may(ctx, place):
        wanted = {
            "labels": named(ctx, place, body.get("labels") or []),
            "people": _people(ctx, place, body),
            "milestone": milestone_named(ctx, place, body.get("milestone")),
        }
    issue = begin(ctx, place, title, body.get("body"))
    return Response(201, issue_shapes.issue(ctx, place, _begun(ctx, place, issue, wanted)))


def _begun(ctx: Context, repo: Entity, issue: Entity, wanted: Mapping[str, Any]) -> Entity:
    came: list[Entity] = []
    people: list[str] = []
    if wanted:
        issue, came, _ = relabel(ctx, issue, wanted["labels"])
        issue, people, _ = reassign(ctx, issue, wanted["people"])
        issue = remilestone(ctx, issue, wanted["milestone"])
    issue_telling.issue(ctx, repo, issue, "opened")
    issue_telling.labels(ctx, repo, issue, came, [])
    issue_telling.people(ctx, repo, issue, people, [])
    issue_telling.milestone(ctx, repo, issue, None)
    return issue


@operation("GET /repos/{owner}/{repo}/issues")
def listed(ctx: Context, owner: str, repo: str) -> list[dict[str, Any]]:
    """The repository's issues and pull requests, as the query asks."""
    place = repository(ctx, owner, repo)
    found = ctx.list("issue", repo=place["id"])
    test = asked(ctx, place)
    return shown(ctx, place, ordered(ctx, [issue for issue in found if test(issue)]))


def ordered(ctx: Context, found: list[Entity]) -> list[Entity]:
    """In the order that the query asks for: the newest first, where it says nothing."""
    path = _SORTS.get(ctx.query.get("sort") or "created", "created_at")
    down = ctx.query.get("direction", "desc") != "asc"
    return sorted(found, key=lambda issue: (issue[path], issue["number"]), reverse=down)


def shown(ctx: Context, repo: Entity, found: list[Entity]) -> list[dict[str, Any]]:
    """A page of issues; only those on it are put into GitHub's shape."""
    return [issue_shapes.issue(ctx, repo, issue) for issue in ctx.page(found)]


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}")
def retrieve(ctx: Context, owner: str, repo: str, issue_number: str) -> dict[str, Any]:
    """One issue, or a pull request as an issue."""
    place = repository(ctx, owner, repo)
    issue = find(ctx, place, issue_number)
    if not issue["pull"]:
        open_for_issues(place)
    return issue_shapes.issue(ctx, place, issue)


@operation("PATCH /repos/{owner}/{repo}/issues/{issue_number}")
def update(ctx: Context, owner: str, repo: str, issue_number: str) -> dict[str, Any]:
    """Change an issue: its words and its state by whoever wrote it, all of it by those who may push."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue, body = find(ctx, place, issue_number), ctx.body
    need_author(ctx, place, issue["user"])
    wanted: dict[str, Any] = {}
    if may(ctx, place):
        wanted = {
            "labels": named(ctx, place, body["labels"] or []) if "labels" in body else None,
            "people": _people(ctx, place, body) if body.keys() & {"assignee", "assignees"} else None,
            "milestone": (milestone_named(ctx, place, body["milestone"]),) if "milestone" in body else None,
        }
    issue = _reworded(ctx, place, issue, body)
    issue = _retuned(ctx, place, issue, wanted)
    return issue_shapes.issue(ctx, place, _restated(ctx, place, issue, body))


def _reworded(ctx: Context, repo: Entity, issue: Entity, body: Mapping[str, Any]) -> Entity:
    fields = {name: body[name] for name in ("title", "body") if name in body and body[name] != issue[name]}
    if fields.get("title", "") is None:  # as if it weren't there
        del fields["title"]
    if not fields:
        return issue
    if "title" in fields:
        fields["title"] = str(fields["title"])
    check_words("Issue", fields)
    before = {name: {"from": issue[name] or ""} for name in fields}
    changed = change(ctx, issue, **fields)
    if "title" in fields:
        note(ctx, changed, "renamed", rename={"from": issue["title"], "to": fields["title"]})
    issue_telling.issue(ctx, repo, changed, "edited", changes=before)
    return changed


def _retuned(ctx: Context, repo: Entity, issue: Entity, wanted: Mapping[str, Any]) -> Entity:
    if wanted.get("labels") is not None:
        issue, came, went = relabel(ctx, issue, wanted["labels"])
        issue_telling.labels(ctx, repo, issue, came, went)
    if wanted.get("people") is not None:
        issue, *people = reassign(ctx, issue, wanted["people"])
        issue_telling.people(ctx, repo, issue, *people)
    if wanted.get("milestone") is not None:
        before = issue["milestone"]
        issue = remilestone(ctx, issue, wanted["milestone"][0])
        issue_telling.milestone(ctx, repo, issue, before)
    return issue


def _restated(ctx: Context, repo: Entity, issue: Entity, body: Mapping[str, Any]) -> Entity:
    state = body.get("state") or issue["state"]
    reason = body.get("state_reason")
    if state == issue["state"]:
        if state == "closed" and reason in REASONS and not issue["pull"]:
            issue = change(ctx, issue, state_reason=reason)
        return issue
    if issue["pull"]:
        pull = ctx.get("pull", issue.id)
        if state == "open" and pull["merged"]:
            raise invalid("PullRequest", "state", "custom", "state cannot be changed. The pull request is merged.")
    ended = state == "closed"
    issue = close(ctx, issue, reason if reason in REASONS else "completed") if ended else reopen(ctx, issue)
    issue_telling.issue(ctx, repo, issue, "closed" if ended else "reopened")
    return issue


@operation("PUT /repos/{owner}/{repo}/issues/{issue_number}/lock")
def lock(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """Nobody but those who may push can comment any more."""
    place = repository(ctx, owner, repo)
    open_for_writing(ctx, place)
    issue = find(ctx, place, issue_number)
    need(ctx, place)
    if not issue["locked"]:
        reason = ctx.body.get("lock_reason")
        issue = change(ctx, issue, locked=True, lock_reason=reason)
        note(ctx, issue, "locked", lock_reason=reason)
        issue_telling.issue(ctx, place, issue, "locked")
    return Response(204)


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/lock")
def unlock(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """All may comment again."""
    place = repository(ctx, owner, repo)
    issue = find(ctx, place, issue_number)
    need(ctx, place)
    if issue["locked"]:
        issue = change(ctx, issue, locked=False, lock_reason=None)
        note(ctx, issue, "unlocked", lock_reason=None)
        issue_telling.issue(ctx, place, issue, "unlocked")
    return Response(204)


def _people(ctx: Context, repo: Entity, body: Mapping[str, Any]) -> list[str]:
    """The logins to assign. 422 for somebody who can't be."""
    if body.get("assignees") is not None:
        given = [one["login"] if isinstance(one, Mapping) else one for one in body["assignees"]]
        field = "assignees"
    else:
        given, field = [body["assignee"]] if body.get("assignee") else [], "assignee"
    found = []
    for login in given:
        known = assignable(ctx, repo, login)
        if known is None:
            raise invalid("Issue", field, "invalid", value=login)
        found.append(known)
    return found
