"""Assignees: who may be asked to do something, and who is."""

from collections.abc import Mapping
from typing import Any

from childproof.stubkit import Context, Entity, Response, operation

from . import issue_shapes, issue_telling
from .issue_records import find, reassign
from .subjects import may, not_found, open_for_writing, repository, team_of, user

MOST = 10  # of an issue


def assignable(ctx: Context, repo: Entity, login: Any) -> str | None:
    """The login as it is written, of somebody who can be assigned; None for all others."""
    wanted = str(login).lower()
    return next((one for one in team_of(ctx, repo) if one.lower() == wanted), None)


@operation("GET /repos/{owner}/{repo}/assignees")
def listed(ctx: Context, owner: str, repo: str) -> Any:
    """Who can be assigned: all who have a part in the repository."""
    place = repository(ctx, owner, repo)
    return ctx.page([user(ctx, login) for login in team_of(ctx, place)])


@operation("GET /repos/{owner}/{repo}/assignees/{assignee}")
def check(ctx: Context, owner: str, repo: str, assignee: str) -> Response:
    """Whether somebody can be: 204 or 404."""
    return _checked(ctx, repository(ctx, owner, repo), assignee)


@operation("GET /repos/{owner}/{repo}/issues/{issue_number}/assignees/{assignee}")
def check_issue(ctx: Context, owner: str, repo: str, issue_number: str, assignee: str) -> Response:
    """Whether somebody can be assigned to this issue: 204 or 404."""
    place = repository(ctx, owner, repo)
    find(ctx, place, issue_number)
    return _checked(ctx, place, assignee)


def _checked(ctx: Context, repo: Entity, login: str) -> Response:
    if assignable(ctx, repo, login) is None:
        raise not_found()
    return Response(204)


@operation("POST /repos/{owner}/{repo}/issues/{issue_number}/assignees")
def add(ctx: Context, owner: str, repo: str, issue_number: str) -> Response:
    """More people; those who can't be assigned are left out silently."""
    return Response(201, _changed(ctx, repository(ctx, owner, repo), issue_number, add=True))


@operation("DELETE /repos/{owner}/{repo}/issues/{issue_number}/assignees")
def remove(ctx: Context, owner: str, repo: str, issue_number: str) -> dict[str, Any]:
    """Fewer people."""
    return _changed(ctx, repository(ctx, owner, repo), issue_number, add=False)


def _changed(ctx: Context, repo: Entity, number: str, *, add: bool) -> dict[str, Any]:
    open_for_writing(ctx, repo)
    issue = find(ctx, repo, number)
    if may(ctx, repo):
        given = [one["login"] if isinstance(one, Mapping) else one for one in ctx.body.get("assignees") or []]
        known = [login for one in given if (login := assignable(ctx, repo, one)) is not None]
        wanted = [*issue["assignees"], *known] if add else [one for one in issue["assignees"] if one not in known]
        issue, came, went = reassign(ctx, issue, list(dict.fromkeys(wanted))[:MOST])
        issue_telling.people(ctx, repo, issue, came, went)
    return issue_shapes.issue(ctx, repo, issue)
