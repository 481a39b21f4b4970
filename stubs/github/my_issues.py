"""Issues across repositories: those that the caller has something to do with."""

from collections.abc import Callable
from typing import Any

from childproof.stubkit import Context, Entity, operation

from . import issue_shapes
from .accounts import existing, needed, viewer
from .issues import ordered
from .repositories import visible
from .subjects import repository_in_full, repository_numbered


@operation("GET /issues")
def mine(ctx: Context) -> list[dict[str, Any]]:
    """Issues and pull requests of all repositories that the caller sees."""
    return _listed(ctx)


@operation("GET /user/issues")
def of_user(ctx: Context) -> list[dict[str, Any]]:
    """Of those that are the caller's or its organizations'."""
    return _listed(ctx)


@operation("GET /orgs/{org}/issues")
def of_organization(ctx: Context, org: str) -> list[dict[str, Any]]:
    """Of an organization's."""
    name = existing(ctx, org, "Organization")["login"].lower()
    return _listed(ctx, lambda repo: repo["_owner"] == name)


def _listed(ctx: Context, fits: Callable[[Entity], bool] = lambda _: True) -> list[dict[str, Any]]:
    login, query = needed(ctx)["login"], ctx.query
    state, since, role = query.get("state") or "open", query.get("since"), query.get("filter") or "assigned"
    places: dict[int, Entity | None] = {}
    found = []
    for issue in ctx.list("issue") if state == "all" else ctx.list("issue", state=state):
        if issue["repo"] not in places:
            repo = repository_numbered(ctx, issue["repo"])
            seen = repo is not None and fits(repo) and visible(ctx, repo, viewer(ctx))
            places[issue["repo"]] = repo if seen else None
        if (
            places[issue["repo"]] is not None
            and _about(issue, login, role)
            and (not since or issue["updated_at"] >= since)
        ):
            found.append(issue)
    shown = []
    for issue in ctx.page(ordered(ctx, found)):
        place = places[issue["repo"]]
        if place is not None:
            shown.append({**issue_shapes.issue(ctx, place, issue), "repository": repository_in_full(ctx, place)})
    return shown


def _about(issue: Entity, login: str, role: str) -> bool:
    match role:
        case "assigned":
            return login in issue["assignees"]
        case "created":
            return bool(issue["user"] == login)
        case "mentioned":
            return f"@{login.lower()}" in (issue["body"] or "").lower()
        case _:
            return True
